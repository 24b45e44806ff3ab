// Objects come, change and go one at a time; every look-up must answer as if only those of now had ever been.
#include "operator/core/cluster_state.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/cluster_objects.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

using Texts = std::vector<std::string>;

// ---- what a state answers, as text ----

template <typename Objects>
std::string names_of(const Objects& objects) {
  Texts names;
  for (const auto* object : objects) names.push_back(object->name);
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += name + " ";
  return text;
}

const Texts kNamespaces = {"a", "b"};
const Texts kNames = {"x", "y", "data-app-0", "data-app-1"};
const Texts kPaths = {"/srv", "/srv/db", "/var"};
constexpr std::array kWorkloadKinds = {WorkloadKind::kDeployment, WorkloadKind::kStatefulSet,
                                       WorkloadKind::kDaemonSet,  WorkloadKind::kReplicaSet,
                                       WorkloadKind::kJob,        WorkloadKind::kCronJob};

void describe_namespace(const ClusterState& state, const std::string& ns, Texts& out) {
  for (const std::string& name : kNames) {
    out.push_back("pods of claim: " + names_of(state.pods_of_claim(ns, name)));
    const auto* claim = state.claim(ns, name);
    out.push_back("claim: " + (claim == nullptr ? "none" : claim->spec.volume_name));
    const RunningPod* pod = state.pod(ns, name);
    out.push_back("pod: " + (pod == nullptr ? "none" : pod->uid));
    for (const WorkloadKind kind : kWorkloadKinds) {
      const auto view = state.workload(kind, ns, name);
      out.push_back("workload: " + std::to_string(static_cast<int>(view.in_view)) +
                    (view.workload == nullptr ? "" : std::to_string(view.workload->replicas.value_or(-1))));
      out.push_back("autoscaled to " + std::to_string(state.autoscaled_to(kind, ns, name).value_or(-1)));
    }
  }
  out.push_back("numbered: " + names_of(state.pods_of_numbered_claims(ns, "data-app-")));
}

void describe_names(const ClusterState& state, Texts& out) {
  for (const std::string& name : kNames) {
    const auto* volume = state.persistent_volume(name);
    out.push_back("volume: " + (volume == nullptr ? "none" : names_of(state.same_storage(*volume))));
    out.push_back("claims of volume: " + names_of(state.claims_of_volume(name)));
    out.emplace_back(state.storage_class(name) == nullptr ? "no class" : "a class");
    const auto* in_namespace = state.namespace_object(name);
    out.push_back("namespace: " + std::to_string(in_namespace != nullptr && in_namespace->ignored));
    const auto* driver = state.csi_driver(name);
    out.push_back("driver: " + std::to_string(driver != nullptr && driver->attach_required));
    out.push_back("node: " + (state.node(name) == nullptr ? "none" : state.node(name)->hostname));
    const auto* runtime = state.runtime_class(name);
    out.push_back("runtime: " + (runtime == nullptr ? "none" : runtime->handler));
  }
}

Texts description(const ClusterState& state) {
  Texts out;
  for (const std::string& ns : kNamespaces) describe_namespace(state, ns, out);
  describe_names(state, out);
  for (const std::string& path : kPaths) out.push_back("on path: " + names_of(state.pods_of_host_path(path)));
  out.push_back("gated: " + names_of(state.gated_pods()));
  const auto* standard = state.default_storage_class();
  out.push_back("default: " + (standard == nullptr ? "none" : standard->name));
  for (std::size_t kind = 0; kind < kClusterKindCount; ++kind)
    out.push_back("size: " + std::to_string(state.size(static_cast<ClusterKind>(kind))));
  return out;
}

// ---- objects at random ----

class Chance {
 public:
  explicit Chance(unsigned seed) : generator_(seed) {}
  std::size_t below(std::size_t end) { return generator_() % end; }
  bool coin() { return below(2) == 0; }
  const std::string& one_of(const Texts& texts) { return texts[below(texts.size())]; }

 private:
  std::minstd_rand generator_;
};

Volume random_volume(Chance& chance) {
  switch (chance.below(4)) {
    case 0:
      return host_path(chance.one_of(kPaths));
    case 1:
      return volume_of(VolumeKind::kProjection);
    default:
      return claim_volume(chance.one_of(kNames));
  }
}

PodSpec random_spec(Chance& chance) {
  PodSpec spec;
  for (std::size_t left = chance.below(3); left > 0; --left) spec.volumes.push_back(random_volume(chance));
  if (chance.below(3) == 0) spec.scheduling_gates = {std::string(kGateName)};
  return spec;
}

ClusterObject random_object(Chance& chance, ClusterKind kind, const std::string& ns,
                            const std::string& name) {
  switch (kind) {
    case ClusterKind::kPods:
      return RunningPod{.namespace_name = ns,
                        .name = name,
                        .uid = std::to_string(chance.below(1000)),
                        .spec = random_spec(chance)};
    case ClusterKind::kClaims: {
      PersistentVolumeClaim claim{.namespace_name = ns, .name = name, .spec = {}};
      if (chance.coin()) claim.spec.volume_name = chance.one_of(kNames);
      return claim;
    }
    case ClusterKind::kVolumes: {
      PersistentVolume volume;
      volume.name = name;
      volume.driver = chance.coin() ? "one" : "two";
      if (chance.coin()) volume.volume_handle = chance.coin() ? "h" : "i";
      return volume;
    }
    case ClusterKind::kStorageClasses: {
      StorageClass object = storage_class(name, "p");
      object.is_default = chance.coin();
      return object;
    }
    case ClusterKind::kCsiDrivers:
      return CsiDriver{.name = name, .attach_required = chance.coin()};
    case ClusterKind::kNodes:
      return Node{.name = name, .hostname = chance.one_of(kNames), .kernel_release = {}, .os = {}};
    case ClusterKind::kRuntimeClasses:
      return RuntimeClass{.name = name, .handler = chance.one_of(kNames)};
    case ClusterKind::kNamespaces:
      return Namespace{.name = name, .mode = std::nullopt, .ignored = chance.coin()};
    case ClusterKind::kAutoscalers:
      return Autoscaler{.namespace_name = ns,
                        .name = name,
                        .target_kind = kWorkloadKinds[chance.below(2)],
                        .target_name = chance.one_of(kNames),
                        .most_replicas = static_cast<std::int64_t>(chance.below(9))};
    default:
      break;
  }
  Workload workload;
  workload.kind = *std::ranges::find(kWorkloadKinds, kind, cluster_kind);
  workload.namespace_name = ns;
  workload.name = name;
  workload.replicas = static_cast<std::int64_t>(chance.below(5));
  workload.pod = random_spec(chance);
  return workload;
}

bool is_namespaced(ClusterKind kind) {
  return kind == ClusterKind::kPods || kind == ClusterKind::kClaims || kind >= ClusterKind::kDeployments;
}

TEST(ClusterState, AfterAnyPutsAndRemovesItAnswersAsOneBuiltAfresh) {
  using Key = std::tuple<ClusterKind, std::string, std::string>;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    Chance chance(seed);
    ClusterState state;
    std::map<Key, ClusterObject> there;
    for (int step = 0; step < 400; ++step) {
      const auto kind = static_cast<ClusterKind>(chance.below(kClusterKindCount));
      const std::string& ns = chance.one_of(kNamespaces);
      const std::string& name = chance.one_of(kNames);
      const Key key{kind, is_namespaced(kind) ? ns : "", name};
      if (chance.below(3) == 0) {
        state.remove(kind, ns, name);
        there.erase(key);
      } else {
        ClusterObject object = random_object(chance, kind, ns, name);
        there.insert_or_assign(key, object);
        state.add(std::move(object));
      }
      if (step % 20 != 0) continue;
      ClusterState fresh;
      for (const auto& [_, object] : there) fresh.add(object);
      ASSERT_EQ(description(state), description(fresh)) << "seed " << seed << ", step " << step;
      ASSERT_EQ(description(ClusterState(state)), description(fresh)) << "a copy, seed " << seed;
    }
  }
}

TEST(ClusterState, ACopyAnswersFromItsOwnPods) {
  auto original = std::make_optional(cluster_of(running("app-0")));
  const ClusterState copy = *original;
  original.reset();
  ASSERT_EQ(copy.pods_of_claim("shop", "app-data").size(), 1U);
  EXPECT_EQ(copy.pods_of_claim("shop", "app-data")[0]->name, "app-0");
}

TEST(ClusterState, OneKindIsReplacedAsAWholeAndTheOthersStay) {
  ClusterState state = cluster_of(running("old"), claim(kRwo, "fast", "pv-1"));
  state.set_current(ClusterKind::kPods, false);
  ClusterState listed = cluster_of(running("new"), storage_class("fast", "p"));
  state.swap_kind(ClusterKind::kPods, listed);
  EXPECT_EQ(state.pod("shop", "old"), nullptr);
  ASSERT_NE(state.pod("shop", "new"), nullptr);
  EXPECT_EQ(names_of(state.pods_of_claim("shop", "app-data")), "new ");
  EXPECT_NE(state.claim("shop", "app-data"), nullptr);
  EXPECT_EQ(state.storage_class("fast"), nullptr);
  EXPECT_FALSE(state.is_current(ClusterKind::kPods)) << "whether it is current is not an object";
}

TEST(ClusterState, HoldsOnlyPodsThatMountAClaimOrAHostPathOrWaitAtTheGate) {
  const auto with_volume = [](const char* name, Volume volume) {
    return RunningPod{.namespace_name = "shop", .name = name, .spec = pod(std::move(volume)).pod};
  };
  ClusterState state =
      cluster_of(with_volume("on-claim", claim_volume()), with_volume("on-path", host_path("/srv")),
                 with_volume("scratch", volume_of(VolumeKind::kEmptyDir)),
                 but(with_volume("gated", volume_of(VolumeKind::kEmptyDir)),
                     [](auto& p) { p.spec.scheduling_gates = {std::string(kGateName)}; }));
  EXPECT_NE(state.pod("shop", "on-claim"), nullptr);
  EXPECT_NE(state.pod("shop", "on-path"), nullptr);
  EXPECT_NE(state.pod("shop", "gated"), nullptr);
  EXPECT_EQ(state.pod("shop", "scratch"), nullptr);
  EXPECT_EQ(names_of(state.gated_pods()), "gated ");
  state.add(with_volume("on-claim", volume_of(VolumeKind::kEmptyDir)));
  EXPECT_EQ(state.pod("shop", "on-claim"), nullptr) << "as it is now";
}

TEST(ClusterState, HoldsNoVolumeThatCanNeverHoldADatabase) {
  RunningPod both = running("app-0");
  Volume token = volume_of(VolumeKind::kProjection);
  token.name = "token";
  both.spec.volumes.push_back(token);
  both.spec.containers[0].mounts.push_back(mount("token", "/var/run/secrets"));
  const ClusterState state = cluster_of(both);
  const RunningPod* held = state.pod("shop", "app-0");
  ASSERT_NE(held, nullptr);
  ASSERT_EQ(held->spec.volumes.size(), 1U);
  EXPECT_EQ(held->spec.volumes[0].name, "data");
  ASSERT_EQ(held->spec.containers[0].mounts.size(), 1U);
  EXPECT_EQ(held->spec.containers[0].mounts[0].volume, "data");
}

TEST(ClusterState, HoldsWhereAPodMayRunOnlyWhileItWaitsAtTheGate) {
  RunningPod app = running("app-0");
  app.spec.placement.node_selector = {{"pool", "a"}};
  Workload deployment = of_kind(WorkloadKind::kDeployment, pod());
  deployment.pod.placement = app.spec.placement;
  ClusterState state = cluster_of(app, deployment);
  EXPECT_EQ(state.pod("shop", "app-0")->spec.placement, Placement{});
  EXPECT_EQ(state.workload(WorkloadKind::kDeployment, "shop", "app").workload->pod.placement, Placement{});
  const Placement wanted = app.spec.placement;
  app.spec.scheduling_gates = {std::string(kGateName)};
  state.add(app);
  EXPECT_EQ(state.pod("shop", "app-0")->spec.placement, wanted);
}

TEST(ClusterState, HoldsHowAPodIsStartedOnlyWhileItWaitsAtTheGate) {
  RunningPod app = running("app-0");
  app.spec.containers[0].launch.args = {"--password=secret"};
  EXPECT_TRUE(cluster_of(app).pod("shop", "app-0")->spec.containers[0].launch.args.empty());
  app.spec.scheduling_gates = {std::string(kGateName)};
  EXPECT_FALSE(cluster_of(app).pod("shop", "app-0")->spec.containers[0].launch.args.empty());
}

TEST(ClusterState, AWorkloadWithoutVolumesIsInViewAndHasNothingToJudge) {
  const auto plain = of_kind(WorkloadKind::kDeployment, pod(volume_of(VolumeKind::kProjection)));
  const ClusterState state = cluster_of(plain);
  const auto view = state.workload(WorkloadKind::kDeployment, "shop", "app");
  EXPECT_TRUE(view.in_view);
  EXPECT_EQ(view.workload, nullptr);
  EXPECT_FALSE(state.workload(WorkloadKind::kStatefulSet, "shop", "app").in_view);
}

TEST(ClusterState, IsCurrentUnlessAKindBehindStorageIsNot) {
  ClusterState state;
  EXPECT_TRUE(state.storage_is_current());
  state.set_current(ClusterKind::kDeployments, false);
  EXPECT_TRUE(state.storage_is_current()) << "no volume is judged by it";
  state.set_current(ClusterKind::kClaims, false);
  EXPECT_FALSE(state.storage_is_current());
  state.set_current(ClusterKind::kClaims, true);
  EXPECT_TRUE(state.storage_is_current());
}

}  // namespace
}  // namespace walguard::core
