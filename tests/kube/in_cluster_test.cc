#include "operator/kube/in_cluster.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/cluster_config.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using walguard::testing::error_of;
using walguard::testing::TempDir;
using walguard::testing::write_file;

class InClusterTest : public ::testing::Test {
 protected:
  InClusterTest() {
    write_file(folder_ / "token", "abc\n");
    write_file(folder_ / "ca.crt", "-----BEGIN CERTIFICATE-----\n");
    write_file(folder_ / "namespace", "walguard-system");
  }

  [[nodiscard]] auto load() const {
    const Environment environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    return in_cluster_config(environment, folder_.path());
  }

  TempDir folder_;
  std::map<std::string, std::string> variables_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                                                   {"KUBERNETES_SERVICE_PORT", "443"}};
};

TEST_F(InClusterTest, TheServiceAccountGivesServerAuthorityTokenFileAndNamespace) {
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server, "https://10.96.0.1:443");
  EXPECT_EQ(config->certificate_authority.file, folder_ / "ca.crt");
  EXPECT_EQ(config->user.token_file, folder_ / "token");
  EXPECT_EQ(config->user.token, "") << "a token that is kept would expire";
  EXPECT_EQ(config->namespace_name, "walguard-system");
}

TEST_F(InClusterTest, AnIpv6AddressIsPutInBrackets) {
  variables_["KUBERNETES_SERVICE_HOST"] = "fd00:10:96::1";
  const auto config = load();
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->server, "https://[fd00:10:96::1]:443");
}

TEST_F(InClusterTest, WithoutTheVariablesTheErrorNamesOneAndAWayOut) {
  variables_.erase("KUBERNETES_SERVICE_PORT");
  EXPECT_EQ(
      error_of(load()),
      "KUBERNETES_SERVICE_PORT is not set: this is no pod of a cluster; name a kubeconfig with --kubeconfig");
}

TEST_F(InClusterTest, AHostThatWouldChangeTheUrlIsRefused) {
  variables_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1/evil";
  EXPECT_THAT(error_of(load()), HasSubstr("KUBERNETES_SERVICE_HOST=\"10.0.0.1/evil\" is neither"));
}

TEST_F(InClusterTest, APortThatIsNoNumberIsRefused) {
  for (const std::string port : {"https", "0", "65536", "44 3"}) {
    variables_["KUBERNETES_SERVICE_PORT"] = port;
    EXPECT_THAT(error_of(load()), HasSubstr("=\"" + port + "\" is not a port")) << port;
  }
}

TEST_F(InClusterTest, AMissingTokenIsNamedWithWhatMountsIt) {
  std::filesystem::remove(folder_ / "token");
  EXPECT_THAT(error_of(load()),
              StartsWith((folder_ / "token") + ": cannot be read: No such file or directory"));
  EXPECT_THAT(error_of(load()), HasSubstr("automountServiceAccountToken"));
}

TEST_F(InClusterTest, AnEmptyAuthorityIsRefusedInsteadOfTrustingTheSystems) {
  write_file(folder_ / "ca.crt", "\n");
  EXPECT_THAT(error_of(load()), StartsWith((folder_ / "ca.crt") + ": is empty"));
}

}  // namespace
}  // namespace walguard::kube
