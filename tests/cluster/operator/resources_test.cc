// walguard's own resources, as a person writes and reads them: policies, and preflights asked for by hand.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kSeen{20};  // by walguard's index

class Resources : public OperatorTest {
 protected:
  /// Of a policy for this test's namespace alone, named own("policy").
  [[nodiscard]] std::string policy_yaml(const std::string& spec) const {
    return "apiVersion: walguard.dev/v1alpha1\nkind: WalguardPolicy\nmetadata: {name: " + own("policy") +
           "}\nspec:\n  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: " + space() + "}}\n" +
           spec;
  }
  /// The claim "data" of own("local"), bound and used by nobody.
  void bind_claim() {
    ASSERT_TRUE(apply(claim_yaml("data", own("local"), "ReadWriteOnce") + pod_yaml("first", "data")).ok());
    ASSERT_TRUE(wait("pod/first", "condition=Ready", std::chrono::seconds(120)));
    ASSERT_TRUE(in_pod("first", "echo precious >/data/file").ok());
    ASSERT_TRUE(kubectl({"delete", "pod", "first"}).ok());
  }
};

TEST_F(Resources, APolicyThatCannotBeUnderstoodIsRefusedWithTheFieldAndTheRemedy) {
  const CommandResult unknown_rule = apply(
      policy_yaml(
          "  defaultMode: warn\n  exemptions: [{namespaces: [a], rules: [no-such-rule], reason: test}]\n"),
      {"--dry-run=server"});
  EXPECT_FALSE(unknown_rule.ok());
  EXPECT_THAT(unknown_rule.errors, AllOf(HasSubstr("spec.exemptions[0].rules[0]"), HasSubstr("no-such-rule"),
                                         HasSubstr("walguard explain")));
  const CommandResult unknown_mode = apply(policy_yaml("  defaultMode: severe\n"), {"--dry-run=server"});
  EXPECT_FALSE(unknown_mode.ok());
  EXPECT_THAT(unknown_mode.errors, HasSubstr("defaultMode"));
}

TEST_F(Resources, APolicyIsInForceAtOnceAndSaysThatItIsAccepted) {
  const std::string storage_class = own("nfs");
  remove_at_end("storageclass/" + storage_class);
  remove_at_end("walguardpolicy/" + own("policy"));
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, "nfs.csi.k8s.io") +
                    claim_yaml("shared", storage_class, "ReadWriteMany"))
                  .ok());
  const auto is_denied = [&] { return !apply(deployment("web", "shared", 2), {"--dry-run=server"}).ok(); };
  EXPECT_FALSE(is_denied());
  ASSERT_TRUE(apply(policy_yaml("  defaultMode: enforce\n")).ok());
  EXPECT_TRUE(eventually(kSeen, is_denied));
  EXPECT_TRUE(wait("wgp/" + own("policy"), "condition=Accepted"));
  EXPECT_TRUE(kubectl({"delete", "wgp", own("policy")}).ok());
  EXPECT_TRUE(eventually(kSeen, [&] { return !is_denied(); }));
}

TEST_F(Resources, APreflightThatAPersonAskedForTellsItsStory) {
  if (!make_class("local", {"--attach-required"})) return;
  ASSERT_TRUE(apply("apiVersion: walguard.dev/v1alpha1\nkind: VolumePreflight\nmetadata: {name: " + space() +
                    "}\nspec: {storageClassName: " + own("local") +
                    ", accessMode: ReadWriteOnce, scope: node}\n")
                  .ok());
  ASSERT_FALSE(preflight_in_phase(own("local"), "Done").is_null())
      << nlohmann::json(preflights_of(own("local"))).dump(1);
  const CommandResult at_a_glance = kubectl({"get", "vpf", space()});
  EXPECT_THAT(at_a_glance.output, AllOf(HasSubstr(own("local")), HasSubstr("Done"), HasSubstr("safe")));
  std::string described;
  EXPECT_TRUE(eventually(kSeen, [&] {
    described = kubectl({"describe", "vpf", space()}).output;
    return described.find("Events:") != std::string::npos && described.find("Normal") != std::string::npos;
  })) << described;
  EXPECT_THAT(described,
              AllOf(HasSubstr("mmap-coherence"), HasSubstr("Measured At"), HasSubstr("all checks passed")));
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(Resources, AClaimPreflightMeasuresTheClaimThatIsThereAndLeavesItAsItWas) {
  if (!make_class("local", {"--attach-required"})) return;
  ASSERT_NO_FATAL_FAILURE(bind_claim());
  ASSERT_TRUE(apply("apiVersion: walguard.dev/v1alpha1\nkind: ClaimPreflight\nmetadata: {name: mine}\n"
                    "spec: {claimName: data, scope: node}\n")
                  .ok());
  EXPECT_TRUE(wait("cpf/mine", "jsonpath={.status.phase}=Done", kPreflight));
  EXPECT_THAT(kubectl({"get", "cpf", "mine"}).output, AllOf(HasSubstr("data"), HasSubstr("safe")));
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
    return kubectl({"get", "jobs,pods,services", "--output=name"}).output.empty();
  })) << kubectl({"get", "jobs,pods,services"}).output;

  const CommandResult guarded = apply(guarded_pod("second", "data"));
  ASSERT_TRUE(guarded.ok()) << guarded.errors;
  EXPECT_TRUE(wait("pod/second", "condition=Ready", std::chrono::seconds(60))) << "proven on this very claim";
  EXPECT_TRUE(preflights_of(own("local")).empty()) << "its class needed none";
  EXPECT_EQ(in_pod("second", "ls -A /data; cat /data/file").output, "file\nprecious\n");
}

}  // namespace
}  // namespace walguard::cluster::testing
