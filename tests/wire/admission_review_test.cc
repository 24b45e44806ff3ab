#include "operator/wire/admission_review.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/response.h"
#include "operator/core/workload.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using core::ContainerRole;
using core::VolumeKind;
using core::WorkloadKind;
using test::decode;
using test::Json;
using test::pod;
using test::pod_of;
using test::review_of;
using test::workload_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AdmissionReview, APodAsTheApiServerSendsItIsReadInFull) {
  const auto request = decode(test::large_review());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->uid, test::kUid);
  EXPECT_EQ(request->kind.text(), "v1 Pod");
  EXPECT_EQ(request->resource.name, "pods");
  EXPECT_EQ(request->namespace_name, "team-a");
  EXPECT_EQ(request->name, "");
  EXPECT_EQ(request->operation, core::Operation::kCreate);
  EXPECT_FALSE(request->dry_run);
  EXPECT_FALSE(request->old_object);
  EXPECT_TRUE(request->patch_target.has_annotations);

  const core::Workload& workload = test::present(request->object);
  EXPECT_EQ(workload.kind, WorkloadKind::kPod);
  EXPECT_EQ(workload.owner_kind, "ReplicaSet");
  EXPECT_EQ(workload.annotations.databases, "/data/notes.db");
  EXPECT_EQ(workload.annotations.journal_mode, "wal");
  ASSERT_EQ(workload.pod.volumes.size(), 4U);
  EXPECT_EQ(workload.pod.volumes[0].claim, "notes-data");
  EXPECT_EQ(workload.pod.volumes[3].kind, VolumeKind::kProjection);
  ASSERT_EQ(workload.pod.containers.size(), 3U);
  EXPECT_EQ(workload.pod.containers[1].mounts.size(), 4U);
}

TEST(AdmissionReview, OneReaderServesManyBodies) {
  AdmissionReader reader;
  std::string good = test::large_review();
  std::string bad = "{";
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(reader.decode(PaddedView::of(good)));
    EXPECT_FALSE(reader.decode(PaddedView::of(bad)));
  }
}

TEST(AdmissionReview, ABodyFarLargerThanAPodIsReadToo) {
  Json metadata = {{"annotations", {{"note", std::string(3U << 20U, 'x')}}}};
  EXPECT_TRUE(decode(review_of(pod(Json::object(), metadata))));
}

TEST(AdmissionReview, NamesAreTheRequestsAndNeverTheObjects) {
  const core::Workload workload =
      workload_of(review_of(pod(Json::object(), {{"name", "kube-dns"}, {"namespace", "kube-system"}})));
  EXPECT_EQ(workload.name, "web-0");
  EXPECT_EQ(workload.namespace_name, "team-a");
}

TEST(AdmissionReview, DryRunAndSubResourceAreReported) {
  Json review = review_of(pod(Json::object()), test::kPodKind, "UPDATE");
  review["request"]["dryRun"] = true;
  review["request"]["subResource"] = "ephemeralcontainers";
  const auto request = decode(review);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->dry_run);
  EXPECT_EQ(request->sub_resource, "ephemeralcontainers");
  EXPECT_TRUE(request->object);
}

TEST(AdmissionReview, AnUpdateHasTheOldObjectToo) {
  Json review = review_of(pod({{"nodeName", "new"}}), test::kPodKind, "UPDATE");
  review["request"]["oldObject"] = pod({{"nodeName", "old"}});
  const auto request = decode(review);
  ASSERT_TRUE(request);
  EXPECT_EQ(test::present(request->object).pod.node_name, "new");
  EXPECT_EQ(test::present(request->old_object).pod.node_name, "old");
  EXPECT_EQ(test::present(request->old_object).name, "web-0");
}

TEST(AdmissionReview, DeleteConnectAndStatusHaveNothingToJudge) {
  for (const char* operation : {"DELETE", "CONNECT"}) {
    Json review = review_of(nullptr, test::kPodKind, operation);
    review["request"]["oldObject"] = {{"spec", 5}};  // not even looked at
    const auto request = decode(review);
    ASSERT_TRUE(request) << operation;
    EXPECT_FALSE(request->object) << operation;
    EXPECT_FALSE(request->old_object) << operation;
  }
  Json status = review_of(pod({{"volumes", 5}}), test::kPodKind, "UPDATE");
  status["request"]["subResource"] = "status";  // after the object: the order must not matter
  const auto request = decode(status);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_FALSE(request->object);
}

// Every order of the fields of the review, and of those of the request that tell how to read the object.
TEST(AdmissionReview, FieldsMayComeInAnyOrder) {
  const Json review = review_of(pod({{"nodeName", "n1"}}), test::kPodKind, "UPDATE");
  std::vector<std::string> keys = {"uid", "kind", "resource", "operation", "object", "namespace"};
  std::sort(keys.begin(), keys.end());
  do {
    Json request = Json::object();
    for (const std::string& key : keys) {
      request[key] = review["request"][key];
    }
    const Json shuffled = {
        {"request", request}, {"apiVersion", review["apiVersion"]}, {"kind", review["kind"]}};
    const auto decoded = decode(shuffled);
    ASSERT_TRUE(decoded) << shuffled.dump();
    EXPECT_EQ(decoded->uid, test::kUid);
    EXPECT_EQ(test::present(decoded->object).pod.node_name, "n1");
    EXPECT_EQ(test::present(decoded->object).namespace_name, "team-a");
  } while (std::next_permutation(keys.begin(), keys.end()));
}

TEST(AdmissionReview, AnEscapedKeyIsTheSameKey) {
  for (const char* spelling : {R"("n\u006fdeName")", R"("\u006eodeName")"}) {
    std::string body = review_of(pod({{"nodeName", "n1"}})).dump();
    body.replace(body.find("\"nodeName\""), 10, spelling);
    const auto request = decode(body);
    ASSERT_TRUE(request);
    EXPECT_EQ(test::present(request->object).pod.node_name, "n1") << spelling;
  }
}

TEST(AdmissionReview, EscapesInTextAreUndone) {
  const auto pod_spec = pod_of({{"nodeName", "a\"b\\c\n\xC3\xA9"}});
  EXPECT_EQ(pod_spec.node_name, "a\"b\\c\n\xC3\xA9");
}

TEST(AdmissionReview, NullMeansAbsentEverywhere) {
  const core::Workload workload = workload_of(review_of(
      pod({{"volumes", nullptr},
           {"containers", Json::array({{{"name", "c"}, {"volumeMounts", nullptr}}})},
           {"initContainers", nullptr},
           {"nodeName", nullptr},
           {"nodeSelector", nullptr},
           {"affinity", nullptr},
           {"schedulingGates", nullptr},
           {"os", nullptr}},
          {{"annotations", nullptr}, {"ownerReferences", nullptr}, {"deletionTimestamp", nullptr}})));
  EXPECT_THAT(workload.pod.volumes, IsEmpty());
  EXPECT_FALSE(workload.being_deleted);
  EXPECT_EQ(workload.pod.containers.size(), 1U);
}

TEST(AdmissionReview, MetadataIsReduced) {
  const core::Workload workload = workload_of(review_of(
      pod(Json::object(), {{"deletionTimestamp", "2026-01-31T12:00:00Z"},
                           {"annotations", {{"kubernetes.io/config.mirror", "abc"}, {"other", "x"}}},
                           {"ownerReferences", Json::array({{{"kind", "Wrong"}, {"controller", false}},
                                                            {{"controller", true}, {"kind", "StatefulSet"}},
                                                            {{"kind", "Late"}}})}})));
  EXPECT_TRUE(workload.being_deleted);
  EXPECT_TRUE(workload.mirror_pod);
  EXPECT_EQ(workload.owner_kind, "StatefulSet");
}

TEST(AdmissionReview, TheFiveAnnotationsOfPeopleAreRead) {
  const core::Workload workload =
      workload_of(review_of(pod(Json::object(), {{"annotations",
                                                  {{"walguard/require-local", "true"},
                                                   {"walguard/databases", "/data/a.db"},
                                                   {"walguard/journal-mode", "rollback"},
                                                   {"walguard/mode", "gate"},
                                                   {"walguard/accept-risk", "scale-out: why"}}}})));
  EXPECT_EQ(workload.annotations.require_local, true);
  EXPECT_EQ(workload.annotations.databases, "/data/a.db");
  EXPECT_EQ(workload.annotations.journal_mode, "rollback");
  EXPECT_EQ(workload.annotations.mode, "gate");
  EXPECT_EQ(workload.annotations.accept_risk, "scale-out: why");
}

TEST(AdmissionReview, RequireLocalCountsUnlessItSaysFalse) {
  const auto require_local = [](const char* value) {
    return workload_of(review_of(pod(Json::object(), {{"annotations", {{"walguard/require-local", value}}}})))
        .annotations.require_local;
  };
  EXPECT_EQ(require_local("true"), true);
  EXPECT_EQ(require_local(""), true);
  EXPECT_EQ(require_local("yes"), true);
  EXPECT_EQ(require_local("false"), false);
  EXPECT_EQ(workload_of(review_of(pod(Json::object()))).annotations.require_local, std::nullopt);
}

TEST(AdmissionReview, ContainersKeepTheirRoleAndMounts) {
  const auto spec = pod_of(
      {{"containers",
        Json::array(
            {{{"name", "app"},
              {"restartPolicy", "Always"},
              {"volumeMounts",
               Json::array({{{"name", "data"}, {"mountPath", "/data"}, {"subPath", "db"}, {"readOnly", true}},
                            {{"name", "tmp"}, {"mountPath", "/tmp"}, {"subPathExpr", "$(POD)"}}})}}})},
       {"initContainers",
        Json::array({{{"name", "init"}}, {{"name", "sidecar"}, {"restartPolicy", "Always"}}})},
       {"ephemeralContainers", Json::array({{{"name", "debug"}}})}});
  ASSERT_EQ(spec.containers.size(), 4U);
  EXPECT_EQ(spec.containers[0].role, ContainerRole::kApp);
  EXPECT_EQ(spec.containers[1].role, ContainerRole::kInit);
  EXPECT_EQ(spec.containers[2].role, ContainerRole::kSidecar);
  EXPECT_EQ(spec.containers[3].role, ContainerRole::kEphemeral);
  const auto& mounts = spec.containers[0].mounts;
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].volume, "data");
  EXPECT_EQ(mounts[0].path, "/data");
  EXPECT_EQ(mounts[0].sub_path, "db");
  EXPECT_TRUE(mounts[0].read_only);
  EXPECT_FALSE(mounts[0].sub_path_is_expanded);
  EXPECT_EQ(mounts[1].sub_path, "$(POD)");
  EXPECT_TRUE(mounts[1].sub_path_is_expanded);
  EXPECT_FALSE(mounts[1].read_only);
}

TEST(AdmissionReview, WhereThePodRunsIsRead) {
  const auto spec = pod_of({{"nodeName", "node-1"},
                            {"nodeSelector", {{"kubernetes.io/hostname", "host-1"}, {"disk", "ssd"}}},
                            {"runtimeClassName", "kata"},
                            {"schedulingGates", Json::array({{{"name", "a/b"}}, {{"name", "c"}}})},
                            {"os", {{"name", "windows"}}}});
  EXPECT_EQ(spec.node_name, "node-1");
  EXPECT_EQ(spec.pinned_hostname, "host-1");
  EXPECT_EQ(spec.runtime_class, "kata");
  EXPECT_THAT(spec.scheduling_gates, ElementsAre("a/b", "c"));
  EXPECT_TRUE(spec.windows);
}

TEST(AdmissionReview, WhichNodesThePodMayGoToIsReadWithoutWhatEveryPodIsGiven) {
  const auto spec = pod_of(
      {{"nodeSelector", {{"disk", "ssd"}}},
       {"tolerations",
        Json::array({{{"key", "dedicated"}, {"operator", "Equal"}, {"value", "db"}, {"effect", "NoSchedule"}},
                     {{"key", "node.kubernetes.io/not-ready"},
                      {"operator", "Exists"},
                      {"effect", "NoExecute"},
                      {"tolerationSeconds", 300}}})}});
  EXPECT_EQ(spec.placement.node_selector, (core::StringMap{{"disk", "ssd"}}));
  EXPECT_THAT(spec.placement.tolerations,
              ElementsAre(core::Toleration{
                  .key = "dedicated", .op = "Equal", .value = "db", .effect = "NoSchedule"}));
}

TEST(AdmissionReview, WindowsIsAlsoSaidByTheNodeSelector) {
  EXPECT_TRUE(pod_of({{"nodeSelector", {{"kubernetes.io/os", "windows"}}}}).windows);
  EXPECT_FALSE(
      pod_of({{"nodeSelector", {{"kubernetes.io/os", "linux"}}}, {"os", {{"name", "linux"}}}}).windows);
}

Json affinity(Json terms) {
  return {
      {"affinity",
       {{"nodeAffinity",
         {{"requiredDuringSchedulingIgnoredDuringExecution", {{"nodeSelectorTerms", std::move(terms)}}}}}}}};
}
Json expression(const char* key, const char* op, Json values) {
  return {{"key", key}, {"operator", op}, {"values", std::move(values)}};
}
Json host_in(Json hosts) { return expression("kubernetes.io/hostname", "In", std::move(hosts)); }

TEST(AdmissionReview, TheRequiredNodeAffinityIsReadTermByTerm) {
  const auto spec = pod_of(affinity(
      Json::array({{{"matchExpressions", Json::array({expression("zone", "In", {"a", "b"}),
                                                      {{"key", "spot"}, {"operator", "DoesNotExist"}}})}},
                   Json::object(),
                   {{"matchFields", Json::array({expression("metadata.name", "In", {"node-1"})})}}})));
  EXPECT_THAT(
      spec.placement.node_terms,
      ElementsAre(
          core::NodeSelectorTerm{.match_expressions = {{.key = "zone", .op = "In", .values = {"a", "b"}},
                                                       {.key = "spot", .op = "DoesNotExist", .values = {}}},
                                 .match_fields = {}},
          core::NodeSelectorTerm{
              .match_expressions = {},
              .match_fields = {{.key = "metadata.name", .op = "In", .values = {"node-1"}}}}));
}
Json term(Json expressions) { return {{"matchExpressions", std::move(expressions)}}; }

TEST(NodeAffinity, PinsWhereEveryTermLeavesTheSameOneHostname) {
  const auto pinned = [](Json terms) { return pod_of(affinity(std::move(terms))).pinned_hostname; };
  EXPECT_EQ(pinned(Json::array({term(Json::array({host_in({"h1"})}))})), "h1");
  EXPECT_EQ(pinned(Json::array({term(Json::array({expression("zone", "In", {"z"}), host_in({"h1"})}))})),
            "h1");
  EXPECT_EQ(pinned(Json::array({term(Json::array({host_in({"h1"})})), term(Json::array({host_in({"h1"})}))})),
            "h1");
  EXPECT_EQ(
      pinned(Json::array({Json{{"matchFields", Json::array({expression("metadata.name", "In", {"n1"})})}}})),
      "n1")
      << "as the DaemonSet controller writes it";
  EXPECT_EQ(pinned(Json::array({Json::object(), term(Json::array({host_in({"h1"})}))})), "h1")
      << "an empty term matches no node";
}

TEST(NodeAffinity, DoesNotPinWhereAnotherNodeIsPossible) {
  const auto pinned = [](Json terms) { return pod_of(affinity(std::move(terms))).pinned_hostname; };
  const Json one = term(Json::array({host_in({"h1"})}));
  EXPECT_EQ(pinned(Json::array({one, term(Json::array({host_in({"h2"})}))})), std::nullopt);
  EXPECT_EQ(pinned(Json::array({one, term(Json::array({expression("zone", "In", {"z"})}))})), std::nullopt);
  EXPECT_EQ(pinned(Json::array({term(Json::array({host_in({"h1", "h2"})}))})), std::nullopt);
  EXPECT_EQ(pinned(Json::array({term(Json::array({expression("kubernetes.io/hostname", "NotIn", {"h1"})}))})),
            std::nullopt);
  EXPECT_EQ(pinned(Json::array({term(Json::array({expression("metadata.name", "In", {"n1"})}))})),
            std::nullopt)
      << "metadata.name is a field, no label";
  EXPECT_EQ(pinned(Json::array()), std::nullopt);
}

TEST(NodeAffinity, PreferencesDoNotPin) {
  EXPECT_EQ(
      pod_of({{"affinity",
               {{"nodeAffinity",
                 {{"preferredDuringSchedulingIgnoredDuringExecution",
                   Json::array({{{"weight", 1}, {"preference", term(Json::array({host_in({"h1"})}))}}})}}}}}})
          .pinned_hostname,
      std::nullopt);
}

TEST(AdmissionReview, WhatIsWrongInEnvArgsAndImagesIsPassedOver) {
  const auto spec = pod_of(
      {{"containers",
        Json::array({{{"name", "c"}, {"image", 5}, {"args", {{"secret", true}}}, {"env", "not a list"}}})}});
  EXPECT_EQ(spec.containers[0].name, "c");
}

}  // namespace
}  // namespace walguard::wire
