// One object at a time, as list and watch bring it.
#include "operator/wire/object_decoder.h"

#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/workload.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire {
namespace {

using core::ClusterKind;
using core::WorkloadKind;
using testing::HasSubstr;

tl::expected<std::optional<core::ClusterObject>, std::string> decode(ClusterKind kind, std::string json) {
  ObjectDecoder decoder;
  return decoder.decode(kind, PaddedView::of(json));
}

core::ClusterState state_of(ClusterKind kind, std::string json) {
  core::ClusterState state;
  auto object = decode(kind, std::move(json));
  EXPECT_TRUE(object) << object.error();
  if (!object) return state;
  if (std::optional<core::ClusterObject>& held = *object; held) state.add(*std::move(held));
  return state;
}

constexpr const char* kPod = R"({"metadata": {"name": "app-0", "namespace": "shop", "uid": "u-1",
    "annotations": {"walguard/require-local": "true", "other": "x"}, "deletionTimestamp": "2026-01-01T00:00:00Z",
    "ownerReferences": [{"kind": "StatefulSet", "controller": true, "name": "app"}]},
  "spec": {"schedulingGates": [{"name": "walguard/preflight"}],
    "containers": [{"name": "app", "volumeMounts": [{"name": "d", "mountPath": "/data"}]}],
    "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]},
  "status": {"phase": "Pending"}})";

TEST(ObjectDecoder, APodComesWithWhatItTakesToJudgeItAgain) {
  const auto state = state_of(ClusterKind::kPods, kPod);
  const core::RunningPod* pod = state.pod("shop", "app-0");
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->uid, "u-1");
  EXPECT_EQ(pod->owner_kind, "StatefulSet");
  EXPECT_TRUE(pod->being_deleted);
  EXPECT_EQ(pod->annotations.require_local, true);
  ASSERT_EQ(state.gated_pods().size(), 1U);
  const core::Workload workload = core::workload_of(*pod);
  EXPECT_EQ(workload.kind, WorkloadKind::kPod);
  EXPECT_EQ(workload.name, "app-0");
  EXPECT_EQ(workload.namespace_name, "shop");
  EXPECT_EQ(workload.owner_kind, "StatefulSet");
  EXPECT_EQ(workload.annotations.require_local, true);
  EXPECT_TRUE(workload.being_deleted);
  EXPECT_EQ(workload.pod.volumes.size(), 1U);
}

TEST(ObjectDecoder, APodThatHasEndedIsNothing) {
  const auto ended =
      decode(ClusterKind::kPods, R"({"metadata": {"name": "p"}, "spec": {}, "status": {"phase": "Failed"}})");
  ASSERT_TRUE(ended);
  EXPECT_FALSE(*ended);
}

TEST(ObjectDecoder, WorkloadsComeWithTheirTemplate) {
  const std::string tail = R"({"spec": {"volumes": [{"name": "d", "hostPath": {"path": "/srv"}}]}}})";
  const auto deployment =
      state_of(ClusterKind::kDeployments, R"({"metadata": {"name": "app", "namespace": "shop"},
      "spec": {"replicas": 2, "strategy": {"type": "Recreate"}, "template": )" +
                                              tail + "}");
  const auto view = deployment.workload(WorkloadKind::kDeployment, "shop", "app");
  ASSERT_NE(view.workload, nullptr);
  EXPECT_EQ(view.workload->replicas, 2);
  EXPECT_TRUE(view.workload->recreate_strategy);
  EXPECT_EQ(view.workload->pod.volumes.at(0).host_path, "/srv");

  const auto cron_job = state_of(ClusterKind::kCronJobs, R"({"metadata": {"name": "app", "namespace": "shop"},
      "spec": {"jobTemplate": {"spec": {"template": )" + tail +
                                                             "}}}");
  EXPECT_NE(cron_job.workload(WorkloadKind::kCronJob, "shop", "app").workload, nullptr);
}

std::string autoscaler(const std::string& target) {
  return R"({"metadata": {"name": "h", "namespace": "shop"}, "spec": {"maxReplicas": 7, "scaleTargetRef": )" +
         target + "}}";
}

TEST(ObjectDecoder, AnAutoscalerTellsWhatItScalesAndHowFar) {
  const auto state =
      state_of(ClusterKind::kAutoscalers,
               autoscaler(R"({"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"})"));
  EXPECT_EQ(state.autoscaled_to(WorkloadKind::kDeployment, "shop", "app"), 7);
  EXPECT_EQ(state.autoscaled_to(WorkloadKind::kStatefulSet, "shop", "app"), std::nullopt);
  const auto of_another_group =
      state_of(ClusterKind::kAutoscalers,
               autoscaler(R"({"apiVersion": "x.io/v1", "kind": "Deployment", "name": "app"})"));
  EXPECT_EQ(of_another_group.autoscaled_to(WorkloadKind::kDeployment, "shop", "app"), std::nullopt);
}

TEST(ObjectDecoder, ABrokenObjectIsAnErrorThatNamesTheField) {
  const auto error_of = [](ClusterKind kind, std::string json) {
    const auto decoded = decode(kind, std::move(json));
    return decoded ? "no error" : decoded.error();
  };
  EXPECT_THAT(error_of(ClusterKind::kClaims, R"({"metadata": {"name": "c"}})"), HasSubstr("spec"));
  EXPECT_THAT(error_of(ClusterKind::kClaims, R"({"metadata": {"name": 5}, "spec": {}})"),
              HasSubstr("metadata.name"));
  EXPECT_THAT(error_of(ClusterKind::kPods, R"({"metadata": )"), HasSubstr("JSON"));
  EXPECT_THAT(error_of(ClusterKind::kPods, "[]"), HasSubstr("object"));
  EXPECT_NE(error_of(ClusterKind::kPods, ""), "no error");
}

TEST(ObjectDecoder, GoesOnAfterABrokenObject) {
  ObjectDecoder decoder;
  std::string broken = R"({"metadata": {"name": )";
  std::string sound = R"({"metadata": {"name": "n1"}})";
  EXPECT_FALSE(decoder.decode(ClusterKind::kNodes, PaddedView::of(broken)));
  EXPECT_TRUE(decoder.decode(ClusterKind::kNodes, PaddedView::of(sound)));
}

}  // namespace
}  // namespace walguard::wire
