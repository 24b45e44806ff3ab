// `walguard check` as a person and a pipeline run it: the real program, its exit codes and its streams.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/process/child_process.h"
#include "tests/cli/program.h"

namespace walguard::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kSecret = "hunter2";

/// A Deployment whose database is on an NFS class, with a secret wherever one may stand.
std::string unsafe_app(std::string_view annotations = "") {
  return R"(apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs}
provisioner: nfs.csi.k8s.io
parameters: {password: hunter2}
mountOptions: ["password=hunter2"]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: nfs, accessModes: [ReadWriteMany]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      annotations: {walguard/databases: /data/app.db)" +
         std::string(annotations) + R"(}
    spec:
      containers:
      - name: web
        args: [--token=hunter2]
        env: [{name: DATABASE_URL, value: "sqlite:///data/app.db?key=hunter2"}]
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
)";
}

constexpr std::string_view kUnprovenApp = R"(apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {walguard/databases: /data/app.db}}
spec:
  containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: gone}}]
)";

process::ChildEnd run(const std::vector<std::string>& arguments) {
  process::ChildRunner runner({.deadline = std::chrono::seconds(100),
                               .grace = std::chrono::seconds(3),
                               .output = std::size_t{1} << 20U,
                               .error_tail = 4096});
  return runner.run(arguments, {}, {});
}

class CheckCommand : public ::testing::Test {
 protected:
  struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
  };

  Outcome check(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "check");
    Program program(folder_, arguments);
    const int code = program.exit_code();
    return {code, program.output(), program.errors()};
  }

  std::string file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_.path(name)).parent_path());
    folder_.write(name, text);
    return folder_.path(name);
  }

  TestFolder folder_;
};

TEST_F(CheckCommand, UnsafeIsOneAndWhatFailsIsTheCallersToSay) {
  const std::string unsafe = file("unsafe.yaml", unsafe_app());
  const std::string unproven = file("unproven.yaml", std::string(kUnprovenApp));
  const Outcome outcome = check({unsafe});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("UNSAFE    Deployment default/web  " + unsafe + ":13\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b"))) << "a file is no terminal";
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_EQ(check({unproven}).code, 0);
  EXPECT_EQ(check({"--fail-on", "unproven", unproven}).code, 3);
  EXPECT_EQ(check({"--fail-on", "unproven", unsafe}).code, 1);
  EXPECT_EQ(check({"--mode", "audit", unsafe}).code, 1) << "what is unsafe is so in every mode";
}

TEST_F(CheckCommand, InputThatCannotBeReadIsTwoAndTheRestIsJudged) {
  const std::string broken =
      file("in/broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n spec: {}\n");
  (void)file("in/unsafe.yaml", unsafe_app());
  const Outcome outcome = check({folder_.path("in")});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.out, HasSubstr("UNSAFE"));
  EXPECT_THAT(outcome.err,
              HasSubstr("walguard check: " + broken + ":5: not valid YAML: expected another key"));
}

TEST_F(CheckCommand, NothingToJudgeIsBadInput) {
  (void)file("in/values.yaml", "replicas: 3\n");
  const Outcome outcome = check({folder_.path("in")});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("no Kubernetes object"));
  EXPECT_EQ(check({}).code, 2);
  EXPECT_EQ(check({"--fail-on", "never", "x.yaml"}).code, 2);
}

TEST_F(CheckCommand, TheOptionsFilesAreHeldToTheirForm) {
  const std::string app = file("app.yaml", unsafe_app());
  const std::string other = file("other.yaml", "a: 1\n");
  EXPECT_THAT(check({"--policy", other, app}).err, HasSubstr("walguard check: --policy: " + other + ":1: "));
  EXPECT_THAT(check({"--evidence", other, app}).err,
              HasSubstr("walguard check: --evidence: " + other + ":1: "));
  EXPECT_THAT(check({"--docker-info", other, app}).err, HasSubstr("walguard check: --docker-info: " + other));
  EXPECT_EQ(check({"--policy", folder_.path("none"), app}).code, 2);
}

TEST_F(CheckCommand, EvidenceThatCannotBeReadIsNotPassedOverInSilence) {
  const std::string app = file("app.yaml", unsafe_app());
  const std::string evidence = file("evidence.yaml",
                                    "apiVersion: v1\nkind: List\nitems:\n"
                                    "- apiVersion: walguard.dev/v1alpha1\n  kind: VolumePreflight\n"
                                    "  metadata: {name: fast}\n  spec: {storageClassName: fast}\n"
                                    "  status: {phase: Done, filesystem: 7, measuredAt: "
                                    "\"2026-01-31T12:00:00Z\"}\n");
  const Outcome outcome = check({"--evidence", evidence, app});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr(evidence + ":1: VolumePreflight \"fast\": status.filesystem: "));
}

TEST_F(CheckCommand, ThePolicySaysWhoMayAcceptRisks) {
  const std::string app = file("app.yaml", unsafe_app(", walguard/accept-risk: \"network-filesystem: a\\n"
                                                      "cross-node-sharing: b\""));
  EXPECT_EQ(check({app}).code, 0) << "without a policy the annotation is enough";
  const std::string policy = file("policy.yaml",
                                  "apiVersion: walguard.dev/v1alpha1\nkind: WalguardPolicy\n"
                                  "metadata: {name: p}\nspec: {acceptRiskNamespaces: [sandbox]}\n");
  EXPECT_EQ(check({"--policy", policy, app}).code, 1);
  const std::string list = file("list.yaml",
                                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: walguard.dev/v1alpha1\n"
                                "  kind: WalguardPolicy\n  metadata: {name: p}\n"
                                "  spec: {acceptRiskNamespaces: [default]}\n");
  EXPECT_EQ(check({"--policy", list, app}).code, 0) << "as kubectl get wgp -o yaml prints it";
}

TEST_F(CheckCommand, AReportOfAPreflightProvesTheBindOfAComposeFile) {
  const std::string compose = file("compose.yaml",
                                   "services:\n  app:\n    labels: {walguard/databases: /data/app.db}\n"
                                   "    volumes: ['./data:/data']\n");
  EXPECT_EQ(check({"--fail-on", "unproven", compose}).code, 3);
  (void)file("data/keep", "");
  const std::string report = folder_.path("report.json");
  (void)run({WALGUARD_PREFLIGHT_BINARY, "run", folder_.path("data"), "--report", report});
  EXPECT_EQ(check({"--fail-on", "unproven", "--evidence", report, compose}).code, 3)
      << "the engine may be in a virtual machine, to which the bind is a share";
  const std::string engine = file(
      "docker.json",
      R"json({"OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "KernelVersion": "6.1.0-21-amd64"})json");
  const Outcome outcome =
      check({"--fail-on", "unproven", "--docker-info", engine, "--evidence", report, compose});
  EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("preflight-passed"));
}

TEST_F(CheckCommand, NoSecretReachesAnyForm) {
  const std::string app = file("app.yaml", unsafe_app());
  const std::string compose =
      file("compose.yaml",
           "services:\n  app:\n    environment: {PASSWORD: hunter2}\n    command: --pw=hunter2\n"
           "    labels: {walguard/databases: /data/app.db}\n    volumes: ['data:/data']\n"
           "volumes:\n  data: {driver_opts: {type: cifs, o: 'password=hunter2', device: //h/s}}\n");
  for (const std::string form : {"text", "json", "sarif", "junit", "github"}) {
    const Outcome outcome = check({"-o", form, app, compose});
    EXPECT_EQ(outcome.code, 1) << form;
    EXPECT_THAT(outcome.out, Not(HasSubstr(std::string(kSecret)))) << form;
    EXPECT_THAT(outcome.err, Not(HasSubstr(std::string(kSecret)))) << form;
  }
}

/// Of the first finding of `rule` in a report in JSON.
std::string remedy_of(const std::string& report, const std::string& rule) {
  const auto json = nlohmann::json::parse(report);
  for (const auto& object : json.at("objects")) {
    for (const auto& volume : object.at("volumes")) {
      for (const auto& finding : volume.at("findings")) {
        if (finding.at("rule") == rule) return finding.at("remedy");
      }
    }
  }
  return {};
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t at = text.find(begin) + begin.size();
  return text.substr(at, text.find(end, at) - at);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

TEST_F(CheckCommand, TheRemedyForAComposeFilePassesAsItIsPrinted) {
  const std::string before = R"(name: home
services:
  vaultwarden:
    image: vaultwarden/server:1.32.7
    environment: {DOMAIN: https://vault.example.com}
    volumes:
      - vaultwarden:/data
  litestream:
    image: litestream/litestream:0.3.13
    command: replicate
    volumes:
      - vaultwarden:/data
      - ./litestream.yml:/etc/litestream.yml:ro
  uptime-kuma:
    image: louislam/uptime-kuma:1
    volumes:
      - kuma:/app/data
volumes:
  vaultwarden:
    driver_opts: {type: nfs, o: "addr=192.168.1.20,nfsvers=4.1", device: ":/volume1/vaultwarden"}
  kuma: {}
)";
  const std::string compose = file("compose.yaml", before);
  const std::string engine = file("docker.json", R"({"OperatingSystem":"Debian GNU/Linux 12",
      "DriverStatus":[["Backing Filesystem","extfs"]],"DockerRootDir":"/var/lib/docker"})");
  const Outcome outcome = check({"--docker-info", engine, "-o", "json", compose});
  EXPECT_EQ(outcome.code, 1);
  const std::string remedy = remedy_of(outcome.out, "network-filesystem");
  std::string after =
      replaced(before, "- vaultwarden:/data", between(remedy, "in place of the mount:\n  ", "\n"));
  after += "  " + between(remedy, "below volumes:\n  ", "\n") + "\n";
  const std::string mended = file("compose.yaml", after);
  const Outcome again = check({"--docker-info", engine, "--fail-on", "unproven", mended});
  EXPECT_EQ(again.code, 0) << remedy << "\n" << after << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("0 unsafe, 0 unproven, 3 safe"));
}

TEST_F(CheckCommand, TheRemedyForADeploymentPassesAsItIsPrinted) {
  const std::string cluster = file("state.yaml", R"(apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs-client}
provisioner: nfs.csi.k8s.io
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gp3}
provisioner: ebs.csi.aws.com
)");
  const std::string before = R"(apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: forge-data}
spec: {storageClassName: nfs-client, accessModes: [ReadWriteMany], resources: {requests: {storage: 10Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: forge}
spec:
  strategy: {type: RollingUpdate}
  template:
    metadata: {annotations: {walguard/databases: /data/gitea/gitea.db}}
    spec:
      containers:
      - {name: gitea, image: "gitea/gitea:1.22.3", volumeMounts: [{name: data, mountPath: /data}]}
      volumes: [{name: data, persistentVolumeClaim: {claimName: forge-data}}]
)";
  const Outcome outcome = check({"--cluster-state", cluster, "-o", "json", file("app.yaml", before)});
  EXPECT_EQ(outcome.code, 1);
  const std::string remedy = remedy_of(outcome.out, "network-filesystem");
  std::string after = replaced(before, "strategy: {type: RollingUpdate}",
                               "strategy: {" + between(remedy, "strategy: {", "}") + "}");
  after = replaced(after, "volumes: [{name: data, persistentVolumeClaim: {claimName: forge-data}}]",
                   "volumes: [" + between(remedy, "volumes: [", "]") + "]");
  const std::string claim = "{" + between(remedy, "New claim: {", "}. ") + "}";
  after += "---\n" + replaced(claim, "A-LOCAL-OR-BLOCK-CLASS", "gp3") + "\n";
  const Outcome again = check({"--cluster-state", cluster, "--fail-on", "warning", file("app.yaml", after)});
  EXPECT_EQ(again.code, 0) << remedy << "\n" << after << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("SAFE      Deployment default/forge"));
}

TEST_F(CheckCommand, StandardInputIsAFileToo) {
  // The program's standard input is empty here.
  EXPECT_EQ(check({"-"}).code, 2);
}

TEST_F(CheckCommand, ItsJsonAndJunitAreReadByOthers) {
  const std::string app =
      file("my <app>.yaml", unsafe_app(", walguard/accept-risk: \"network-filesystem: a & b\""));
  const std::string unproven = file("unproven.yaml", std::string(kUnprovenApp));
  const std::string broken = file("broken.yaml", "a: [\n");
  const std::string json = file("check.json", check({"-o", "json", app, unproven, broken}).out);
  const auto valid = run({"/usr/bin/jsonschema", "-i", json, WALGUARD_SOURCE_DIR "/docs/check.schema.json"});
  EXPECT_EQ(valid.code, 0) << valid.error_tail;
  const std::string junit = file("check.xml", check({"-o", "junit", app, unproven, broken}).out);
  const auto well_formed = run(
      {"/usr/bin/python3", "-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])", junit});
  EXPECT_EQ(well_formed.code, 0) << well_formed.error_tail;
}

/// The schema comes through the Go module proxy.
TEST_F(CheckCommand, ItsSarifIsValid) {
  const std::string app =
      file("my app.yaml", unsafe_app(", walguard/accept-risk: \"network-filesystem: a\""));
  const std::string broken = file("broken.yaml", "a: [\n");
  const std::string sarif = file("check.sarif", check({"-o", "sarif", app, broken}).out);
  const auto end = run({WALGUARD_SOURCE_DIR "/tests/cli/validate_sarif", sarif});
  constexpr int kMissing = 77;
  if (end.how == process::ChildEnd::How::kExited && end.code == kMissing) {
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") FAIL() << end.error_tail;
    GTEST_SKIP() << end.error_tail;
  }
  EXPECT_EQ(end.code, 0) << end.error_tail;
}

}  // namespace
}  // namespace walguard::cli::testing
