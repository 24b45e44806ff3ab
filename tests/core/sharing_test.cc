// How far a volume's sharing reaches, and across which kernels.
#include "operator/core/sharing.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

TEST(SharingScope, IsTheNarrowestThatSomethingEnforces) {
  struct Row {
    std::string_view sentence;
    std::optional<Scope> expected;
    SharingFacts facts;
  };
  constexpr auto kNotKnown = std::nullopt;
  const std::vector<Row> rows = {
      {"nothing is known", std::nullopt, {.single_attach = kNotKnown}},
      {"nothing attaches it", Scope::kCluster, {.single_attach = false}},
      {"attached to one node at a time", Scope::kNode, {.single_attach = true}},
      {"the PersistentVolume names a host",
       Scope::kNode,
       {.single_attach = false, .volume_pinned_to_node = true}},
      {"... though nobody knows whether it is attached",
       Scope::kNode,
       {.single_attach = kNotKnown, .volume_pinned_to_node = true}},
      {"a disk of the node", Scope::kNode, {.single_attach = kNotKnown, .stays_on_one_node = true}},
      {"all pods are pinned to one host",
       Scope::kNode,
       {.single_attach = false, .pods_pinned_to_one_node = true}},
      {"one pod, one container",
       Scope::kContainer,
       {.owned_by_one_pod = true, .single_attach = kNotKnown, .consumers_in_pod = 1}},
      {"one pod, two containers",
       Scope::kPod,
       {.owned_by_one_pod = true, .single_attach = kNotKnown, .consumers_in_pod = 2}},
      {"one pod as far as is in view, and nothing attaches it",
       std::nullopt,
       {.owned_by_one_pod = kNotKnown, .single_attach = false, .consumers_in_pod = 1}},
      {"one pod as far as is in view, attached to one node at a time",
       Scope::kNode,
       {.owned_by_one_pod = kNotKnown, .single_attach = true, .consumers_in_pod = 1}},
      {"one pod, though nothing attaches it",
       Scope::kContainer,
       {.owned_by_one_pod = true, .single_attach = false, .consumers_in_pod = 1}},
  };
  for (const Row& row : rows) EXPECT_EQ(sharing_scope(row.facts), row.expected) << row.sentence;
}

TEST(CountConsumers, CountsWhatRunsWhileTheAppDoes) {
  const auto data = [](std::string_view name, ContainerRole role) {
    return container(std::string(name), {mount("data", "/data")}, role);
  };
  const Container elsewhere = container("elsewhere", {mount("other", "/data")});
  const auto count = [&](std::vector<Container> containers) {
    PodSpec spec;
    spec.containers = std::move(containers);
    return count_consumers(PodMounts(spec), "data");
  };
  EXPECT_EQ(count({}), 0);
  EXPECT_EQ(count({elsewhere}), 0);
  EXPECT_EQ(count({data("app", ContainerRole::kApp), elsewhere}), 1);
  EXPECT_EQ(count({data("app", ContainerRole::kApp), data("litestream", ContainerRole::kSidecar)}), 2)
      << "a restartable init container runs beside the app";
  EXPECT_EQ(count({data("app", ContainerRole::kApp), data("migrate", ContainerRole::kInit)}), 1)
      << "a plain one has ended before it";
  EXPECT_EQ(count({data("migrate", ContainerRole::kInit), data("seed", ContainerRole::kInit)}), 1)
      << "one after the other";
  EXPECT_EQ(count({data("app", ContainerRole::kApp), data("debug", ContainerRole::kEphemeral)}), 2);
}

TEST(CountConsumers, AContainerThatMountsTwiceIsOneConsumer) {
  PodSpec spec;
  spec.containers = {container("app", {mount("data", "/a"), mount("data", "/b")})};
  EXPECT_EQ(count_consumers(PodMounts(spec), "data"), 1);
}

TEST(CountConsumers, CountsThoseOfOneFolderAndOfWhatLiesInIt) {
  PodSpec spec;
  spec.containers = {container("a", {mount("data", "/a", "shop/a"), mount("data", "/x", "alone")}),
                     container("b", {mount("data", "/b", "shop/b")}),
                     container("c", {mount("data", "/c", "shop"), mount("data", "/d", "shop-of-c")})};
  EXPECT_EQ(count_consumers(PodMounts(spec), "data"), 3) << "c sees the folders of both";
  spec.containers.back().mounts.erase(spec.containers.back().mounts.begin());
  EXPECT_EQ(count_consumers(PodMounts(spec), "data"), 1) << "side by side";
}

// Anyone who may create pods may send one with as many mounts as three megabytes hold. Were each compared
// with each, this would take minutes.
TEST(CountConsumers, CountsManyMountsAtOnce) {
  constexpr int kMany = 30'000;
  PodSpec spec;
  for (const std::string name : {"a", "b"}) {
    std::vector<VolumeMount> mounts;
    mounts.reserve(kMany);
    for (int i = 0; i < kMany; ++i) mounts.push_back(mount("data", "/data", name + std::to_string(i)));
    spec.containers.push_back(container(name, std::move(mounts)));
  }
  EXPECT_EQ(count_consumers(PodMounts(spec), "data"), 1);
  spec.containers.back().mounts.push_back(mount("data", "/data", "a7/below"));
  EXPECT_EQ(count_consumers(PodMounts(spec), "data"), 2);
}

ClusterState runtimes() {
  ClusterState cluster;
  for (const auto& [name, handler] : StringMap{{"gvisor", "runsc"},
                                               {"kata", "kata-qemu"},
                                               {"kata-fast", "kata-clh"},
                                               {"plain", "runc"},
                                               {"crun", "crun"},
                                               {"gpu", "nvidia"},
                                               {"gpu-too", "nvidia"}}) {
    cluster.add(RuntimeClass{.name = name, .handler = handler});
  }
  return cluster;
}

std::optional<KernelDomain> domain(std::string_view runtime_class,
                                   const std::vector<std::string>& others = {}) {
  std::vector<RunningPod> pods;
  pods.reserve(others.size());
  for (const std::string& other : others) pods.push_back(running("other", "app-data", other));
  std::vector<const RunningPod*> views;
  views.reserve(pods.size());
  for (const RunningPod& other : pods) views.push_back(&other);
  return kernel_domain(runtime_class, views, runtimes());
}

TEST(KernelDomains, FollowTheHandlerOfTheRuntimeClass) {
  EXPECT_EQ(domain(""), KernelDomain::kShared);
  EXPECT_EQ(domain("plain"), KernelDomain::kShared);
  EXPECT_EQ(domain("crun"), KernelDomain::kShared);
  EXPECT_EQ(domain("gvisor"), KernelDomain::kPerSandbox);
  EXPECT_EQ(domain("kata"), KernelDomain::kPerPod);
  EXPECT_EQ(domain("gpu"), std::nullopt) << "a handler nobody knows";
  EXPECT_EQ(domain("not-in-view"), std::nullopt);
}

TEST(KernelDomains, AreMixedWhereAnotherPodRunsUnderAnotherKernel) {
  EXPECT_EQ(domain("", {"", "plain"}), KernelDomain::kShared);
  EXPECT_EQ(domain("", {"gvisor"}), KernelDomain::kMixed);
  EXPECT_EQ(domain("kata", {""}), KernelDomain::kMixed);
  EXPECT_EQ(domain("kata", {"kata-fast"}), KernelDomain::kPerPod);
  EXPECT_EQ(domain("gvisor", {"kata"}), KernelDomain::kMixed);
  EXPECT_EQ(domain("", {"", "gvisor", ""}), KernelDomain::kMixed) << "one is enough";
}

TEST(KernelDomains, AreUnknownWhereOneIsUnlessTwoOthersAreMixedAnyway) {
  EXPECT_EQ(domain("", {"gpu"}), std::nullopt);
  EXPECT_EQ(domain("", {"not-in-view"}), std::nullopt);
  EXPECT_EQ(domain("gpu", {""}), std::nullopt);
  EXPECT_EQ(domain("", {"gpu", "gvisor"}), KernelDomain::kMixed);
  EXPECT_EQ(domain("gpu", {"", "gvisor"}), KernelDomain::kMixed) << "whichever its own is";
}

TEST(RuntimeHandler, IsEmptyForTheNodesDefaultAndUnknownOutOfView) {
  EXPECT_EQ(runtime_handler("", runtimes()), "");
  EXPECT_EQ(runtime_handler("gvisor", runtimes()), "runsc");
  EXPECT_EQ(runtime_handler("not-in-view", runtimes()), std::nullopt);
}

}  // namespace
}  // namespace walguard::core
