// The release as helm and other tools see it, with walguard at work all the while.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Release : public OperatorTest {
 protected:
  /// caBundle of every webhook.
  [[nodiscard]] std::vector<std::string> bundles() const {
    std::vector<std::string> found;
    for (const char* const kind : {"mutatingwebhookconfiguration", "validatingwebhookconfiguration"}) {
      const auto configuration = cluster().get(kind, "walguard");
      if (configuration.is_null()) continue;
      for (const auto& webhook : configuration.at("webhooks")) {
        found.push_back(webhook.at("clientConfig").value("caBundle", ""));
      }
    }
    return found;
  }
};

TEST_F(Release, PassesItsHelmTest) {
  const CommandResult tested = helm("test", {"--timeout=100s"});
  EXPECT_TRUE(tested.ok()) << tested.output << tested.errors;
  EXPECT_THAT(tested.output, HasSubstr("Succeeded"));
}

TEST_F(Release, AnUpgradeLosesNoEvidence) {
  if (!make_pod_that_waits_for_a_preflight()) return;
  ASSERT_TRUE(wait("pod/one", "condition=Ready", kPreflight));
  const CommandResult upgraded = helm("upgrade", {"--reuse-values", "--wait", "--timeout=100s",
                                                  "--set-string=podAnnotations.restarted=" + space()});
  ASSERT_TRUE(upgraded.ok()) << upgraded.output << upgraded.errors;
  EXPECT_THAT(bundles(), Each(Not(IsEmpty())));
  ASSERT_TRUE(apply(claim_yaml("second", own("local"), "ReadWriteOnce") + guarded_pod("two", "second")).ok());
  EXPECT_THAT(gates_of("two"), IsEmpty());
  EXPECT_TRUE(wait("pod/two", "condition=Ready"));
}

TEST_F(Release, AppliedAgainByGitOpsItKeepsItsCertificateAndTheTrustInIt) {
  std::vector<std::string> options = release_values();
  const CommandResult version = cluster().kubectl({"version", "--output=json"});
  ASSERT_TRUE(version.ok()) << version.errors;
  const std::string server =
      nlohmann::json::parse(version.output).at("/serverVersion/gitVersion"_json_pointer);
  options.insert(options.end(), {"--no-hooks", "--kube-version=" + server});
  const CommandResult rendered = helm("template", options);
  ASSERT_TRUE(rendered.ok()) << rendered.errors;
  const std::vector<std::string> before = bundles();
  ASSERT_THAT(before, Each(Not(IsEmpty())));
  const auto key = [&] {
    return in_release({"get", "secret", "walguard-tls", "--output=jsonpath={.data}"}).output;
  };
  const std::string pair = key();

  const CommandResult client_side = apply_anywhere(rendered.output);
  EXPECT_TRUE(client_side.ok()) << client_side.errors;
  EXPECT_EQ(bundles(), before);
  const CommandResult server_side =
      apply_anywhere(rendered.output, {"--server-side", "--force-conflicts", "--field-manager=gitops"});
  EXPECT_TRUE(server_side.ok()) << server_side.errors;
  EXPECT_EQ(bundles(), before);
  EXPECT_EQ(key(), pair);
}

}  // namespace
}  // namespace walguard::cluster::testing
