#include "operator/kube/kubeconfig.h"

#include <map>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/cluster_config.h"
#include "operator/kube/encoding.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using walguard::testing::error_of;
using walguard::testing::TempDir;
using walguard::testing::write_file;

constexpr const char* kTwoContexts = R"(
apiVersion: v1
kind: Config
clusters:
- name: one
  cluster: {server: "https://one.example:6443/", certificate-authority: pki/ca.crt}
- name: two
  cluster: {server: "https://two.example", tls-server-name: kubernetes, proxy-url: "socks5://proxy:1080"}
users:
- name: certificate
  user: {client-certificate: pki/admin.crt, client-key: /etc/admin.key}
- name: token
  user: {token: secret-token}
contexts:
- name: first
  context: {cluster: one, user: certificate, namespace: shop}
- name: second
  context: {cluster: two, user: token}
current-context: first
)";

class KubeconfigTest : public ::testing::Test {
 protected:
  [[nodiscard]] tl::expected<ClusterConfig, std::string> load(const std::string& context = "") const {
    return load_kubeconfig({{path_}, false}, context);
  }
  /// A file with one cluster and one user, whose fields are given as YAML flow maps.
  void write_pair(const std::string& cluster, const std::string& user) const {
    write_file(path_, "clusters: [{name: c, cluster: " + cluster + "}]\nusers: [{name: u, user: " + user +
                          "}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n");
  }
  [[nodiscard]] std::string error_with_cluster(const std::string& cluster) const {
    write_pair(cluster, "{}");
    return error_of(load());
  }
  [[nodiscard]] std::string error_with_user(const std::string& user) const {
    write_pair("{server: 'https://h'}", user);
    return error_of(load());
  }

  TempDir folder_;
  const std::string path_ = folder_ / "config";
};

TEST_F(KubeconfigTest, TheCurrentContextDecidesUnlessAnotherIsAskedFor) {
  write_file(path_, kTwoContexts);
  const auto first = load();
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->server, "https://one.example:6443");
  EXPECT_EQ(first->namespace_name, "shop");
  EXPECT_EQ(first->source, "context first of " + path_);

  const auto second = load("second");
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(second->server, "https://two.example");
  EXPECT_EQ(second->tls_server_name, "kubernetes");
  EXPECT_EQ(second->proxy_url, "socks5://proxy:1080");
  EXPECT_EQ(second->user.token, "secret-token");
  EXPECT_EQ(second->namespace_name, "default");
}

TEST_F(KubeconfigTest, RelativePathsAreRelativeToTheFileAndAbsoluteOnesStay) {
  write_file(path_, kTwoContexts);
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->certificate_authority.file, folder_ / "pki/ca.crt");
  EXPECT_EQ(config->user.client_certificate.file, folder_ / "pki/admin.crt");
  EXPECT_EQ(config->user.client_key.file, "/etc/admin.key");
}

TEST_F(KubeconfigTest, InlineDataIsDecodedAndStrongerThanAFile) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\n";
  write_pair("{server: 'https://h', certificate-authority: ca.crt, certificate-authority-data: " +
                 encode_base64(pem) + "}",
             "{client-certificate-data: " + encode_base64(pem) +
                 ", client-key-data: " + encode_base64("-----BEGIN PRIVATE KEY-----\n") + "}");
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->certificate_authority.data, pem);
  EXPECT_EQ(config->certificate_authority.file, "");
  EXPECT_EQ(config->user.client_certificate.data, pem);
  EXPECT_EQ(config->user.client_key.data, "-----BEGIN PRIVATE KEY-----\n");
}

TEST_F(KubeconfigTest, AnExecPluginIsReadWithItsArgumentsAndEnvironment) {
  write_pair("{server: 'https://h'}",
             "{exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [get, --fast], "
             "env: [{name: PROFILE, value: test}], provideClusterInfo: true, interactiveMode: IfAvailable, "
             "installHint: see the wiki}}");
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  const ExecPlugin plugin = config->user.exec.value_or(ExecPlugin{});
  EXPECT_EQ(plugin.command, folder_ / "bin/login") << "it has a slash";
  EXPECT_THAT(plugin.arguments, ElementsAre("get", "--fast"));
  EXPECT_THAT(plugin.environment, ElementsAre("PROFILE=test"));
  EXPECT_TRUE(plugin.provide_cluster_info);
  EXPECT_EQ(plugin.install_hint, "see the wiki");
}

TEST_F(KubeconfigTest, ACommandWithoutASlashIsLeftToPath) {
  write_pair("{server: 'https://h'}",
             "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}}");
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->user.exec.value_or(ExecPlugin{}).command, "login");
}

TEST_F(KubeconfigTest, OfSeveralFilesTheFirstToNameAThingWinsAsAWhole) {
  const std::string other = folder_ / "other";
  write_file(path_, "users: [{name: red, user: {token: first}}]\ncurrent-context: x\n");
  write_file(other,
             "users: [{name: red, user: {token: second, tokenFile: t}}]\ncurrent-context: y\n"
             "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
             "contexts: [{name: x, context: {cluster: c, user: red}}]\n");
  const auto config = load_kubeconfig({{path_, folder_ / "missing", other}, true}, "");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->user.token, "first");
  EXPECT_EQ(config->user.token_file, "") << "nothing of the second red";
  EXPECT_EQ(config->source, "context x of " + other);
}

TEST_F(KubeconfigTest, WhichFilesAreReadIsDecidedAsByKubectl) {
  std::map<std::string, std::string> variables = {{"HOME", "/home/me"}};
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_THAT(kubeconfig_files("", environment).paths, ElementsAre("/home/me/.kube/config"));
  variables["KUBECONFIG"] = "/a::/b:/a";
  EXPECT_THAT(kubeconfig_files("", environment).paths, ElementsAre("/a", "/b"));
  EXPECT_TRUE(kubeconfig_files("", environment).may_be_missing);
  EXPECT_THAT(kubeconfig_files("/given", environment).paths, ElementsAre("/given"));
  EXPECT_FALSE(kubeconfig_files("/given", environment).may_be_missing);
}

TEST_F(KubeconfigTest, AMissingFileIsNamed) {
  EXPECT_EQ(error_of(load()), path_ + ": cannot be read: No such file or directory");
  EXPECT_EQ(error_of(load_kubeconfig({{path_}, true}, "")),
            "no kubeconfig: none of " + path_ + " exists; name one with --kubeconfig or in KUBECONFIG");
}

TEST_F(KubeconfigTest, WhatIsNoYamlIsNamedWithItsLine) {
  write_file(path_, "clusters:\n- name: [\n");
  EXPECT_THAT(error_of(load()), HasSubstr(path_ + ":3: is not YAML: "));
}

TEST_F(KubeconfigTest, AnUnknownContextIsAnsweredWithThoseThatAreThere) {
  write_file(path_, kTwoContexts);
  EXPECT_EQ(error_of(load("third")), path_ +
                                         ": there is no context \"third\"; choose with --context or "
                                         "current-context among: first, second");
}

TEST_F(KubeconfigTest, WithoutACurrentContextOneMustBeNamed) {
  write_file(path_, "contexts: [{name: a, context: {cluster: c}}]\n");
  EXPECT_EQ(error_of(load()),
            path_ + ": current-context is not set; name one of the contexts with --context: a");
}

TEST_F(KubeconfigTest, AContextOfAClusterThatIsNotThereNamesBoth) {
  write_file(path_, "contexts:\n- name: a\n  context: {cluster: gone}\ncurrent-context: a\n");
  EXPECT_EQ(error_of(load()),
            path_ +
                ":3: contexts[0].context.cluster is \"gone\", which is not there; name one of: "
                "none");
}

TEST_F(KubeconfigTest, ANameThatComesTwiceInOneFileIsRefused) {
  write_file(path_, "users:\n- name: a\n  user: {}\n- name: a\n  user: {}\n");
  EXPECT_EQ(error_of(load()),
            path_ + ":4: users[1].name is \"a\", as an entry above; rename or remove one of the two");
}

TEST_F(KubeconfigTest, ABrokenClusterThatIsNotChosenHindersNobody) {
  write_file(path_,
             "clusters: [{name: good, cluster: {server: 'https://h'}}, {name: bad, cluster: {server: ''}}]\n"
             "contexts: [{name: x, context: {cluster: good}}]\ncurrent-context: x\n");
  EXPECT_TRUE(load());
}

TEST_F(KubeconfigTest, AServerMustBeAUrl) {
  EXPECT_THAT(error_with_cluster("{}"),
              HasSubstr("clusters[0].cluster.server is missing; write the API server's URL"));
  for (const std::string url : {"ftp://h", "https://h:port", "https://h?x=1", "https://me@h", "https://"}) {
    EXPECT_THAT(error_with_cluster("{server: '" + url + "'}"),
                HasSubstr("server is \"" + url + "\"; write a URL"))
        << url;
  }
}

TEST_F(KubeconfigTest, AnAuthorityThatIsNotToBeUsedIsAContradiction) {
  EXPECT_THAT(
      error_with_cluster("{server: 'https://h', insecure-skip-tls-verify: true, certificate-authority: a}"),
      HasSubstr("insecure-skip-tls-verify is true beside a certificate-authority"));
  EXPECT_THAT(error_with_cluster("{server: 'https://h', insecure-skip-tls-verify: sure}"),
              HasSubstr("insecure-skip-tls-verify is \"sure\"; write true or false"));
}

TEST_F(KubeconfigTest, AProxyMustBeAUrlOfAKnownKind) {
  const std::string error = error_with_cluster("{server: 'https://h', proxy-url: 'ftp://me:password@h'}");
  EXPECT_THAT(error, HasSubstr("proxy-url is not the URL of a proxy"));
  EXPECT_THAT(error, Not(HasSubstr("password")));
}

TEST_F(KubeconfigTest, InlineDataThatIsNoPemIsRefusedWithoutRepeatingIt) {
  const std::string error =
      error_with_user("{client-key-data: c2VjcmV0, client-certificate: a}");  // "secret"
  EXPECT_THAT(error, HasSubstr("users[0].user.client-key-data does not hold PEM; write the output of"));
  EXPECT_THAT(error, Not(HasSubstr("c2VjcmV0")));
  EXPECT_THAT(error_with_cluster("{server: 'https://h', certificate-authority-data: '%%%%'}"),
              HasSubstr("certificate-authority-data is not base64"));
}

TEST_F(KubeconfigTest, ACertificateWithoutItsKeyIsRefused) {
  EXPECT_THAT(error_with_user("{client-certificate: a}"),
              HasSubstr("client-key is missing beside its certificate"));
  EXPECT_THAT(error_with_user("{client-key: a}"), HasSubstr("client-certificate is missing beside its key"));
}

TEST_F(KubeconfigTest, WhatWouldChangeOurRightsUnseenIsRefused) {
  EXPECT_THAT(error_with_user("{token: t, as: somebody}"), HasSubstr("user.as asks for impersonation"));
  EXPECT_THAT(error_with_user("{auth-provider: {name: gcp}}"), HasSubstr("auth-provider was removed from"));
  EXPECT_THAT(error_with_user("{username: me, password: p}"), HasSubstr("username is no longer taken"));
}

TEST_F(KubeconfigTest, AnExecPluginMustBeComplete) {
  EXPECT_THAT(error_with_user("{exec: {command: login}}"), HasSubstr("exec.apiVersion is missing"));
  EXPECT_THAT(error_with_user("{exec: {command: login, apiVersion: client.authentication.k8s.io/v1alpha1}}"),
              HasSubstr("exec.apiVersion is \"client.authentication.k8s.io/v1alpha1\"; write"));
  EXPECT_THAT(error_with_user("{exec: {apiVersion: client.authentication.k8s.io/v1}}"),
              HasSubstr("exec.command is missing"));
  EXPECT_THAT(error_with_user("{exec: {apiVersion: client.authentication.k8s.io/v1, command: a, args: b}}"),
              HasSubstr("exec.args is not a list"));
  EXPECT_THAT(
      error_with_user(
          "{exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Always}}"),
      HasSubstr("there is no terminal here"));
}

TEST_F(KubeconfigTest, ASecretOfTheWrongTypeIsNotRepeated) {
  EXPECT_THAT(error_with_user("{token: [hunter2]}"), HasSubstr("users[0].user.token is not text"));
  EXPECT_THAT(error_with_user("{token: [hunter2]}"), Not(HasSubstr("hunter2")));
}

TEST_F(KubeconfigTest, InAPodItsServiceAccountIsTakenOnlyWhereNoKubeconfigIsNamed) {
  std::map<std::string, std::string> variables = {{"KUBERNETES_SERVICE_HOST", "not a host"},
                                                  {"KUBERNETES_SERVICE_PORT", "443"}};
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_THAT(error_of(find_cluster("", "", environment)), HasSubstr("KUBERNETES_SERVICE_HOST"));
  write_file(path_, kTwoContexts);
  EXPECT_TRUE(find_cluster(path_, "", environment));
  variables["KUBECONFIG"] = path_;
  EXPECT_TRUE(find_cluster("", "", environment));
}

}  // namespace
}  // namespace walguard::kube
