// What the way a container is started tells of its databases.
#include "operator/core/recognise.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Field = AppCondition::Field;
using From = AppSetting::From;
using Gives = AppSetting::Gives;

App vault() {
  App app;
  app.name = "Vault";
  app.images = {"example/vault"};
  app.when = {{Field::kEnvironment, "DB_TYPE", {"sqlite"}, true}};
  app.databases = {{"/data/vault.db",
                    {{From::kEnvironment, "DATABASE_URL", Gives::kUrl, ""},
                     {From::kEnvironment, "DB_FILE", Gives::kFile, ""},
                     {From::kOption, "--data-dir", Gives::kFolder, "/data"},
                     {From::kEnvironment, "DATA_FOLDER", Gives::kFolder, "/data"}}}};
  app.journal = Strategy::kWal;
  app.synchronous = Synchronous::kNormal;
  app.overrides = {
      {{Field::kEnvironment, "ENABLE_WAL", {"false"}, false}, Strategy::kRollback, std::nullopt}};
  app.sqlite = {{"1.*", "3.45.0"}};
  return app;
}

App stream(std::string what, App::Role role) {
  App app;
  app.name = "Stream, " + what;
  app.images = {"example/stream"};
  app.programs = {"stream"};
  app.role = role;
  app.when = {{Field::kArgument, what, {}, false}};
  app.databases = {{"", {{From::kOption, "-o", Gives::kFile, ""}, {From::kOption, what, Gives::kFile, ""}}}};
  if (role == App::Role::kReplicator) app.journal = Strategy::kWal;
  return app;
}

const Catalog& apps() {
  static const Catalog kApps(
      {}, {}, {},
      {vault(), stream("replicate", App::Role::kReplicator), stream("restore", App::Role::kRestorer)});
  return kApps;
}

EnvironmentVariable variable(std::string name, std::string value) {
  EnvironmentVariable made;
  made.name = std::move(name);
  made.value = std::move(value);
  return made;
}

EnvironmentVariable hidden(std::string name) {
  EnvironmentVariable made;
  made.name = std::move(name);
  made.in_view = false;
  return made;
}

EnvironmentVariable hidden_source() {
  EnvironmentVariable made = hidden("");
  made.is_source = true;
  return made;
}

std::vector<RecognisedDatabase> of(Launch launch) {
  static PodSpec pod;  // what is recognised points at its container
  pod.containers = {container("app", {mount("data", "/data")})};
  pod.containers.front().launch = std::move(launch);
  return recognise(pod, apps());
}

std::vector<std::string> paths(Launch launch) {
  std::vector<std::string> all;
  for (const RecognisedDatabase& database : of(std::move(launch))) all.push_back(database.path);
  return all;
}

std::vector<std::string> paths_of_command(std::vector<std::string> command) {
  return paths({.image = {}, .command = std::move(command), .args = {}, .environment = {}});
}

std::vector<std::string> paths_of_env(std::string value) {
  return paths({.image = {}, .command = {}, .args = {}, .environment = {variable("X", std::move(value))}});
}

Launch vault_with(std::vector<EnvironmentVariable> environment, std::vector<std::string> args = {}) {
  return {.image = "registry.example:5000/mirror/example/vault:1.32@sha256:0123",
          .command = {},
          .args = std::move(args),
          .environment = std::move(environment)};
}

TEST(Recognise, AnImageIsRecognisedWhateverItsRegistryTagOrDigest) {
  const auto found = of(vault_with({}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "/data/vault.db");
  EXPECT_EQ(found[0].app, "Vault");
  EXPECT_EQ(found[0].journal, Strategy::kWal);
  EXPECT_EQ(found[0].journal_because, "Vault sets WAL");
  EXPECT_EQ(found[0].synchronous, Synchronous::kNormal);
  EXPECT_EQ(found[0].sqlite_version, "3.45.0");
}

TEST(Recognise, ASettingMovesTheDatabase) {
  EXPECT_THAT(paths(vault_with({variable("DATA_FOLDER", "/srv/v/")})), ElementsAre("/srv/v/vault.db"));
  EXPECT_THAT(paths(vault_with({}, {"--data-dir=/srv"})), ElementsAre("/srv/vault.db"));
  EXPECT_THAT(paths(vault_with({}, {"--data-dir", "/srv"})), ElementsAre("/srv/vault.db"));
  EXPECT_THAT(paths(vault_with({variable("DB_FILE", "other")})), ElementsAre("/data/other"))
      << "a relative file lies in the app's folder";
  EXPECT_THAT(paths(vault_with({variable("DB_FILE", "other"), variable("DATA_FOLDER", "/srv")})),
              ElementsAre("/srv/other"));
  EXPECT_THAT(paths(vault_with({variable("DATABASE_URL", "sqlite:///srv/a")})), ElementsAre("/srv/a"));
  EXPECT_THAT(paths(vault_with({variable("DATABASE_URL", "")})), ElementsAre("/data/vault.db"))
      << "empty is not set";
}

TEST(Recognise, AnotherEngineMeansNoDatabaseHere) {
  EXPECT_THAT(paths(vault_with({variable("DATABASE_URL", "postgresql://u:p@db/x.db")})), IsEmpty());
  EXPECT_THAT(paths(vault_with({variable("DATABASE_URL", ":memory:")})), IsEmpty());
  EXPECT_THAT(paths(vault_with({variable("DB_TYPE", "postgres")})), IsEmpty());
  EXPECT_THAT(paths(vault_with({variable("DB_TYPE", "SQLite")})), ElementsAre("/data/vault.db"));
}

TEST(Recognise, WhatIsNotInViewLeavesTheAppRecognised) {
  EXPECT_THAT(paths(vault_with({hidden("DB_TYPE")})), ElementsAre("/data/vault.db"));
  EXPECT_THAT(paths(vault_with({hidden("DATABASE_URL")})), ElementsAre("/data/vault.db"));
  EXPECT_THAT(paths(vault_with({hidden_source()})), ElementsAre("/data/vault.db"));
}

TEST(Recognise, WhereAnAppIsMovedToOutOfViewEveryWritableMountCounts) {
  PodSpec pod;
  pod.containers = {container("app", {mount("a", "/a"), mount("b", "/b")})};
  pod.containers.front().mounts.back().read_only = true;
  for (const EnvironmentVariable& setting : {hidden("DATA_FOLDER"), hidden_source()}) {
    pod.containers.front().launch = vault_with({setting});
    const auto found = recognise(pod, apps());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].path, "/a/*");
    EXPECT_FALSE(found[0].path_can_be_shown);
    EXPECT_EQ(found[0].journal, Strategy::kWal);
  }
}

TEST(Recognise, AConnectionStringMakesNothingMilderThanTheApp) {
  const auto with_url = [](std::string url) {
    return of(vault_with({variable("DATABASE_URL", std::move(url))}))[0];
  };
  EXPECT_EQ(with_url("/data/x.db?_journal_mode=delete").journal, Strategy::kWal);
  EXPECT_EQ(with_url("/data/x.db?_journal_mode=delete").journal_because, "Vault sets WAL");
  EXPECT_EQ(with_url("/data/x.db?_synchronous=full").synchronous, Synchronous::kNormal);
  EXPECT_EQ(with_url("/data/x.db?_synchronous=off").synchronous, Synchronous::kOff);
}

TEST(Recognise, AFolderThatMayHoldMoreThanAPathIsNotShown) {
  const auto found = of(vault_with({variable("DATA_FOLDER", "/srv/v;SECRET"), variable("DB_FILE", "other")}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].path_can_be_shown);
}

TEST(Recognise, OfSettingsThatAreNotInViewTheStricterCounts) {
  EXPECT_EQ(of(vault_with({variable("ENABLE_WAL", "FALSE")}))[0].journal, Strategy::kRollback);
  EXPECT_EQ(of(vault_with({hidden("ENABLE_WAL")}))[0].journal, Strategy::kWal);
  EXPECT_EQ(of(vault_with({hidden_source()}))[0].journal, Strategy::kWal);
}

TEST(Recognise, ConnectionStringsAndPathsAreFoundInTheEnvironment) {
  EXPECT_THAT(paths_of_env("sqlite:////data/x"), ElementsAre("/data/x"));
  EXPECT_THAT(paths_of_env("/data/x.sqlite3"), ElementsAre("/data/x.sqlite3"));
  EXPECT_THAT(paths_of_env("/opt/app -Dfile=/data/y.db -v"), ElementsAre("/data/y.db"));
  EXPECT_THAT(paths_of_env("x.db"), IsEmpty()) << "where it begins only the image knows";
  EXPECT_THAT(paths_of_env("postgres://db/x.db"), IsEmpty());
  EXPECT_THAT(paths_of_env("/data"), IsEmpty());
}

TEST(Recognise, AndInTheCommandLine) {
  using Words = std::vector<std::string>;
  for (const Words& command : {Words{"app", "--db", "/data/x.db"},
                               {"app", "--db=/data/x.db"},
                               {"app", "-dsn=file:/data/x.db?nolock=1"},
                               {"sh", "-c", "app --db /data/x.db"},
                               {"/bin/sh", "-ec", "cd /srv; exec app --db='/data/x.db' && true"},
                               {"bash", "-c", "DATABASE_URL=sqlite:////data/x.db exec app"},
                               {"sh", "-c", "app --db ${DB:-/data/x.db}"},
                               {"tini", "--", "app", "/data/x.db"},
                               {"stream", "replicate", "-exec", "app --db /data/x.db"},
                               {"sqlite3", "-readonly", "/data/x.db", ".backup '/backup/y.db'"},
                               {"cp", "/data/x.db", "/backup/y.db"}}) {
    EXPECT_THAT(paths_of_command(command), ::testing::Contains("/data/x.db")) << command.back();
    EXPECT_THAT(paths_of_command(command), ::testing::Not(::testing::Contains("/backup/y.db")));
  }
  EXPECT_THAT(paths_of_command({"sqlite3", "/data/homeserver", "VACUUM"}), ElementsAre("/data/homeserver"));
  EXPECT_THAT(paths_of_command({"sqlite3", "/data/x.db key=SECRET", "VACUUM"}), ElementsAre("/data/x.db"));
  EXPECT_THAT(paths_of_command({"sh", "-c", "app $UNKNOWN/x.db"}), IsEmpty());
  EXPECT_THAT(paths_of_command({"sh", "-c", "app /data/$UNKNOWN/x.db"}), ElementsAre("/data/*/x.db"));
}

TEST(Recognise, ReferencesToVariablesAreFilledIn) {
  EXPECT_THAT(paths({.image = {},
                     .command = {},
                     .args = {"--db=$(DIR)/x.db"},
                     .environment = {variable("DIR", "/data"), variable("Y", "sqlite:///$(DIR)/y")}}),
              ElementsAre("/data/y", "/data/x.db"));
  EXPECT_THAT(paths({.image = {},
                     .command = {"sh", "-c", "app --db $DIR/x.db"},
                     .args = {},
                     .environment = {variable("DIR", "/data")}}),
              ElementsAre("/data/x.db"));
  EXPECT_THAT(paths({.image = {}, .command = {}, .args = {"$(NO)/x.db"}, .environment = {hidden("NO")}}),
              IsEmpty());
}

TEST(Recognise, OneDatabaseIsOneHoweverOftenItIsNamed) {
  const auto found = of(vault_with(
      {variable("DATABASE_URL", "/data/vault.db"), variable("AGAIN", "file:/data/vault.db?immutable=1")}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].app, "Vault");
  EXPECT_EQ(found[0].locks_off, "immutable=1");
}

TEST(Recognise, AProgramIsRecognisedByItsNameInAnyImageAndScript) {
  using Words = std::vector<std::string>;
  for (const Words& command :
       {Words{"/usr/local/bin/stream", "replicate", "-config", "/etc/s.yml", "/data/db"},
        {"sh", "-c", "stream replicate /data/db s3://bucket"},
        {"exec", "stream", "replicate", "/data/db"}}) {
    const auto found = of({.image = "example/other", .command = command, .args = {}, .environment = {}});
    ASSERT_FALSE(found.empty()) << command.back();
    EXPECT_EQ(found[0].path, "/data/db");
    EXPECT_EQ(found[0].role, App::Role::kReplicator);
    EXPECT_EQ(found[0].app, "Stream");
    EXPECT_EQ(found[0].journal_because, "Stream needs WAL");
  }
}

TEST(Recognise, AReplicatorWithoutAPathWorksOnThoseBesideIt) {
  const auto found = of({.image = "example/stream", .command = {}, .args = {"replicate"}, .environment = {}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "");
  EXPECT_EQ(found[0].role, App::Role::kReplicator);
  EXPECT_THAT(of({.image = "example/stream", .command = {}, .args = {"version"}, .environment = {}}),
              IsEmpty());
}

TEST(Recognise, OfTheValuesOfConfigMapsItIsRememberedWhereTheyStood) {
  EnvironmentVariable from_config_map = variable("DB_FILE", "/data/a.db");
  from_config_map.config_map = "settings";
  EXPECT_THAT(of(vault_with({from_config_map}))[0].config_maps, ElementsAre("settings"));
  EXPECT_THAT(of(vault_with({}))[0].config_maps, IsEmpty());
}

TEST(Recognise, AContainerWithoutMountsOpensNothingThatStays) {
  PodSpec pod;
  pod.containers = {container("app", {})};
  pod.containers.front().launch = vault_with({});
  EXPECT_THAT(recognise(pod, apps()), IsEmpty());
}

TEST(Recognise, WhatIsTooMuchIsCutShort) {
  Launch launch;
  for (int i = 0; i < 5000; ++i) {
    launch.environment.push_back(variable("V" + std::to_string(i), "/data/" + std::to_string(i) + ".db"));
    launch.args.push_back("$(V1)$(V1)$(V1)/" + std::to_string(i) + ".db");
  }
  launch.command = {"sh", "-c", std::string(1U << 20U, ';')};
  EXPECT_EQ(of(launch).size(), 64U);
}

}  // namespace
}  // namespace walguard::core
