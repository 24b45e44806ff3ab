// The kinds that make pods.
#include "operator/core/workload.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using core::VolumeKind;
using core::WorkloadKind;
using test::decode;
using test::Gvk;
using test::Json;
using test::review_of;
using test::workload_of;
using ::testing::HasSubstr;

const Gvk kDeployment{"apps", "v1", "Deployment", "deployments"};
const Gvk kStatefulSet{"apps", "v1", "StatefulSet", "statefulsets"};
const Gvk kCronJob{"batch", "v1", "CronJob", "cronjobs"};

Json pod_template(Json annotations = nullptr) {
  return {{"metadata", {{"annotations", std::move(annotations)}}},
          {"spec",
           {{"volumes", Json::array({{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "claim"}}}},
                                     {{"name", "tmp"}, {"emptyDir", Json::object()}}})}}}};
}

TEST(Workloads, EachKindIsReadWithItsPodTemplate) {
  struct Case {
    Gvk gvk;
    WorkloadKind kind;
  };
  const Case cases[] = {{kDeployment, WorkloadKind::kDeployment},
                        {kStatefulSet, WorkloadKind::kStatefulSet},
                        {{"apps", "v1", "DaemonSet", "daemonsets"}, WorkloadKind::kDaemonSet},
                        {{"apps", "v1", "ReplicaSet", "replicasets"}, WorkloadKind::kReplicaSet},
                        {{"batch", "v1", "Job", "jobs"}, WorkloadKind::kJob}};
  for (const Case& c : cases) {
    const auto workload = workload_of(review_of({{"spec", {{"template", pod_template()}}}}, c.gvk));
    EXPECT_EQ(workload.kind, c.kind) << c.gvk.kind;
    EXPECT_EQ(workload.pod.volumes.at(0).claim, "claim") << c.gvk.kind;
    EXPECT_EQ(workload.replicas, std::nullopt) << c.gvk.kind;
  }
}

TEST(Workloads, AMountPathIsTakenAsTheKernelResolvesIt) {
  const auto path_of = [](std::string_view written) {
    const Json container = {{"name", "app"},
                            {"volumeMounts", Json::array({{{"name", "data"}, {"mountPath", written}}})}};
    const auto pod = workload_of(review_of({{"spec", {{"containers", Json::array({container})}}}})).pod;
    return pod.containers.at(0).mounts.at(0).path;
  };
  EXPECT_EQ(path_of("/data"), "/data");
  EXPECT_EQ(path_of("/data/"), "/data");
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("//./data"), "/data");
  EXPECT_EQ(path_of("/x/../data/./app.db"), "/data/app.db");
  EXPECT_EQ(path_of("/../data/.."), "/") << "nothing is above the root";
  EXPECT_EQ(path_of("/data/..app/.cache"), "/data/..app/.cache") << "names that begin with dots";
  EXPECT_EQ(path_of("data"), "/data") << "as the kubelet takes it";
}

TEST(Workloads, ACronJobHasItsTemplateTwoLevelsDown) {
  const auto workload = workload_of(
      review_of({{"metadata", {{"annotations", {{"walguard/mode", "gate"}, {"walguard/databases", "/top"}}}}},
                 {"spec",
                  {{"template", 5},
                   {"jobTemplate",
                    {{"metadata", {{"annotations", {{"walguard/databases", "/job"}}}}},
                     {"spec", {{"template", pod_template({{"walguard/journal-mode", "wal"}})}}}}}}}},
                kCronJob));
  EXPECT_EQ(workload.kind, WorkloadKind::kCronJob);
  EXPECT_EQ(workload.pod.volumes.size(), 2U);
  EXPECT_EQ(workload.annotations.mode, "gate");
  EXPECT_EQ(workload.annotations.databases, "/job");
  EXPECT_EQ(workload.annotations.journal_mode, "wal");
}

TEST(Workloads, ReplicasAndRecreateAreRead) {
  const auto workload = workload_of(review_of(
      {{"spec", {{"replicas", 3}, {"strategy", {{"type", "Recreate"}}}, {"template", pod_template()}}}},
      kDeployment));
  EXPECT_EQ(workload.replicas, 3);
  EXPECT_TRUE(workload.recreate_strategy);
  EXPECT_FALSE(
      workload_of(
          review_of({{"spec", {{"strategy", {{"type", "RollingUpdate"}}}, {"template", pod_template()}}}},
                    kDeployment))
          .recreate_strategy);
}

TEST(Workloads, TheTemplatesAnnotationsCountAndTheWorkloadsFillTheGaps) {
  const auto workload = workload_of(review_of(
      {{"metadata", {{"annotations", {{"walguard/databases", "/own"}, {"walguard/require-local", "true"}}}}},
       {"spec",
        {{"template", pod_template({{"walguard/require-local", "false"}, {"walguard/mode", "warn"}})}}}},
      kDeployment));
  EXPECT_EQ(workload.annotations.require_local, false);
  EXPECT_EQ(workload.annotations.mode, "warn");
  EXPECT_EQ(workload.annotations.databases, "/own");
}

TEST(Workloads, AClaimTemplateIsAVolumeAndReplacesOneOfTheSameName) {
  const auto workload = workload_of(
      review_of({{"spec",
                  {{"volumeClaimTemplates",
                    Json::array({{{"metadata", {{"name", "data"}}}, {"spec", {{"storageClassName", "fast"}}}},
                                 {{"metadata", {{"name", "more"}}}, {"spec", Json::object()}}})},
                   {"template", pod_template()}}}},
                kStatefulSet));
  ASSERT_EQ(workload.pod.volumes.size(), 3U);
  const auto& data = workload.pod.volumes[0];
  EXPECT_EQ(data.name, "data");
  EXPECT_EQ(data.kind, VolumeKind::kClaim);
  EXPECT_TRUE(data.from_template);
  EXPECT_EQ(data.claim, "");
  EXPECT_EQ(data.claim_spec.storage_class, "fast");
  EXPECT_EQ(workload.pod.volumes[1].name, "tmp");
  EXPECT_EQ(workload.pod.volumes[2].name, "more");
}

TEST(Workloads, AScaleTellsWhatItScalesAndHowFar) {
  Json review = review_of({{"metadata", {{"name", "x"}}}, {"spec", {{"replicas", 5}}}},
                          {"autoscaling", "v1", "Scale", "statefulsets"}, "UPDATE");
  review["request"]["resource"]["group"] = "apps";
  review["request"]["resource"]["version"] = "v1";
  review["request"]["subResource"] = "scale";
  review["request"]["oldObject"] = {{"spec", {{"replicas", 1}}}};
  const auto request = decode(review);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(test::present(request->object).kind, WorkloadKind::kStatefulSet);
  EXPECT_EQ(test::present(request->object).replicas, 5);
  EXPECT_EQ(test::present(request->object).name, "web-0");
  EXPECT_EQ(test::present(request->old_object).replicas, 1);
}

Json scale_review(const std::string& group, const std::string& resource, Json spec) {
  Json review = review_of({{"metadata", {{"name", "x"}}}, {"spec", std::move(spec)}},
                          {"autoscaling", "v1", "Scale", resource}, "UPDATE");
  review["request"]["resource"]["group"] = group;
  review["request"]["subResource"] = "scale";
  review["request"]["oldObject"] = {{"spec", {{"replicas", 1}}}};
  return review;
}

TEST(Workloads, AScaleThatSaysNoReplicasMeansNone) {
  const auto request = decode(scale_review("apps", "deployments", Json::object()));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(test::present(request->object).replicas, 0);
}

TEST(Workloads, AScaleOfWhatIsNotJudgedIsAnUnknownKind) {
  const auto request = decode(scale_review("", "replicationcontrollers", {{"replicas", 3}}));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().kind, DecodeError::Kind::kUnknownKind);
}

TEST(Workloads, AMissingTemplateIsNamed) {
  const auto message = [](const Json& object, const Gvk& gvk) {
    const auto request = decode(review_of(object, gvk));
    EXPECT_FALSE(request);
    EXPECT_EQ(request.error().kind, DecodeError::Kind::kBadObject);
    return request.error().message;
  };
  EXPECT_THAT(message(Json::object(), kDeployment), HasSubstr("request.object.spec: missing"));
  EXPECT_THAT(message({{"spec", Json::object()}}, kDeployment),
              HasSubstr("request.object.spec.template: missing"));
  EXPECT_THAT(message({{"spec", {{"template", Json::object()}}}}, kDeployment),
              HasSubstr("request.object.spec.template.spec: missing"));
  EXPECT_THAT(message({{"spec", {{"template", pod_template()}}}}, kCronJob),
              HasSubstr("request.object.spec.jobTemplate: missing"));
  EXPECT_THAT(message({{"spec", {{"jobTemplate", Json::object()}}}}, kCronJob),
              HasSubstr("request.object.spec.jobTemplate.spec: missing"));
  EXPECT_THAT(message({{"spec",
                        {{"template", pod_template()},
                         {"volumeClaimTemplates", Json::array({{{"spec", Json::object()}}})}}}},
                      kStatefulSet),
              HasSubstr("request.object.spec.volumeClaimTemplates[0].metadata.name: missing"));
}

TEST(Workloads, AKindThatIsNotJudgedIsSaidSo) {
  for (const Gvk& gvk : {Gvk{"argoproj.io", "v1alpha1", "Rollout", "rollouts"},
                         Gvk{"apps", "v1beta1", "Deployment", "deployments"}, Gvk{"", "v2", "Pod", "pods"},
                         Gvk{"policy", "v1", "Eviction", "pods"}}) {
    const auto request = decode(review_of({{"spec", "anything"}}, gvk));
    ASSERT_FALSE(request) << gvk.kind;
    EXPECT_EQ(request.error().kind, DecodeError::Kind::kUnknownKind) << gvk.kind;
    EXPECT_EQ(request.error().uid, test::kUid);
    EXPECT_THAT(request.error().message, HasSubstr(gvk.kind));
    EXPECT_LT(request.error().message.size(), 256U);
  }
}

}  // namespace
}  // namespace walguard::wire
