#include "operator/wire/preflight_resource.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/wire/text_forms.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

core::PreflightStatus full_status() {
  core::PreflightStatus status;
  status.phase = core::PreflightPhase::kDone;
  status.reason = "Safe";
  status.message = "all checks passed";
  status.run = 3;
  status.run_started = 1'800'000'000;
  status.run_finished = 1'800'000'020;
  status.recent_starts = {1'800'000'000};
  status.run_key = {.storage_class = "fast",
                    .volume = "",
                    .driver = "fast.csi.example.com",
                    .parameters = "d1",
                    .mount_options = {"noatime"},
                    .fs_type = "ext4",
                    .access_mode = core::AccessMode::kReadWriteMany,
                    .runtime_handler = "kata"};
  status.volume = "pvc-1";
  status.foreign_volume = "other";
  status.inconclusive_runs = 2;
  status.next_retry = 1'800'000'100;
  core::Measurement& measured = status.measured.emplace();
  measured.evidence.key = status.run_key;
  measured.evidence.scope = core::Scope::kCluster;
  measured.evidence.verdicts = {{core::Verdict::kSafe, core::Verdict::kUnproven, core::Verdict::kUnsafe}};
  measured.evidence.reasons = {"rollback-workload: lost"};
  measured.evidence.measured_at = 1'800'000'019;
  measured.evidence.filesystem = "ext4";
  measured.evidence.kernel_release = "6.1.0";
  measured.evidence.probe_version = "0.1.0";
  measured.evidence.digest = "0123456789ab";
  measured.evidence.contention = core::Contention{.refused = 0.25, .longest_wait = 0.125};
  measured.checks = {{.id = "identity", .result = "pass", .detail = "well"}};
  measured.nodes = {{.name = "n1", .kernel = "6.1.0"}, {.name = "n2", .kernel = ""}};
  measured.sqlite_version = "3.40.1";
  measured.operator_version = "0.1.0";
  core::set_condition(status, core::kConditionMeasured, true, "Safe", "well", 1'800'000'020);
  return status;
}

/// The object with this status, as the API server would hold it after the patch.
std::string stored(const core::PreflightStatus& status, const core::Preflight& preflight) {
  Json object = {{"kind", "VolumePreflight"},
                 {"metadata", {{"name", "p"}, {"uid", "u"}, {"resourceVersion", "7"}}},
                 {"spec", {{"storageClassName", "fast"}}}};
  return object.patch(Json::parse(status_patch(preflight, status))).dump();
}

core::Preflight of_version(const std::string& version) {
  core::Preflight preflight;
  preflight.resource_version = version;
  return preflight;
}

TEST(PreflightResource, AStatusSurvivesBeingWrittenAndReadWithEveryField) {
  const core::PreflightStatus before = full_status();
  const auto object = read_preflight(stored(before, of_version("7")));
  ASSERT_TRUE(object) << object.error();
  const core::PreflightStatus& after = object->status;
  EXPECT_EQ(after.phase, before.phase);
  EXPECT_EQ(after.run, 3);
  EXPECT_EQ(after.run_started, before.run_started);
  EXPECT_EQ(after.run_finished, before.run_finished);
  EXPECT_EQ(after.recent_starts, before.recent_starts);
  EXPECT_EQ(after.run_key, before.run_key);
  EXPECT_EQ(after.volume, "pvc-1");
  EXPECT_EQ(after.foreign_volume, "other");
  EXPECT_EQ(after.inconclusive_runs, 2);
  EXPECT_EQ(after.next_retry, before.next_retry);
  EXPECT_EQ(after.conditions, before.conditions);
  if (!before.measured || !after.measured) FAIL() << "nothing measured";
  EXPECT_EQ(after.measured->evidence.key, before.run_key);
  EXPECT_EQ(after.measured->evidence.scope, core::Scope::kCluster);
  EXPECT_EQ(after.measured->evidence.verdicts, before.measured->evidence.verdicts);
  EXPECT_EQ(after.measured->evidence.reasons, before.measured->evidence.reasons);
  EXPECT_EQ(after.measured->evidence.measured_at, before.measured->evidence.measured_at);
  EXPECT_EQ(after.measured->evidence.digest, "0123456789ab");
  EXPECT_EQ(after.measured->evidence.contention, before.measured->evidence.contention);
  EXPECT_EQ(after.measured->checks, before.measured->checks);
  EXPECT_EQ(after.measured->nodes, before.measured->nodes);
  EXPECT_EQ(after.measured->operator_version, "0.1.0");
}

TEST(PreflightResource, AStatusIsWrittenOnlyOverTheVersionThatWasRead) {
  EXPECT_THROW((void)stored(full_status(), of_version("6")), Json::exception);
}

TEST(PreflightResource, WhatIsNoLongerTrueGoesFromTheStatus) {
  Json object = Json::parse(stored(full_status(), of_version("7")));
  const Json patched = object.patch(Json::parse(status_patch(of_version("7"), core::PreflightStatus{})));
  EXPECT_FALSE(patched["status"].contains("volume"));
  EXPECT_FALSE(patched["status"].contains("verdict"));
}

TEST(PreflightResource, AStatusThatCannotBeReadIsAsNone) {
  Json object = Json::parse(stored(full_status(), of_version("7")));
  object["status"]["phase"] = "Levitating";
  const auto read = read_preflight(object.dump());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status.run, 0);
  EXPECT_FALSE(read->status.measured);
}

TEST(PreflightResource, WhereSomebodyCountsOnItTheErrorNamesTheFieldOfTheStatus) {
  const Json good = Json::parse(stored(full_status(), of_version("7")));
  EXPECT_TRUE(read_preflight(good.dump(), BadStatus::kIsAnError));
  const auto error_with = [&](const char* pointer, const Json& value) {
    Json object = good;
    object[Json::json_pointer(pointer)] = value;
    const auto read = read_preflight(object.dump(), BadStatus::kIsAnError);
    return read ? std::string() : read.error();
  };
  EXPECT_EQ(error_with("/status", "done"), "status.phase: cannot use value() with string");
  EXPECT_EQ(error_with("/status/filesystem", 7), "status.filesystem: type must be string, but is number");
  EXPECT_EQ(error_with("/status/run", "3"), "status.run: type must be number, but is string");
  EXPECT_EQ(error_with("/status/key/driver", true), "status.key.driver: type must be string, but is boolean");
  EXPECT_EQ(error_with("/status/verdict/wal", "fine"), "status.verdict.wal: \"fine\" is not known here");
  EXPECT_EQ(error_with("/status/measuredAt", "noon"), "status.measuredAt: no time like 2026-01-31T12:00:00Z");
  EXPECT_EQ(error_with("/status/reasons", Json::array({1})),
            "status.reasons: type must be string, but is number");
  EXPECT_EQ(error_with("/status/checks/0/id", 1), "status.checks.id: type must be string, but is number");
  EXPECT_EQ(error_with("/status/contention/refusedTransactions", "many"),
            "status.contention.refusedTransactions: type must be number, but is string");
}

TEST(PreflightResource, ASpecThatCannotBeReadIsAnError) {
  for (const char* const text :
       {"", "{}", R"({"metadata":{"name":"a"}})", R"({"metadata":{"name":"a"},"spec":{"scope":"universe"}})",
        R"({"metadata":{"name":"a"},"spec":{"scope":7}})"}) {
    EXPECT_FALSE(read_preflight(text)) << text;
  }
}

TEST(PreflightResource, AWantedPreflightIsNamedAfterItsClassAndWhatItProves) {
  core::ProbeRequest request{.key = {}, .scope = core::Scope::kContainer};
  request.key.storage_class = "Gold.SSD_" + std::string(80, 'x');
  const core::Preflight preflight = preflight_for(request, "kata");
  EXPECT_LE(preflight.name.size(), 63U);
  EXPECT_THAT(preflight.name, ::testing::MatchesRegex("[a-z0-9][-a-z0-9]*-pod-[0-9a-f]+"));
  EXPECT_EQ(preflight.name, preflight_for(request, "kata").name);
  const auto read = read_preflight(manifest_of(preflight));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->spec.scope, core::Scope::kPod);
  EXPECT_EQ(read->spec.access_mode, core::AccessMode::kReadWriteOnce);
  EXPECT_EQ(read->spec.runtime_class, "kata");
  EXPECT_TRUE(read->automatic);
}

TEST(PreflightResource, ScopeClusterIsProvedOnAClaimThatTwoNodesMayWrite) {
  core::ProbeRequest request{.key = {}, .scope = core::Scope::kCluster};
  EXPECT_EQ(preflight_for(request, "").spec.access_mode, core::AccessMode::kReadWriteMany);
}

TEST(PreflightResource, AWantedPreflightAsksForItsClaimAsTheWorkloadDoes) {
  core::ProbeRequest request{.key = {}, .scope = core::Scope::kNode};
  request.key.access_mode = core::AccessMode::kReadWriteMany;
  EXPECT_EQ(preflight_for(request, "").spec.access_mode, core::AccessMode::kReadWriteMany);
}

TEST(PreflightResource, AWantedPreflightGoesWhereTheWorkloadMayGo) {
  core::ProbeRequest request{.key = {}, .scope = core::Scope::kNode};
  const std::string anywhere = preflight_for(request, "").name;
  request.placement.node_selector = {{"disk", "ssd"}};
  request.placement.node_terms = {
      {.match_expressions = {{.key = "zone", .op = "In", .values = {"a", "b"}},
                             {.key = "spot", .op = "DoesNotExist", .values = {}}},
       .match_fields = {{.key = "metadata.name", .op = "NotIn", .values = {"old"}}}}};
  request.placement.tolerations = {
      {.key = "dedicated", .op = "Equal", .value = "db", .effect = "NoSchedule"}};
  const core::Preflight preflight = preflight_for(request, "");
  EXPECT_NE(preflight.name, anywhere) << "what no node takes holds up nobody else";
  const auto read = read_preflight(manifest_of(preflight));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->spec.placement, request.placement);
}

TEST(PreflightResource, EvidenceKnowsOnWhichNodesItWasMeasured) {
  const auto placement_of = [](const Json& node_selector) {
    Json object = Json::parse(stored(full_status(), of_version("7")));
    object["spec"]["nodeSelector"] = node_selector;
    const auto read = read_preflight(object.dump());
    return read && read->status.measured ? read->status.measured->evidence.placement : "nothing measured";
  };
  EXPECT_EQ(placement_of(Json::object()), "");
  EXPECT_EQ(placement_of({{"pool", "a"}}), placement_of({{"pool", "a"}}));
  EXPECT_NE(placement_of({{"pool", "a"}}), placement_of({{"pool", "b"}}));
  EXPECT_NE(placement_of({{"pool", "a"}}), "");
}

TEST(PreflightResource, NoPasswordOfAClassStandsInAPreflight) {
  const auto object = read_preflight(
      R"({"metadata":{"name":"p"},"spec":{"storageClassName":"smb","mountOptions":["vers=3.0,password=hunter2"]}})");
  ASSERT_TRUE(object) << object.error();
  EXPECT_THAT(manifest_of(*object), ::testing::Not(::testing::HasSubstr("hunter2")));
}

TEST(TextForms, ASecretInAMountOptionBecomesADigestThatCanStillBeCompared) {
  const auto hidden = without_secrets({"noatime", "vers=3.0,password=hunter2", "secret=a,dir_mode=0777"});
  ASSERT_EQ(hidden.size(), 3U);
  EXPECT_EQ(hidden[0], "noatime");
  EXPECT_THAT(hidden[1], ::testing::MatchesRegex("vers=3.0,password=sha256:[0-9a-f]+"));
  EXPECT_THAT(hidden[2], ::testing::MatchesRegex("secret=sha256:[0-9a-f]+,dir_mode=0777"));
  EXPECT_EQ(without_secrets({"password=a"}), without_secrets({"password=a"}));
  EXPECT_NE(without_secrets({"password=a"}), without_secrets({"password=b"}));
}

TEST(TextForms, ParametersHaveADigestThatTellsThemApartAndHidesThem) {
  EXPECT_EQ(digest_of({}), "");
  EXPECT_EQ(digest_of({{"a", "b"}}), digest_of({{"a", "b"}}));
  EXPECT_NE(digest_of({{"a", "b"}}), digest_of({{"a", "c"}}));
  EXPECT_NE(digest_of({{"ab", "c"}}), digest_of({{"a", "bc"}}));
  EXPECT_EQ(digest_of({{"password", "hunter2"}}).find("hunter2"), std::string::npos);
}

TEST(TextForms, ATimeIsReadAsItWasWritten) {
  EXPECT_EQ(utc_text(1'800'000'000), "2027-01-15T08:00:00Z");
  EXPECT_EQ(parse_utc("2027-01-15T08:00:00Z"), 1'800'000'000);
  EXPECT_EQ(parse_utc("2027-01-15T08:00:00.123456Z"), 1'800'000'000);
  EXPECT_EQ(parse_utc("2027-13-15T08:00:00Z"), std::nullopt);
}

}  // namespace
}  // namespace walguard::wire
