// Values that cannot work are refused before they reach a cluster, in words that say what to do.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/chart/chart.h"

namespace walguard::chart::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(Chart, RefusesToLeaveNobodyBehindTheWebhooks) {
  EXPECT_THAT(
      refusal({"--set", "replicas=0"}),
      AllOf(HasSubstr("replicas: 0 would leave nobody behind the webhooks"), HasSubstr("helm uninstall")));
}

TEST_F(Chart, RefusesATagBesideADigest) {
  EXPECT_THAT(refusal({"--set", "image.tag=1.2.3,image.digest=sha256:" + std::string(64, 'a')}),
              HasSubstr("image.tag (1.2.3) and image.digest (sha256:aaa"));
}

TEST_F(Chart, RefusesEveryNamespaceBesideOneOfThem) {
  EXPECT_THAT(refusal({"--set", "claimPreflights.namespaces={*,shop}"}),
              HasSubstr("\"*\" is every namespace"));
}

TEST_F(Chart, RefusesAValueThatItDoesNotKnowAndNamesIt) {
  struct Case {
    std::string set;
    std::string named;
  };
  for (const Case& wrong : std::vector<Case>{{"mode=strict", "mode"},
                                             {"replica=3", "replica"},
                                             {"image.digest=abc", "digest"},
                                             {"image.pullPolicy=Sometimes", "pullPolicy"},
                                             {"log.level=loud", "level"},
                                             {"webhooks.timeoutSeconds=60", "timeoutSeconds"},
                                             {"excludedNamespaces={Not_a_name}", "excludedNamespaces"},
                                             {"crds.keep=maybe", "keep"}}) {
    EXPECT_THAT(refusal({"--set", wrong.set}), HasSubstr(wrong.named)) << wrong.set;
  }
}

TEST_F(Chart, RefusesAKubernetesThatIsTooOld) {
  EXPECT_THAT(refusal({"--kube-version", "1.26.9"}), HasSubstr("requires kubeVersion: >=1.27.0-0"));
}

TEST_F(Chart, TakesTheVersionsThatCloudsAddWordsTo) {
  EXPECT_EQ(refusal({"--kube-version", "v1.27.3-gke.100"}), "");
  EXPECT_EQ(refusal({"--kube-version", "v1.30.1-eks-036c24b"}), "");
}

}  // namespace
}  // namespace walguard::chart::testing
