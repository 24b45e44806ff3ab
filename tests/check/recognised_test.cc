// Databases that nobody has declared, found with the knowledge that is compiled in: in Kubernetes objects
// with their ConfigMaps, and in compose files.
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/check/json_report.h"
#include "operator/check/report.h"
#include "operator/check/text_report.h"
#include "operator/core/verdict.h"
#include "preflight/text/terminal.h"
#include "tests/check/checked.h"

namespace walguard::check {
namespace {

using core::Certainty;
using core::Decision;
using core::Verdict;
using testing::checked;
using testing::claim_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kClasses;
using ::testing::Not;
using testing::text_of;

/// A Deployment "web" of one container with the claim "data" at /data; `more` is of the container, in YAML's
/// flow form.
std::string deployment(std::string_view more, std::string_view annotations = "") {
  return std::string(kClasses) + claim_of("nfs", "ReadWriteMany") +
         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    metadata: "
         "{annotations: {" +
         std::string(annotations) +
         "}}\n    spec:\n      containers:\n      - {name: web, volumeMounts: [{name: data, mountPath: "
         "/data}], " +
         std::string(more) + "}\n      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n";
}

std::string with_config_map(std::string_view value, const std::string& manifests) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {DB: \"" + std::string(value) +
         "\", PORT: \"80\"}\n---\n" + manifests;
}

const CheckedObject& web_of(const CheckReport& report) { return report.objects.at(0); }

TEST(CheckRecognises, AnAppByItsImage) {
  const CheckReport report =
      checked(deployment("image: ghcr.io/dani-garcia/mirror/vaultwarden/server:1.32.0"));
  const CheckedVolume& volume = web_of(report).volumes.at(0);
  EXPECT_EQ(volume.facts.certainty, Certainty::kRecognised);
  EXPECT_THAT(volume.facts.databases, ElementsAre("/data/db.sqlite3"));
  EXPECT_THAT(volume.facts.usage.apps, ElementsAre("Vaultwarden"));
  EXPECT_EQ(volume.verdict, Verdict::kUnsafe);
  EXPECT_EQ(web_of(report).decision, Decision::kWarn) << "what is recognised alone is not denied";
  EXPECT_EQ(
      web_of(checked(deployment("image: vaultwarden/server", "walguard/require-local: 'true'"))).decision,
      Decision::kDeny);
}

TEST(CheckRecognises, ThatAnAppHasAnotherEngine) {
  const CheckReport report = checked(deployment(
      "image: vaultwarden/server, env: [{name: DATABASE_URL, value: 'postgresql://u:p@db/vault'}]"));
  EXPECT_THAT(web_of(report).volumes, IsEmpty());
}

TEST(CheckRecognises, AConnectionStringInAConfigMapAndSaysSo) {
  const std::string manifests = deployment(
      "image: example/app, env: [{name: URL, valueFrom: {configMapKeyRef: {name: settings, key: DB}}}]");
  const CheckReport report = checked(with_config_map("sqlite:////data/shop.db", manifests));
  const CheckedVolume& volume = web_of(report).volumes.at(0);
  EXPECT_THAT(volume.facts.databases, ElementsAre("/data/shop.db"));
  EXPECT_THAT(volume.facts.usage.seen_in, ElementsAre("ConfigMap default/settings"));
  EXPECT_THAT(text_of(json_report, report), HasSubstr(R"("seen_in": [
            "ConfigMap default/settings"
          ])"));
  EXPECT_THAT(text_of(text_report, report, text::TextStyle{}),
              HasSubstr("recognised by ConfigMap default/settings"));
  EXPECT_THAT(web_of(checked(manifests)).volumes, IsEmpty()) << "the ConfigMap is not in view";
}

TEST(CheckRecognises, AllKeysOfAConfigMapThatTheEnvironmentIsMadeFrom) {
  const CheckReport report = checked(with_config_map(
      "/data/shop.db", deployment("image: example/app, envFrom: [{configMapRef: {name: settings}}], "
                                  "args: ['--x=$(PORT)']")));
  EXPECT_THAT(web_of(report).volumes.at(0).facts.databases, ElementsAre("/data/shop.db"));
  EXPECT_THAT(text_of(json_report, checked(deployment("image: vaultwarden/server"))),
              Not(HasSubstr("seen_in")));
}

TEST(CheckRecognises, AConfigMapOfTheClusterState) {
  testing::Given given;
  given.input = {{"in.yaml", deployment("image: a/b, envFrom: [{configMapRef: {name: settings}}]")}};
  given.cluster = {{"state.yaml", with_config_map("/data/shop.db", "")}};
  EXPECT_THAT(web_of(checked(given)).volumes.at(0).facts.databases, ElementsAre("/data/shop.db"));
}

// ---- Compose

CheckedObject service_of(std::string_view more) {
  return checked("services:\n  app:\n    volumes: ['/mnt/c/x:/data']\n" + std::string(more)).objects.at(0);
}

std::vector<std::string> databases_of(std::string_view more) {
  const CheckedObject object = service_of(more);
  return object.volumes.empty() ? std::vector<std::string>{} : object.volumes[0].facts.databases;
}

TEST(ComposeRecognises, AnAppByItsImage) {
  const CheckedObject object = service_of("    image: '${IMAGE:-vaultwarden/server}:latest'\n");
  EXPECT_EQ(object.volumes.at(0).facts.certainty, Certainty::kRecognised);
  EXPECT_EQ(object.volumes.at(0).verdict, Verdict::kUnsafe);
  EXPECT_EQ(object.decision, Decision::kWarn);
}

TEST(ComposeRecognises, TheEnvironmentInBothItsForms) {
  EXPECT_THAT(databases_of("    environment: {DB: 'sqlite:////data/a', PORT: 80, ON: true, NO: }\n"),
              ElementsAre("/data/a"));
  EXPECT_THAT(databases_of("    environment: ['DB=/data/a.db', FROM_SHELL]\n"), ElementsAre("/data/a.db"));
  EXPECT_THAT(databases_of("    environment: ['DB=${DIR:-/data}/a.db']\n"), ElementsAre("/data/a.db"));
  EXPECT_THAT(databases_of("    environment: ['DB=/data/${NAME}.db']\n"), IsEmpty())
      << "what the variable is, nobody here knows";
}

TEST(ComposeRecognises, CommandAndEntrypointInBothTheirForms) {
  EXPECT_THAT(databases_of("    command: app --db \"/data/a.db\"\n"), ElementsAre("/data/a.db"));
  EXPECT_THAT(databases_of("    entrypoint: [sh, -c]\n    command: ['app --db /data/a.db']\n"),
              ElementsAre("/data/a.db"));
  EXPECT_THAT(databases_of("    command: [app, '--db=/data/a.db']\n"), ElementsAre("/data/a.db"));
  EXPECT_THAT(databases_of("    entrypoint: sqlite3 /data/x 'VACUUM'\n"), ElementsAre("/data/x"));
}

TEST(ComposeRecognises, AReplicatorThatIsAServiceOfItsOwn) {
  const CheckReport report = checked(
      "services:\n  app:\n    image: vaultwarden/server\n    volumes: [data:/data]\n"
      "    labels: {walguard/journal-mode: rollback}\n"
      "  stream:\n    image: litestream/litestream\n    command: replicate\n"
      "    volumes: [data:/data, ./litestream.yml:/etc/litestream.yml]\nvolumes: {data: {}}\n");
  const auto& facts = report.objects.at(0).volumes.at(0).facts;
  EXPECT_EQ(facts.usage.replicator, "stream");
  EXPECT_EQ(facts.strategy, core::Strategy::kWal);
  EXPECT_EQ(report.objects.at(1).volumes.size(), 1U) << "its configuration holds no database";
}

TEST(ComposeRecognises, CopiesOfReplicasThatShareAVolume) {
  const std::string copies =
      "services:\n  app:\n    image: rqlite/rqlite\n    volumes: ['data:/rqlite/file']\n";
  EXPECT_THAT(testing::findings_of(checked(copies + "    scale: 3\nvolumes: {data: {}}\n").objects.at(0)),
              ::testing::Contains("unsafe replicas-diverge"));
  EXPECT_THAT(testing::findings_of(checked(copies + "volumes: {data: {}}\n").objects.at(0)),
              Not(::testing::Contains("unsafe replicas-diverge")));
}

TEST(CheckRecognises, CopiesOfReplicasThatShareAClaim) {
  const auto of = [](std::string_view replicas, std::string_view strategy) {
    std::string text = std::string(kClasses) + claim_of("disk", "ReadWriteOnce") +
                       "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " +
                       std::string(replicas) + "\n  strategy: {type: " + std::string(strategy) +
                       "}\n  template:\n    spec:\n      containers:\n      - {name: web, image: "
                       "'rqlite/rqlite:8', volumeMounts: [{name: data, mountPath: /rqlite/file}]}\n"
                       "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n";
    return testing::findings_of(checked(text).objects.at(0));
  };
  EXPECT_THAT(of("3", "Recreate"), ::testing::Contains("unsafe replicas-diverge"));
  EXPECT_THAT(of("1", "RollingUpdate"), ::testing::Contains("unsafe replicas-diverge"))
      << "the old pod and the new one are two";
  EXPECT_THAT(of("1", "Recreate"), Not(::testing::Contains("unsafe replicas-diverge")));
}

TEST(ComposeRecognises, WhatAnEnvFileMaySayLeavesTheAppRecognised) {
  constexpr std::string_view kPhotos =
      "services:\n  app:\n    image: photoprism/photoprism\n    volumes: ['/mnt/c/x:/photoprism/storage']\n";
  EXPECT_THAT(checked(kPhotos).objects.at(0).volumes, IsEmpty()) << "it uses SQLite only where it is told to";
  const CheckReport report = checked(std::string(kPhotos) + "    env_file: photos.env\n");
  EXPECT_EQ(report.objects.at(0).volumes.size(), 1U);
}

}  // namespace
}  // namespace walguard::check
