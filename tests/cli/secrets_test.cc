// No byte of what may be secret in the way a container is started reaches any output: of `walguard check` in
// all its forms, whether it judges or fails; of the webhook's answers, logs, metrics and pages; and what is
// written to the API server.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): SIGTERM is POSIX, not C++

#include "tests/cli/program.h"
#include "tests/kube/api/fake_cluster.h"
#include "tests/server/http/test_certificate.h"
#include "tests/server/http/test_client.h"

namespace walguard::cli::testing {
namespace {

using nlohmann::json;
using server::testing::eventually;
using server::testing::post;
using server::testing::Reply;
using server::testing::TestCertificate;
using server::testing::TestClient;
using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

/// Looked for in its halves too: a part of a secret is one.
const std::vector<std::string> kMarks = {"SECRET-", "-MARK", "secret-mark"};

void expect_no_secret(std::string_view where, const std::string& text) {
  for (const std::string& mark : kMarks) EXPECT_THAT(text, Not(HasSubstr(mark))) << where;
}

/// A pod's spec with the mark wherever an author may have put one, and databases found in spite of it.
json secretive_spec() {
  const auto variable = [](std::string name, std::string value) {
    return json{{"name", std::move(name)}, {"value", std::move(value)}};
  };
  json vault = {
      {"name", "vault"},
      {"image", "SECRET-MARK.example/vaultwarden/server:SECRET-MARK@sha256:SECRET-MARK"},
      {"env",
       {variable("ADMIN_TOKEN", "SECRET-MARK"),
        variable("SMTP", "smtps://user:SECRET-MARK@mail"),
        variable("CIPHER", "sqlite+pysqlcipher://:SECRET-MARK@/data/cipher.db?cipher=SECRET-MARK&nolock=1"),
        variable("SLASH", "sqlite+pysqlcipher://:SECRET-/-MARK@/data/cipher.db"),
        variable("HOST", "sqlite://user:SECRET-MARK@host/data/host.db"),
        variable("QUERY",
                 "file:/data/query.db?_auth_pass=SECRET-MARK&vfs=SECRET-MARK&_journal_mode=SECRET-MARK"),
        variable("KEYWORDS", "Data Source=/data/keywords.db;Password=SECRET-MARK"),
        variable("OTHER", "Password=SECRET-MARK;Data Source=SECRET-MARK"),
        variable("SERVER", "postgres://user:SECRET-MARK@db/SECRET-MARK.db"),
        variable("COMMAND", "/data/app --token SECRET-MARK --db /data/command.db"),
        variable("LIST", "/data/list.db;Password=SECRET-MARK.db"),
        variable("NAMED", "SECRET-MARK:word.db"),
        variable("REFERS", "$(ADMIN_TOKEN)"),
        variable("OPTIONS", "sqlite:///data/options.db --admin-password=SECRET-MARK"),
        variable("JDBC", "jdbc:sqlite:/data/jdbc.db;password=SECRET-MARK"),
        variable("SPACED", "Data Source=/data/spaced.db Password=SECRET-MARK"),
        variable("COMMA", "Data Source=/data/comma.db,Password=SECRET-MARK"),
        variable("AMPERSAND", "sqlite:///data/ampersand.db&key=SECRET-MARK"),
        variable("WORDS", "file:/data/words.db SECRET-MARK /data/u.db"),
        variable("ENCODED", "sqlite:///user:SECRET-MARK%40host/data/encoded.db"),
        variable("NO_ENDING", "sqlite:///data/SECRET-MARK;SECRET-MARK"),
        variable("COLON", "/data/colon.db:SECRET-MARK"),
        {{"name", "HIDDEN"},
         {"valueFrom", {{"secretKeyRef", {{"name", "SECRET-MARK"}, {"key", "SECRET-MARK"}}}}}}}},
      {"envFrom", {{{"secretRef", {{"name", "SECRET-MARK"}}}}}},
      {"command",
       {"sh", "-c", "TOKEN=SECRET-MARK exec app --db /data/script.db --key SECRET-MARK:$ADMIN_TOKEN"}},
      {"args",
       {"--token=SECRET-MARK", "--password", "SECRET-MARK", "$(ADMIN_TOKEN)",
        "--url=sqlite:///data/t.db,SECRET-MARK"}},
      {"volumeMounts", {{{"name", "data"}, {"mountPath", "/data"}}}}};
  json litestream = {{"name", "litestream"},
                     {"image", "litestream/litestream"},
                     {"args", {"replicate", "/data/script.db", "s3://SECRET-MARK:SECRET-MARK@bucket"}},
                     {"volumeMounts", {{{"name", "data"}, {"mountPath", "/data"}}}}};
  json script = {{"name", "script"},
                 {"image", "example/app"},
                 {"command", {"sh", "-c", "app --db 'sqlite:///data/quoted.db SECRET-MARK'"}},
                 {"volumeMounts", {{{"name", "data"}, {"mountPath", "/data"}}}}};
  json shell = {{"name", "shell"},
                {"image", "example/app"},
                {"command", {"sqlite3", "file:/data/shell.db key=SECRET-MARK"}},
                {"volumeMounts", {{{"name", "data"}, {"mountPath", "/data"}}}}};
  return {{"containers", {vault, litestream, script, shell}},
          {"volumes", {{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}}}};
}

json secretive_pod() {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", "p"}, {"namespace", "shop"}, {"annotations", {{"walguard/journal-mode", "rollback"}}}}},
          {"spec", secretive_spec()}};
}

json secretive_deployment() {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "d"}, {"namespace", "shop"}}},
          {"spec", {{"replicas", 2}, {"template", {{"spec", secretive_spec()}}}}}};
}

/// The claim's class is NFS, and what the API server would refuse stands beside: an error must not repeat it.
std::string manifests() {
  return R"(apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs}
provisioner: nfs.csi.k8s.io
parameters: {password: SECRET-MARK}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {storageClassName: nfs, accessModes: [ReadWriteMany]}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: shop}
stringData: {password: SECRET-MARK}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: shop}
data: {url: "sqlite:////data/map.db?key=SECRET-MARK"}
---
)" + secretive_pod().dump() +
         "\n---\n" + secretive_deployment().dump() + R"(
---
apiVersion: v1
kind: Pod
metadata: {name: of-a-map, namespace: shop}
spec:
  containers:
  - {name: a, envFrom: [{configMapRef: {name: c}}], volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Pod
metadata: {name: odd, namespace: shop}
spec:
  containers:
  - name: odd
    image: [SECRET-MARK]
    command: SECRET-MARK
    args: {SECRET-MARK: SECRET-MARK}
    env: [SECRET-MARK, {name: A, value: {SECRET-MARK: SECRET-MARK}}, {name: B, valueFrom: SECRET-MARK}]
    envFrom: SECRET-MARK
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
)";
}

constexpr std::string_view kCompose = R"(services:
  app:
    image: SECRET-MARK.example/vaultwarden/server:SECRET-MARK
    environment:
      ADMIN_TOKEN: SECRET-MARK
      URL: "sqlite+pysqlcipher://:SECRET-MARK@/data/cipher.db?cipher=SECRET-MARK"
      FROM: ${SECRET-MARK}
    command: app --db /data/script.db --password SECRET-MARK "SECRET-MARK
    volumes: ["nas:/data"]
  other:
    image: example/app
    environment: ["TOKEN=SECRET-MARK", "DB=/data/other.db?key=SECRET-MARK"]
    entrypoint: [sh, -c, "TOKEN=SECRET-MARK app"]
    volumes: ["nas:/data"]
volumes:
  nas: {driver_opts: {type: nfs, o: "addr=nas,password=SECRET-MARK", device: ":/x"}}
)";

/// Not YAML, each at a line that holds the mark.
const std::vector<std::string> kBroken = {
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - env: [{name: A, value: \"SECRET-MARK}]\n",
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - args: [--token=SECRET-MARK\n  - name: x\n",
    "apiVersion: v1\nkind: Pod\nspec:\n  password: SECRET-MARK\n token: SECRET-MARK\n",
    "apiVersion: v1\nkind: Pod\nspec:\n  a: *SECRET-MARK\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"x\": \"SECRET-MARK\n\"\n",
    "services:\n  app:\n    environment: SECRET-MARK\n    command: 5\n",
    "services:\n  app: SECRET-MARK\n",
    "services:\n  app:\n    environment: {A: [SECRET-MARK]}\n    volumes: [{source: SECRET-MARK}]\n"};

class SecretsOfCheck : public ::testing::TestWithParam<std::string> {
 protected:
  void expect_silence(const std::string& file, int code, std::string_view must_say) {
    Program program(folder_, {"check", "-o", GetParam(), folder_.path(file)});
    EXPECT_EQ(program.exit_code(), code) << file << program.errors();
    expect_no_secret(file + " on stdout", program.output());
    expect_no_secret(file + " on stderr", program.errors());
    EXPECT_THAT(program.output() + program.errors(), HasSubstr(std::string(must_say))) << file;
  }

  TestFolder folder_;
};

TEST_P(SecretsOfCheck, OfKubernetesObjectsNoneIsPrinted) {
  folder_.write("in.yaml", manifests());
  expect_silence("in.yaml", 1, "network-filesystem");
}

TEST_P(SecretsOfCheck, OfAComposeFileNoneIsPrinted) {
  folder_.write("compose.yaml", std::string(kCompose));
  expect_silence("compose.yaml", 1, "network-filesystem");
}

TEST_P(SecretsOfCheck, OfWhatCannotBeReadNoneIsRepeated) {
  for (const std::string& text : kBroken) {
    folder_.write("broken.yaml", text);
    expect_silence("broken.yaml", 2, "broken.yaml");
  }
}

INSTANTIATE_TEST_SUITE_P(EachForm, SecretsOfCheck,
                         ::testing::Values("text", "json", "sarif", "junit", "github"),
                         [](const auto& form) { return form.param; });

TEST(SecretsOfCheckItself, TheDatabasesWereFoundAmongThem) {
  const TestFolder folder;
  folder.write("in.yaml", manifests());
  Program program(folder, {"check", folder.path("in.yaml")});
  EXPECT_EQ(program.exit_code(), 1);
  for (const char* const path : {"/data/db.sqlite3", "/data/cipher.db", "/data/query.db", "/data/keywords.db",
                                 "/data/script.db", "/data/command.db", "/data/map.db", "/data/options.db",
                                 "/data/jdbc.db", "/data/spaced.db", "/data/comma.db", "/data/ampersand.db",
                                 "/data/words.db", "/data/t.db", "/data/quoted.db", "/data/shell.db"}) {
    EXPECT_THAT(program.output(), HasSubstr(path));
  }
  EXPECT_THAT(program.output(), HasSubstr("Vaultwarden"));
}

// ---- The webhook

json review_of(const json& object, std::string_view kind, std::string_view group, std::string_view resource,
               std::string_view operation) {
  json request = {{"uid", "uid-1"},
                  {"kind", {{"group", group}, {"version", "v1"}, {"kind", kind}}},
                  {"resource", {{"group", group}, {"version", "v1"}, {"resource", resource}}},
                  {"name", object.at("metadata").at("name")},
                  {"namespace", "shop"},
                  {"operation", operation},
                  {"object", object}};
  if (operation == "UPDATE") request["oldObject"] = object;
  return {{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}};
}

json with_annotation(json object, const std::string& key) {
  object["metadata"]["annotations"][key] = "true";
  if (object.at("spec").contains("template")) {
    object["spec"]["template"]["metadata"]["annotations"][key] = "true";
  }
  return object;
}

/// What the API server would never send: the error must not repeat it either.
std::vector<std::string> bad_bodies() {
  json bad_object = secretive_pod();
  bad_object["spec"]["containers"][0]["name"] = json::array({"SECRET-MARK"});
  json bad_mount = secretive_pod();
  bad_mount["spec"]["containers"][0]["volumeMounts"] = "SECRET-MARK";
  return {"SECRET-MARK", R"({"kind": "SECRET-MARK)",
          R"({"apiVersion":"SECRET-MARK","kind":"AdmissionReview"})",
          review_of(bad_object, "Pod", "", "pods", "CREATE").dump(),
          review_of(bad_mount, "Pod", "", "pods", "CREATE").dump()};
}

class SecretsOfServe : public ::testing::TestWithParam<std::string> {
 protected:
  SecretsOfServe() {
    folder_.write("state/state.yaml",
                  manifests() +
                      "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: "
                      "{walguard/mode: enforce}}\n");
  }

  std::string ask(const ServedWalguard& served, const std::string& body) {
    std::string answers;
    for (const char* const path : {"/mutate", "/validate"}) {
      const Reply reply =
          TestClient::tls(served.https_port()).ask(post(path, body, "Content-Type: application/json\r\n"));
      EXPECT_THAT(reply.status, AnyOf(Eq(200), Eq(400)));
      expect_no_secret(path, reply.body);
      // The patch is base64.
      const json answer = json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
      if (answer.is_object() && answer.contains("response") && answer["response"].contains("patch")) {
        expect_no_secret("patch", decoded(answer["response"]["patch"].get<std::string>()));
      }
      answers += reply.body;
    }
    return answers;
  }

  static std::string decoded(const std::string& base64) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : base64) {
      const auto value = kAlphabet.find(c);
      if (value == std::string_view::npos) break;
      bits = (bits << 6U) | static_cast<unsigned>(value);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
    }
    return out;
  }

  static Reply get(const ServedWalguard& served, const std::string& path) {
    return TestClient(served.http_port()).ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  TestFolder folder_;
  TestCertificate certificate_;
};

TEST_P(SecretsOfServe, NoneReachesAnswersLogsMetricsOrPages) {
  ServedWalguard served(folder_, {"--tls-cert", certificate_.files().certificate, "--tls-key",
                                  certificate_.files().private_key, "--log-format", GetParam(), "--log-level",
                                  "debug", "--preflight-binary", WALGUARD_PREFLIGHT_BINARY});
  std::string answers;
  for (const char* const operation : {"CREATE", "UPDATE"}) {
    for (const char* const annotation : {"other", "walguard/require-local"}) {
      answers +=
          ask(served,
              review_of(with_annotation(secretive_pod(), annotation), "Pod", "", "pods", operation).dump());
      answers += ask(served, review_of(with_annotation(secretive_deployment(), annotation), "Deployment",
                                       "apps", "deployments", operation)
                                 .dump());
    }
  }
  EXPECT_THAT(answers, HasSubstr("network-filesystem")) << "they were judged";
  EXPECT_THAT(answers, HasSubstr(R"("allowed":false)"));
  for (const std::string& body : bad_bodies()) (void)ask(served, body);
  for (const char* const path : {"/metrics", "/readyz", "/healthz", "/", "/SECRET-MARK"}) {
    const std::string body = get(served, path).body;
    expect_no_secret(path, body);
  }
  // A state that cannot be read is told of by /readyz and in the log.
  for (const std::string& broken : kBroken) {
    folder_.write("state/broken.yaml", broken);
    ASSERT_TRUE(eventually([&] { return get(served, "/readyz").status == 503; }));
    expect_no_secret("/readyz", get(served, "/readyz").body);
    folder_.write("state/broken.yaml", "");
    ASSERT_TRUE(eventually([&] { return get(served, "/readyz").status == 200; }));
  }
  served.program().signal(SIGTERM);
  EXPECT_EQ(served.program().exit_code(), 0);
  EXPECT_THAT(served.program().errors(), HasSubstr("network-filesystem"));
  expect_no_secret("log", served.program().errors());
  expect_no_secret("stdout", served.program().output());
}

INSTANTIATE_TEST_SUITE_P(EachLogFormat, SecretsOfServe, ::testing::Values("text", "json"),
                         [](const auto& form) { return form.param; });

// ---- The API server

TEST(SecretsInACluster, NoneReachesEventsOrAnythingElseThatIsWritten) {
  const TestFolder folder;
  const TestCertificate certificate;
  kube::testing::FakeCluster cluster;
  json pod = with_annotation(secretive_pod(), "walguard/require-local");
  pod["metadata"]["uid"] = "u";
  pod["spec"]["schedulingGates"] = {{{"name", "walguard/preflight"}}};
  cluster.set_list("pods", pod.dump());
  cluster.set_list("storageclasses",
                   R"({"metadata": {"name": "nfs"}, "provisioner": "nfs.csi.k8s.io",
                       "parameters": {"password": "SECRET-MARK"}})");
  cluster.set_list("persistentvolumeclaims",
                   R"({"metadata": {"name": "data", "namespace": "shop"},
                       "spec": {"storageClassName": "nfs", "accessModes": ["ReadWriteMany"]}})");
  cluster.set_list("namespaces", R"({"metadata": {"name": "shop", "labels": {"walguard/mode": "enforce"}}})");
  cluster.set_object("walguard-leader",
                     R"({"metadata": {"name": "walguard-leader", "resourceVersion": "3"},
                         "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}})");
  folder.write("kubeconfig",
               "apiVersion: v1\nkind: Config\ncurrent-context: t\n"
               "contexts: [{name: t, context: {cluster: c, user: u}}]\n"
               "users: [{name: u, user: {}}]\n"
               "clusters: [{name: c, cluster: {server: \"" +
                   cluster.url() + "\"}}]\n");
  ServedWalguard served(
      folder,
      {"--kubeconfig", folder.path("kubeconfig"), "--tls-cert", certificate.files().certificate, "--tls-key",
       certificate.files().private_key, "--namespace", "walguard-system", "--pod-name", "me", "--image",
       "walguard:test", "--log-level", "debug"},
      ServedWalguard::State::kCluster);
  ASSERT_TRUE(eventually([&] { return cluster.received().find("network-filesystem") != std::string::npos; }))
      << served.program().errors();
  EXPECT_GT(cluster.count("POST", "events"), 0);
  served.program().signal(SIGTERM);
  EXPECT_EQ(served.program().exit_code(), 0);
  expect_no_secret("the API server", cluster.received());
  expect_no_secret("log", served.program().errors());
}

}  // namespace
}  // namespace walguard::cli::testing
