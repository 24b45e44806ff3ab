// What is never denied, and what is never gated.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cluster/cluster.h"
#include "tests/cluster/operator_fixture.h"

namespace walguard::cluster::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Admission : public OperatorTest {};

TEST_F(Admission, ADeploymentFromBeforeCanBeEditedScaledDownAndDeleted) {
  const std::string storage_class = own("nfs");
  remove_at_end("storageclass/" + storage_class);
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, "nfs.csi.k8s.io") +
                    claim_yaml("shared", storage_class, "ReadWriteMany") + deployment("web", "shared", 3))
                  .ok())
      << "the namespace enforces nothing yet";
  set_mode("enforce");
  ASSERT_TRUE(eventually(std::chrono::seconds(20), [&] {
    return !kubectl({"scale", "deployment", "web", "--replicas=4", "--dry-run=server"}).ok();
  })) << "the namespace enforces";
  const CommandResult edited = kubectl({"set", "env", "deployment/web", "COLOUR=blue"});
  EXPECT_TRUE(edited.ok()) << edited.errors;
  const CommandResult scaled = kubectl({"scale", "deployment", "web", "--replicas=2"});
  EXPECT_TRUE(scaled.ok()) << scaled.errors;
  const CommandResult deleted = kubectl({"delete", "deployment", "web"});
  EXPECT_TRUE(deleted.ok()) << deleted.errors;
}

TEST_F(Admission, APodWithANodeNameIsNeverGated) {
  const std::string storage_class = own("unknown");
  remove_at_end("storageclass/" + storage_class);
  ASSERT_TRUE(apply(storage_class_yaml(storage_class, storage_class) +
                    claim_yaml("data", storage_class, "ReadWriteOncePod"))
                  .ok());
  const std::string a_node = kubectl({"get", "nodes", "--output=jsonpath={.items[0].metadata.name}"}).output;
  std::string pod = guarded_pod("bound", "data");
  pod.insert(pod.find("  terminationGracePeriodSeconds"), "  nodeName: " + a_node + "\n");
  const CommandResult refused = apply(pod);
  EXPECT_FALSE(refused.ok()) << "require-local is enforced where no gate can hold the pod";
  EXPECT_THAT(refused.errors, HasSubstr("denied the request"));

  const std::string required = "walguard/require-local: \"true\", ";
  pod.erase(pod.find(required), required.size());
  const CommandResult warned = apply(pod);
  EXPECT_TRUE(warned.ok()) << warned.errors;
  EXPECT_THAT(warned.errors, HasSubstr("Warning: walguard: ")) << "kubectl shows what the webhook warns of";
  EXPECT_THAT(gates_of("bound"), IsEmpty());
}

}  // namespace
}  // namespace walguard::cluster::testing
