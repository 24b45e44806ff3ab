// Which volumes hold a database: what the annotations say, resolved as the kernel would.
#include "operator/core/databases.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

Volume named(std::string name, VolumeKind kind = VolumeKind::kClaim) {
  return but(volume_of(kind), [&](auto& v) { v.name = std::move(name); });
}

/// Containers web (/data of "data", /data/cache of "cache") and worker (/work of "data").
Workload shop(std::optional<std::string> databases) {
  Workload workload;
  workload.annotations.databases = std::move(databases);
  workload.pod.containers = {container("web", {mount("data", "/data"), mount("cache", "/data/cache/")}),
                             container("worker", {mount("data", "/work")})};
  workload.pod.volumes = {named("data"), named("cache"), named("unmounted")};
  return workload;
}

std::vector<std::string> paths_on(const Workload& workload, std::string_view volume) {
  return find_databases(workload, named(std::string(volume))).paths;
}

using Paths = std::vector<std::string>;

TEST(Databases, WithoutAnAnnotationThereIsNone) {
  EXPECT_EQ(find_databases(shop(std::nullopt), named("data")).certainty, Certainty::kNone);
}

TEST(Databases, ADeclaredPathBelongsToTheLongestMountAboveIt) {
  EXPECT_EQ(paths_on(shop("/data/app.db"), "data"), Paths{"/data/app.db"});
  EXPECT_EQ(paths_on(shop("/data/app.db"), "cache"), Paths{});
  EXPECT_EQ(paths_on(shop("/data/cache/app.db"), "cache"), Paths{"/data/cache/app.db"});
  EXPECT_EQ(paths_on(shop("/data/cache/app.db"), "data"), Paths{}) << "the longer mount hides it";
  EXPECT_EQ(find_databases(shop("/data/app.db"), named("data")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(shop("/data/app.db"), named("cache")).certainty, Certainty::kNone);
}

TEST(Databases, WholeComponentsMatch) {
  EXPECT_EQ(paths_on(shop("/database/app.db"), "data"), Paths{});
  EXPECT_EQ(paths_on(shop("/data"), "data"), Paths{"/data"});
  EXPECT_EQ(paths_on(shop("/data/"), "data"), Paths{"/data/"});
  Workload rooted = shop("/anything.db");
  rooted.pod.containers = {container("web", {mount("data", "/")})};
  EXPECT_EQ(paths_on(rooted, "data"), Paths{"/anything.db"});
}

TEST(Databases, AContainerPrefixSaysWhoseMountsCount) {
  EXPECT_EQ(paths_on(shop("worker:/work/app.db"), "data"), Paths{"worker:/work/app.db"});
  EXPECT_EQ(paths_on(shop("web:/work/app.db"), "data"), Paths{});
  EXPECT_EQ(paths_on(shop("nobody:/data/app.db"), "data"), Paths{});
}

TEST(Databases, TheListHoldsSeveralWithSpacesAndEmptyPlaces) {
  EXPECT_EQ(paths_on(shop(" /data/a.db , ,worker:/work/*.sqlite,/data/a.db"), "data"),
            (Paths{"/data/a.db", "worker:/work/*.sqlite"}));
  EXPECT_EQ(paths_on(shop(""), "data"), Paths{});
  EXPECT_EQ(paths_on(shop("data/app.db"), "data"), Paths{}) << "a relative path is nowhere";
}

TEST(Databases, AStarInTheNameOfTheFileLeavesTheLongestMountTheOnlyOne) {
  EXPECT_EQ(paths_on(shop("/data/cache/*.db"), "cache"), Paths{"/data/cache/*.db"});
  EXPECT_EQ(paths_on(shop("/data/cache/*.db"), "data"), Paths{}) << "the longer mount hides it";
  EXPECT_EQ(paths_on(shop("/data/*.db"), "data"), Paths{"/data/*.db"});
  EXPECT_EQ(paths_on(shop("/data/*.db"), "cache"), Paths{});
}

TEST(Databases, AStarAboveAMountMayLeadIntoIt) {
  EXPECT_EQ(paths_on(shop("/data/*/app.db"), "cache"), Paths{"/data/*/app.db"});
  EXPECT_EQ(paths_on(shop("/data/*/app.db"), "data"), Paths{"/data/*/app.db"})
      << "into a folder beside it as well";
  for (const std::string_view pattern : {"c*", "*e", "c*e", "*a*h*", "cache*", "**"}) {
    EXPECT_EQ(paths_on(shop("/data/" + std::string(pattern) + "/app.db"), "cache").size(), 1U) << pattern;
  }
  for (const std::string_view pattern : {"d*", "*d", "c*d", "*h*a*", "cache*x", "cach"}) {
    EXPECT_EQ(paths_on(shop("/data/" + std::string(pattern) + "/app.db"), "cache").size(), 0U) << pattern;
  }
}

TEST(Databases, ARowOfStarsDoesNotHoldTheWebhook) {
  // Whoever tries every way to share the letters among the stars is busy for years, or out of stack.
  std::string pattern = "/";
  for (int i = 0; i < 20; ++i) pattern += "a*";
  Workload workload = pod();
  workload.pod.containers = {container("app", {mount("data", "/" + std::string(60, 'a'))})};
  for (const std::string& path : {pattern + "b", "/" + std::string(200000, '*') + "b"}) {
    workload.annotations.databases = path;
    EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).certainty, Certainty::kNone);
  }
}

TEST(Databases, AListTooLongToBeReadCouldNameEveryMountedVolume) {
  const auto list_of = [](int entries) {
    std::string list;
    for (int i = 0; i < entries; ++i) list += "/data/" + std::to_string(i) + ".db,";
    return list;
  };
  EXPECT_EQ(paths_on(shop(list_of(100)), "data").size(), 100U);
  EXPECT_EQ(find_databases(shop(list_of(100)), named("cache")).certainty, Certainty::kNone);
  EXPECT_TRUE(annotation_complaints(shop(list_of(100))).empty());
  const Workload too_long = shop(list_of(40000));
  EXPECT_EQ(find_databases(too_long, named("data")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(too_long, named("cache")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(too_long, named("unmounted")).certainty, Certainty::kNone);
  EXPECT_EQ(annotation_complaints(too_long).size(), 1U);
}

TEST(Databases, ProjectionsNeverHoldOne) {
  EXPECT_EQ(find_databases(shop("/data/app.db"), named("data", VolumeKind::kProjection)).certainty,
            Certainty::kNone);
}

TEST(Databases, RequireLocalWithoutAListAsksItOfEveryMountedVolume) {
  Workload workload = shop(std::nullopt);
  workload.annotations.require_local = true;
  EXPECT_EQ(find_databases(workload, named("data")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(workload, named("cache")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(workload, named("unmounted")).certainty, Certainty::kNone);
  EXPECT_EQ(find_databases(workload, named("data", VolumeKind::kProjection)).certainty, Certainty::kNone);
  workload.annotations.require_local = false;
  EXPECT_EQ(find_databases(workload, named("data")).certainty, Certainty::kNone);
}

TEST(Databases, RequireLocalWithAListAsksItOfTheListedVolumes) {
  Workload workload = shop("/data/app.db");
  workload.annotations.require_local = true;
  EXPECT_EQ(find_databases(workload, named("data")).certainty, Certainty::kDeclared);
  EXPECT_EQ(find_databases(workload, named("cache")).certainty, Certainty::kNone);
}

TEST(Databases, TheStrategyIsTheAnnotationsAndWalWhereItCannotBeRead) {
  const auto strategy = [](std::optional<std::string> text) {
    Workload workload = shop("/data/app.db");
    workload.annotations.journal_mode = std::move(text);
    return find_databases(workload, named("data")).strategy;
  };
  EXPECT_EQ(strategy(std::nullopt), Strategy::kWal);
  EXPECT_EQ(strategy("rollback"), Strategy::kRollback);
  EXPECT_EQ(strategy("wal-exclusive"), Strategy::kWalExclusive);
  EXPECT_EQ(strategy("delete"), Strategy::kWal) << "the strictest, until it can be read";
}

std::optional<bool> single_file(Volume volume, VolumeMount at, const std::string& database) {
  Workload workload = pod(std::move(volume));
  workload.annotations.databases = database;
  workload.pod.containers = {container("app", {std::move(at)})};
  return find_databases(workload, workload.pod.volumes.front()).single_file_mount;
}

TEST(SingleFileMounts, AreASubPathOrAHostPathFileThatIsTheDatabaseItself) {
  const Volume claim = claim_volume();
  EXPECT_EQ(single_file(claim, mount("data", "/data"), "/data/app.db"), false);
  EXPECT_EQ(single_file(claim, mount("data", "/data/app.db", "app.db"), "/data/app.db"), true);
  EXPECT_EQ(single_file(claim, mount("data", "/data", "shop"), "/data/app.db"), false)
      << "a folder by subPath";
  EXPECT_EQ(single_file(claim, mount("data", "/data"), "/data"), false) << "a whole volume is a folder";
  EXPECT_EQ(single_file(host_path("/srv/app.db", "File"), mount("data", "/app.db"), "/app.db"), true);
  EXPECT_EQ(single_file(host_path("/srv/app.db", "FileOrCreate"), mount("data", "/app.db"), "/app.db"), true);
  EXPECT_EQ(single_file(host_path("/srv", "Directory"), mount("data", "/srv"), "/srv"), false);
  EXPECT_EQ(single_file(host_path("/srv/app.db"), mount("data", "/app.db"), "/app.db"), std::nullopt)
      << "a hostPath without a type may be either";
}

TEST(SingleFileMounts, AreLookedForWhereNoDatabaseIsNamedToo) {
  const auto required = [](VolumeMount at) {
    Workload workload = pod();
    workload.annotations.databases.reset();
    workload.annotations.require_local = true;
    workload.pod.containers = {container("app", {std::move(at)})};
    return find_databases(workload, workload.pod.volumes.front()).single_file_mount;
  };
  EXPECT_EQ(required(mount("data", "/data")), false);
  EXPECT_EQ(required(mount("data", "/data/app.db", "app.db")), true) << "it looks like one";
  EXPECT_EQ(required(mount("data", "/data", "shop")), std::nullopt) << "a subPath may be either";
}

TEST(SingleFileMounts, OneOfSeveralIsEnough) {
  Workload workload = pod();
  workload.annotations.databases = "/data/app.db,/data/b.db";
  workload.pod.containers = {container("app", {mount("data", "/data")}),
                             container("sidecar", {mount("data", "/data/app.db", "app.db")})};
  EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).single_file_mount, true);
}

TEST(ReadOnlyMounts, AreSaidOnlyWhereEveryMountIsOne) {
  Workload workload = pod();
  workload.pod.containers.front().mounts.front().read_only = true;
  EXPECT_TRUE(find_databases(workload, workload.pod.volumes.front()).every_mount_read_only);
  workload.pod.containers.push_back(container("writer", {mount("data", "/data")}));
  EXPECT_FALSE(find_databases(workload, workload.pod.volumes.front()).every_mount_read_only);
}

TEST(AnnotationComplaints, NameTheAnnotationItsValueAndWhatIsExpected) {
  Workload workload = pod();
  Annotations& annotations = workload.annotations;
  EXPECT_TRUE(annotation_complaints(workload).empty());
  annotations.databases = "/data/app.db,app:/data/*.sqlite";
  annotations.journal_mode = "wal";
  annotations.mode = "enforce";
  EXPECT_TRUE(annotation_complaints(workload).empty());

  annotations.databases = "/data/app.db,/dta/app.db";
  annotations.journal_mode = "delete";
  annotations.mode = "strict";
  const auto complaints = annotation_complaints(workload);
  ASSERT_EQ(complaints.size(), 3U);
  for (const auto& [i, parts] : std::vector<std::pair<std::size_t, std::vector<std::string_view>>>{
           {0, {"walguard/journal-mode", "\"delete\"", "wal-exclusive"}},
           {1, {"walguard/mode", "\"strict\"", "enforce"}},
           {2, {"walguard/databases", "\"/dta/app.db\"", "mountPath"}}}) {
    for (const std::string_view part : parts) {
      EXPECT_NE(complaints[i].find(part), std::string::npos) << complaints[i] << " does not say " << part;
    }
  }
}

}  // namespace
}  // namespace walguard::core
