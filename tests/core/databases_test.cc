// Which volumes hold a database: what the annotations say, resolved as the kernel would.
#include "operator/core/databases.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
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

TEST(Databases, ADeclaredPathIsTakenAsTheKernelResolvesIt) {
  EXPECT_EQ(paths_on(shop("/data/./cache/app.db"), "cache"), Paths{"/data/./cache/app.db"}) << "as written";
  EXPECT_EQ(paths_on(shop("/data/./cache/app.db"), "data"), Paths{}) << "the longer mount hides it";
  EXPECT_EQ(paths_on(shop("/data/cache/../app.db"), "cache"), Paths{});
  EXPECT_EQ(paths_on(shop("/srv/../data//app.db"), "data"), Paths{"/srv/../data//app.db"});
  EXPECT_EQ(paths_on(shop("worker:/../work/app.db"), "data"), Paths{"worker:/../work/app.db"});
  EXPECT_EQ(paths_on(shop("/data/../app.db"), "data"), Paths{});
}

TEST(Databases, OfSeveralMountsAtOnePlaceEachCounts) {
  Workload workload = shop("/data/app.db");
  workload.pod.containers = {container("web", {mount("data", "/data"), mount("cache", "/data")})};
  EXPECT_EQ(paths_on(workload, "data"), Paths{"/data/app.db"});
  EXPECT_EQ(paths_on(workload, "cache"), Paths{"/data/app.db"}) << "nobody can say which one is on top";
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

TEST(Databases, APathOfWindowsOnNoMountCouldBeOnAny) {
  const auto certainty_of = [](std::string databases, bool windows) {
    Workload workload = shop(std::move(databases));
    workload.pod.containers[0].mounts[0].path = "C:\\data";
    workload.pod.windows = windows;
    EXPECT_EQ(find_databases(workload, named("unmounted")).certainty, Certainty::kNone);
    EXPECT_EQ(find_databases(workload, named("cache")).certainty,
              find_databases(workload, named("data")).certainty);
    return find_databases(workload, named("data")).certainty;
  };
  for (const char* const path :
       {"C:/data/app.db", "C:\\data\\app.db", "web:C:\\data\\app.db", "\\\\host\\share\\app.db"}) {
    EXPECT_EQ(certainty_of(path, true), Certainty::kDeclared) << path;
    EXPECT_EQ(certainty_of(path, false), Certainty::kDeclared) << path << ", whatever the pod says";
  }
  for (const char* const path : {"/data/app.db", "c:/data/app.db", "web:C:/data/app.db"}) {
    EXPECT_EQ(certainty_of(path, true), Certainty::kDeclared) << path;
    EXPECT_EQ(certainty_of(path, false), Certainty::kNone) << path << " is one of Linux";
  }
  EXPECT_NE(annotation_complaints(shop("C:/data/app.db")).at(0).find("every mounted volume"),
            std::string::npos);
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

TEST(SingleFileMounts, MayBeWhatAStarStandsFor) {
  const Volume claim = claim_volume();
  EXPECT_EQ(single_file(claim, mount("data", "/data/app.db", "app.db"), "/data/*.db"), true);
  EXPECT_EQ(single_file(claim, mount("data", "/data/app.db", "app.db"), "/*/app.db"), true);
  EXPECT_EQ(single_file(claim, mount("data", "/data/shop", "shop"), "/data/*"), std::nullopt)
      << "a file or a folder";
  EXPECT_EQ(single_file(claim, mount("data", "/data/shop", "shop"), "/data/*/app.db"), false)
      << "a folder above it";
  EXPECT_EQ(single_file(host_path("/srv/app.db", "File"), mount("data", "/srv/app.db"), "/srv/*"), true);
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

std::optional<bool> single_file_beside(VolumeMount other, const std::string& database = "/data/app.db",
                                       ContainerRole role = ContainerRole::kSidecar) {
  Workload workload = pod();
  workload.annotations.databases = "app:" + database;
  workload.pod.volumes.push_back(named("other"));
  workload.pod.containers = {container("app", {mount("data", "/data", "shop")}),
                             container("beside", {std::move(other)}, role)};
  return find_databases(workload, workload.pod.volumes.front()).single_file_mount;
}

TEST(SingleFileMounts, AMountAtTheWalOrShmOrJournalSplitsThemToo) {
  EXPECT_EQ(single_file_beside(mount("other", "/data/app.db-wal", "w")), true);
  EXPECT_EQ(single_file_beside(mount("other", "/data/app.db-shm")), true);
  EXPECT_EQ(single_file_beside(mount("other", "/data/app.db-journal"), "/data/*.db"), true);
  EXPECT_EQ(single_file_beside(mount("other", "/data/b.db-wal", "w")), false);
}

TEST(SingleFileMounts, AFileOfTheDatabaseUnderAnotherPathSplitsThemToo) {
  EXPECT_EQ(single_file_beside(mount("data", "/backup/app.db", "shop/app.db")), true);
  EXPECT_EQ(single_file_beside(mount("data", "/backup/x", "shop//app.db-wal")), true);
  EXPECT_EQ(single_file_beside(mount("data", "/backup/app.db", "shop/app.db"), "/data/*.db"), true);
  EXPECT_EQ(single_file_beside(mount("data", "/backup", "shop/files"), "/data/*"), std::nullopt)
      << "a file or a folder";
  EXPECT_EQ(single_file_beside(mount("data", "/backup", "shop")), false) << "the folder";
  EXPECT_EQ(single_file_beside(mount("data", "/backup/app.db", "app.db")), false) << "another folder's";
  EXPECT_EQ(single_file_beside(mount("other", "/backup/app.db", "shop/app.db")), false) << "another volume's";
  EXPECT_EQ(single_file_beside(mount("data", "/backup/app.db", "shop/app.db"), "/data/app.db",
                               ContainerRole::kInit),
            false)
      << "it ends before the app starts";
  VolumeMount expanded = mount("data", "/backup/app.db", "$(FOLDER)/app.db");
  expanded.sub_path_is_expanded = true;
  EXPECT_EQ(single_file_beside(expanded), std::nullopt) << "which folder, the node works out";
}

TEST(SingleFileMounts, AreNotComparedWithoutEnd) {
  Workload workload = pod();
  workload.annotations.databases = "/data/*";
  workload.pod.containers = {container("app", {})};
  for (int i = 0; i < 20'000; ++i) {
    workload.pod.containers[0].mounts.push_back(mount("data", "/data/" + std::to_string(i), "x"));
  }
  EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).single_file_mount, std::nullopt);
}

TEST(SingleFileMounts, OneOfSeveralIsEnough) {
  Workload workload = pod();
  workload.annotations.databases = "/data/app.db,/data/b.db";
  workload.pod.containers = {container("app", {mount("data", "/data")}),
                             container("sidecar", {mount("data", "/data/app.db", "app.db")})};
  EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).single_file_mount, true);
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

TEST(AnnotationComplaints, APathOnAVolumeThatThePodDoesNotHaveIsNotPassedOverInSilence) {
  Workload workload = pod();
  workload.annotations.databases = "/var/lib/app/x.db";
  workload.pod.containers = {container("app", {mount("storage", "/var/lib/app")})};
  const auto complaints = annotation_complaints(workload);
  ASSERT_EQ(complaints.size(), 1U);
  EXPECT_NE(complaints[0].find("volume \"storage\", which the pod does not have"), std::string::npos)
      << complaints[0];
}

TEST(AnnotationComplaints, APathOnAVolumeThatIsNeverWrittenToIsNotPassedOverInSilence) {
  Workload workload = pod();
  workload.annotations.databases = "/data/app.db";
  workload.pod.volumes.front().kind = VolumeKind::kProjection;
  const auto complaints = annotation_complaints(workload);
  ASSERT_EQ(complaints.size(), 1U);
  EXPECT_NE(complaints[0].find("is read-only"), std::string::npos) << complaints[0];
}

TEST(RequireLocal, AsksEveryVolumeWhereADeclaredPathIsOnNoneOfThePod) {
  Workload workload = pod();
  workload.annotations.require_local = true;
  workload.annotations.databases = "/var/lib/app/x.db";
  workload.pod.containers = {container("app", {mount("storage", "/var/lib/app"), mount("data", "/data")})};
  EXPECT_EQ(find_databases(workload, workload.pod.volumes.front()).certainty, Certainty::kDeclared);
}

// ---- Recognised

App known_app() {
  App app;
  app.name = "Vault";
  app.images = {"example/vault"};
  app.databases = {{"/data/vault.db", {}}};
  app.journal = Strategy::kWal;
  app.synchronous = Synchronous::kNormal;
  return app;
}

App sidecar(std::string name, App::Role role) {
  App app;
  app.name = std::move(name);
  app.images = {"example/" + app.name};
  app.role = role;
  app.journal = Strategy::kWal;
  return app;
}

const Catalog& known_apps() {
  static const Catalog kApps({}, {}, {},
                             {known_app(), sidecar("replicator", App::Role::kReplicator),
                              sidecar("restorer", App::Role::kRestorer), but(known_app(), [](App& app) {
                                app.name = "Copies";
                                app.images = {"example/copies"};
                                app.role = App::Role::kCopyPerReplica;
                              })});
  return kApps;
}

Container started(std::string name, std::string image, std::vector<VolumeMount> mounts,
                  ContainerRole role = ContainerRole::kApp) {
  Container made = container(std::move(name), std::move(mounts), role);
  made.launch.image = std::move(image);
  return made;
}

Workload vault_pod() {
  Workload workload;
  workload.namespace_name = "shop";
  workload.pod.containers = {started("vault", "example/vault", {mount("data", "/data")})};
  workload.pod.volumes = {named("data"), named("other")};
  return workload;
}

DatabasesOnVolume first(const Workload& workload) {
  return core::find_databases(workload, known_apps()).at(0);
}

Workload annotated(std::string journal_mode, Workload workload = vault_pod()) {
  workload.annotations.journal_mode = std::move(journal_mode);
  return workload;
}

TEST(Recognised, AnAppsDatabaseIsOnTheVolumeBelowIt) {
  const auto found = core::find_databases(vault_pod(), known_apps());
  EXPECT_EQ(found.at(0).certainty, Certainty::kRecognised);
  EXPECT_EQ(found.at(0).paths, Paths{"/data/vault.db"});
  EXPECT_EQ(found.at(0).usage.apps, Paths{"Vault"});
  EXPECT_EQ(found.at(0).usage.synchronous, Synchronous::kNormal);
  EXPECT_EQ(found.at(1).certainty, Certainty::kNone);
}

TEST(Recognised, OnWindowsAnAppsDatabaseCouldBeOnAnyVolumeOfItsContainer) {
  Workload workload = vault_pod();
  workload.pod.containers[0].mounts[0].path = "C:\\data";
  EXPECT_EQ(first(workload).certainty, Certainty::kNone);
  workload.pod.windows = true;
  EXPECT_EQ(first(workload).certainty, Certainty::kRecognised);
  EXPECT_EQ(first(workload).paths, Paths{});
  EXPECT_EQ(core::find_databases(workload, known_apps()).at(1).certainty, Certainty::kNone) << "not mounted";
}

TEST(Recognised, APathThatTwoContainersOpenIsOne) {
  Workload workload = vault_pod();
  workload.pod.containers.push_back(started("again", "example/vault", {mount("data", "/data")}));
  EXPECT_EQ(first(workload).paths, Paths{"/data/vault.db"});
}

TEST(Recognised, ADeclaredPathKeepsItsCertainty) {
  Workload workload = vault_pod();
  workload.annotations.databases = "/data/vault.db, /data/other.db";
  EXPECT_EQ(first(workload).certainty, Certainty::kDeclared);
  EXPECT_EQ(first(workload).paths, (Paths{"/data/vault.db", "/data/other.db"}));
  EXPECT_EQ(first(workload).usage.apps, Paths{"Vault"});
  workload.annotations.databases = "/data/other.db";
  EXPECT_EQ(first(workload).paths, (Paths{"/data/other.db", "/data/vault.db"}));
}

TEST(Recognised, AGuaranteeIsStillAskedOfEveryMountedVolume) {
  Workload workload = vault_pod();
  workload.pod.containers[0].mounts.push_back(mount("other", "/other"));
  workload.annotations.require_local = true;
  const auto found = core::find_databases(workload, known_apps());
  EXPECT_EQ(found.at(0).certainty, Certainty::kDeclared);
  EXPECT_EQ(found.at(1).certainty, Certainty::kDeclared);
  workload.annotations.databases = "/other/x.db";
  EXPECT_EQ(first(workload).certainty, Certainty::kRecognised) << "judged as well as what is named";
}

TEST(Recognised, AMountOfTheDatabaseFileItselfIsSeen) {
  Workload workload = vault_pod();
  workload.pod.containers[0].mounts = {mount("data", "/data/vault.db", "vault.db")};
  EXPECT_EQ(first(workload).single_file_mount, true);
}

TEST(Recognised, AConfigMapOrSecretNeverHoldsADatabase) {
  Workload workload = vault_pod();
  workload.pod.volumes[0].kind = VolumeKind::kProjection;
  EXPECT_EQ(first(workload).certainty, Certainty::kNone);
}

TEST(Recognised, AnAppThatSetsWalOverridesTheAnnotation) {
  EXPECT_EQ(first(annotated("rollback")).strategy, Strategy::kWal);
  EXPECT_EQ(first(annotated("rollback")).usage.journal_contradicted, "Vault sets WAL");
  EXPECT_EQ(first(annotated("wal-exclusive")).strategy, Strategy::kWalExclusive);
  EXPECT_EQ(first(annotated("wal-exclusive")).usage.journal_contradicted, "");
  EXPECT_EQ(first(annotated("wal")).usage.journal_contradicted, "");
}

TEST(Recognised, AnAppWithARollbackJournalMakesNothingMilder) {
  const Catalog rollback({}, {}, {}, {but(known_app(), [](App& app) { app.journal = Strategy::kRollback; })});
  EXPECT_EQ(core::find_databases(vault_pod(), rollback).at(0).strategy, Strategy::kWal);
  EXPECT_EQ(core::find_databases(annotated("rollback"), rollback).at(0).strategy, Strategy::kRollback);
}

TEST(Recognised, AReplicatorBesideTheAppNeedsWalAndAConnectionOfItsOwn) {
  Workload workload = vault_pod();
  workload.pod.volumes.push_back(named("configuration"));
  workload.pod.containers.push_back(started("stream", "example/replicator",
                                            {mount("configuration", "/etc/stream"), mount("data", "/data")}));
  const auto found = core::find_databases(workload, known_apps());
  EXPECT_EQ(found.at(0).usage.replicator, "stream");
  EXPECT_EQ(found.at(0).usage.apps, (Paths{"Vault", "replicator"}));
  EXPECT_EQ(found.at(2).certainty, Certainty::kNone) << "no database of another container is there";
  EXPECT_EQ(first(annotated("wal-exclusive", workload)).usage.journal_contradicted,
            "replicator needs a connection of its own");
  EXPECT_EQ(first(annotated("wal-exclusive", workload)).strategy, Strategy::kWal);
}

TEST(Recognised, BesideAnUnknownAppEverythingThatTheReplicatorSharesIsSuspected) {
  Workload workload = vault_pod();
  workload.pod.containers = {
      container("app", {mount("data", "/srv"), mount("other", "/read")}),
      started("stream", "example/replicator",
              {mount("data", "/data"), mount("other", "/etc/stream.yml", "stream.yml"),
               but(mount("other", "/other"), [](VolumeMount& m) { m.read_only = true; })})};
  const auto found = core::find_databases(annotated("rollback", workload), known_apps());
  EXPECT_EQ(found.at(0).certainty, Certainty::kRecognised);
  EXPECT_EQ(found.at(0).paths, Paths{});
  EXPECT_EQ(found.at(0).usage.journal_contradicted, "replicator needs WAL");
  EXPECT_EQ(found.at(1).certainty, Certainty::kNone) << "it writes what it replicates";
}

TEST(Recognised, AKnownDatabaseDoesNotHideTheFolderOfAnotherThatTheReplicatorShares) {
  Workload workload = vault_pod();
  workload.pod.containers = {
      started("vault", "example/vault", {mount("data", "/data"), mount("other", "/srv")}),
      started("stream", "example/replicator", {mount("data", "/data"), mount("other", "/srv")})};
  const auto found = core::find_databases(workload, known_apps());
  EXPECT_EQ(found.at(0).usage.replicator, "stream");
  EXPECT_EQ(found.at(1).usage.replicator, "stream");
}

TEST(Recognised, AFolderIsNoConfigurationWhateverItsName) {
  Workload workload = vault_pod();
  workload.pod.containers = {container("app", {mount("data", "/data.json")}),
                             started("stream", "example/replicator", {mount("data", "/data.json")})};
  EXPECT_EQ(first(workload).certainty, Certainty::kRecognised);
  workload.pod.containers[1].mounts[0].sub_path = "stream.json";
  EXPECT_EQ(first(workload).certainty, Certainty::kNone);
}

// Anyone who may create pods may send one with as many mounts as three megabytes hold. Were each compared
// with each, this would take minutes.
TEST(Recognised, AReplicatorWithManyMountsIsJudgedAtOnce) {
  constexpr int kMany = 30'000;
  std::vector<VolumeMount> streamed;
  std::vector<VolumeMount> others;
  for (int i = 0; i < kMany; ++i) {
    streamed.push_back(mount("data", "/data/" + std::to_string(i)));
    others.push_back(mount("other", "/other/" + std::to_string(i)));
  }
  others.push_back(mount("data", "/data"));
  Workload workload = vault_pod();
  workload.pod.containers = {container("app", std::move(others)),
                             started("stream", "example/replicator", std::move(streamed))};
  const auto found = core::find_databases(workload, known_apps());
  EXPECT_EQ(found.at(0).usage.replicator, "stream");
  EXPECT_EQ(found.at(1).certainty, Certainty::kNone);
}

TEST(Recognised, ARestorerThatEndsBeforeTheAppDisturbsNobody) {
  Workload workload = vault_pod();
  workload.pod.containers.push_back(
      started("restore", "example/restorer", {mount("data", "/data")}, ContainerRole::kInit));
  EXPECT_EQ(first(workload).usage.restorer, "");
  workload.pod.containers.back().role = ContainerRole::kSidecar;
  EXPECT_EQ(first(workload).usage.restorer, "restore");
}

TEST(Recognised, AnAppThatKeepsCopiesIsNamed) {
  Workload workload = vault_pod();
  workload.pod.containers[0].launch.image = "example/copies";
  EXPECT_EQ(first(workload).usage.copies_per_replica, "Copies");
}

TEST(Recognised, TheAnnotationTellsTheVersionWhateverTheImageIs) {
  Workload workload = vault_pod();
  workload.annotations.sqlite_version = "3.46.1";
  EXPECT_EQ(first(workload).usage.sqlite_version, "3.46.1");
  for (const std::string_view no_version :
       {"latest", "3", "3.", ".46", "3..1", "3.99999999999.1", "3.4.6.1.2"}) {
    workload.annotations.sqlite_version = no_version;
    EXPECT_EQ(first(workload).usage.sqlite_version, "") << no_version;
    EXPECT_EQ(annotation_complaints(workload).size(), 1U) << no_version;
  }
}

TEST(Recognised, AConnectionStringTellsWhatSQLiteIsAskedToDo) {
  Workload workload = vault_pod();
  EnvironmentVariable url;
  url.name = "DATABASE_URL";
  url.value = "file:/data/x.db?nolock=1&_journal_mode=WAL&_synchronous=OFF";
  url.config_map = "settings";
  workload.pod.containers[0].launch = {.image = {}, .command = {}, .args = {}, .environment = {url}};
  const DatabasesOnVolume found = first(annotated("rollback", workload));
  EXPECT_EQ(found.paths, Paths{"/data/x.db"});
  EXPECT_EQ(found.usage.locks_off, "nolock=1");
  EXPECT_EQ(found.usage.synchronous, Synchronous::kOff);
  EXPECT_EQ(found.usage.journal_contradicted, "a connection string of container \"vault\" sets WAL");
  EXPECT_EQ(found.usage.seen_in, Paths{"ConfigMap shop/settings"});
}

}  // namespace
}  // namespace walguard::core
