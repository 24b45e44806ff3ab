#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/check/report.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/wire/manifest.h"
#include "tests/check/checked.h"

namespace walguard::check {
namespace {

using core::Decision;
using core::Mode;
using core::Scope;
using core::Verdict;
using testing::checked;
using testing::claim_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::findings_of;
using testing::Given;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kClasses;
using ::testing::Not;
using ::testing::Optional;
using ::testing::Pair;
using testing::web;
using testing::web_on;

TEST(Check, AWorkloadIsJudgedByTheObjectsBesideIt) {
  const CheckReport report = checked(web_on("nfs", "ReadWriteMany"));
  ASSERT_EQ(report.objects.size(), 1U);
  const CheckedObject& web_object = report.objects[0];
  EXPECT_EQ(web_object.kind, "Deployment");
  EXPECT_EQ(web_object.namespace_name, "default");
  EXPECT_EQ(web_object.name, "web");
  EXPECT_EQ(web_object.decision, Decision::kDeny);
  EXPECT_THAT(findings_of(web_object), ElementsAre("unsafe network-filesystem", "unsafe cross-node-sharing"));
  EXPECT_EQ(checked(web_on("disk", "ReadWriteOncePod")).objects[0].volumes[0].verdict, Verdict::kSafe);
}

TEST(Check, AVolumeAndItsObjectKnowTheirLines) {
  const CheckReport report = checked("# a comment\n" + web());
  EXPECT_EQ(report.objects[0].line, 2);
  EXPECT_EQ(report.objects[0].volumes[0].line, 18) << "of the volume that holds the database";
}

TEST(Check, AClaimTemplateAndAnItemOfAListKnowTheirLinesToo) {
  const CheckReport report = checked(R"(apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: db, annotations: {walguard/databases: /data/app.db}}
  spec:
    volumeClaimTemplates:
    - metadata: {name: logs}
      spec: {}
    - metadata: {name: data}
      spec: {storageClassName: disk}
    template:
      spec:
        containers:
        - name: db
          volumeMounts: [{name: data, mountPath: /data}]
)");
  ASSERT_EQ(report.objects.size(), 1U);
  EXPECT_EQ(report.objects[0].line, 6);
  EXPECT_EQ(report.objects[0].volumes[0].line, 13);
}

TEST(Check, TheClusterIsInViewAndTheInputStandsAboveIt) {
  const std::string nfs = claim_of("nfs", "ReadWriteMany");
  const std::string disk = claim_of("disk", "ReadWriteOncePod");
  const std::string classes(kClasses);
  const CheckReport alone = checked(web());
  EXPECT_THAT(findings_of(alone.objects[0]), Contains("unproven claim-unbound"));
  const CheckReport with = checked({.input = {{"a.yaml", web()}}, .cluster = {{"state", classes + disk}}});
  EXPECT_EQ(with.objects[0].volumes[0].verdict, Verdict::kSafe);
  EXPECT_EQ(with.objects.size(), 1U) << "what is in the cluster is not judged";
  const CheckReport above =
      checked({.input = {{"a.yaml", disk + web()}}, .cluster = {{"state", classes + nfs}}});
  EXPECT_EQ(above.objects[0].volumes[0].verdict, Verdict::kSafe);
}

TEST(Check, EveryKindThatMakesPodsIsJudged) {
  const std::string pod = R"(
      annotations: {walguard/databases: /data/app.db}
    spec:
      containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, hostPath: {path: /srv}}]
)";
  for (const std::string_view kind : {"apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet",
                                      "apps/v1 ReplicaSet", "batch/v1 Job"}) {
    const std::size_t space = kind.find(' ');
    const CheckReport report = checked("apiVersion: " + std::string(kind.substr(0, space)) +
                                       "\nkind: " + std::string(kind.substr(space + 1)) +
                                       "\nmetadata: {name: x}\nspec:\n  template:\n    metadata:" + pod);
    ASSERT_EQ(report.objects.size(), 1U) << kind;
    EXPECT_EQ(report.objects[0].volumes.size(), 1U) << kind;
  }
}

TEST(Check, TwoWorkloadsOnOneClaimAreSeenToShareIt) {
  const std::string classes = std::string(kClasses) + claim_of("disk", "ReadWriteOnce");
  const std::string alone = R"(apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, annotations: {walguard/databases: /data/app.db}}
spec:
  replicas: 1
  template:
    spec:
      containers: [{name: db, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
)";
  const auto scope_of = [&](const std::string& input) {
    return checked({.input = {{"in.yaml", input}}, .cluster = {{"cluster.yaml", classes}}})
        .objects[0]
        .volumes[0]
        .facts.scope;
  };
  EXPECT_EQ(scope_of(alone), Scope::kContainer);
  EXPECT_EQ(scope_of(alone + web()), Scope::kNode);
}

TEST(Check, AClaimOfAnyReplicaOfAStatefulSetIsSeenToBeShared) {
  const std::string set = R"(apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, annotations: {walguard/databases: /data/app.db}}
spec:
  replicas: 3
  volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: disk}}]
  template:
    spec:
      runtimeClassName: kata
      containers: [{name: db, volumeMounts: [{name: data, mountPath: /data}]}]
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
---
)";
  const auto reader_of = [](const std::string& claim) {
    return R"(apiVersion: v1
kind: Pod
metadata: {name: backup, annotations: {walguard/databases: /data/app.db}}
spec:
  containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: )" +
           claim + "}}]\n";
  };
  const std::string classes(kClasses);
  for (const std::string claim : {"data-db-0", "data-db-2"}) {
    const CheckReport report = checked(classes + set + reader_of(claim));
    EXPECT_EQ(report.objects.at(1).volumes.at(0).facts.kernel_domain, core::KernelDomain::kMixed) << claim;
  }
  EXPECT_NE(checked(classes + set + reader_of("data-db-x")).objects.at(1).volumes.at(0).facts.kernel_domain,
            core::KernelDomain::kMixed);
}

TEST(Check, AStatefulSetOfOneOwnsItsClaimOnlyWhereTheClusterIsInView) {
  // Of a class whose driver is not known to attach, the replica count alone would bound the sharing.
  const std::string driverless =
      "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: disk}\n"
      "provisioner: ebs.csi.aws.com\n---\n" +
      claim_of("disk", "ReadWriteOnce");
  const std::string set =
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {metadata: "
      "{annotations: {walguard/databases: /data/app.db}}, spec: {containers: [{name: db, volumeMounts: "
      "[{name: data, mountPath: /data}]}], volumes: [{name: data, persistentVolumeClaim: {claimName: "
      "data}}]}}}\n";
  Given given{.input = {{"set.yaml", set}}, .cluster = {{"cluster.yaml", driverless}}};
  EXPECT_EQ(checked(given).objects.at(0).volumes.at(0).facts.scope, Scope::kContainer);
  given = {.input = {{"all.yaml", driverless + set}}};
  EXPECT_EQ(checked(given).objects.at(0).volumes.at(0).facts.scope, std::nullopt)
      << "who else has the claim is not in the files";
}

TEST(Check, TheModeIsTheOneAskedForWhateverTheNamespaceSays) {
  const std::string labelled =
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {walguard/mode: warn}}\n---\n" +
      web_on("nfs", "ReadWriteMany");
  EXPECT_EQ(checked(labelled).objects[0].decision, Decision::kDeny);
  EXPECT_EQ(checked({.input = {{"a", labelled}}, .mode = Mode::kWarn}).objects[0].decision, Decision::kWarn);
  EXPECT_EQ(checked({.input = {{"a", labelled}}, .mode = Mode::kOff}).objects[0].decision, Decision::kAllow);
}

TEST(Check, AnUnprovenPodWouldWaitAtTheGate) {
  const CheckReport report = checked(
      "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: odd}\nprovisioner: "
      "odd.example.com\n---\n" +
      claim_of("odd", "ReadWriteMany") +
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {walguard/databases: /data/a.db}}\n"
      "spec:\n  containers: [{name: c, volumeMounts: [{name: data, mountPath: /data}]}]\n"
      "  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n");
  EXPECT_EQ(report.objects[0].decision, Decision::kGate);
}

TEST(Check, AnAcceptedRiskIsShownAndNoLongerCounts) {
  const std::string annotation =
      R"(, walguard/accept-risk: "network-filesystem: a demo\ncross-node-sharing: one writer")";
  Given given{.input = {{"a.yaml", web_on("nfs", "ReadWriteMany", annotation)}}};
  const CheckReport refused = checked(given);
  EXPECT_EQ(summarise(refused).unsafe, 1U);
  EXPECT_THAT(refused.objects[0].notes, ElementsAre(HasSubstr("does not let namespace default")));
  given.policy.accept_risk_namespaces = {"*"};
  const CheckReport accepted = checked(given);
  EXPECT_EQ(accepted.objects[0].volumes[0].verdict, Verdict::kUnsafe) << "accepted is not safe";
  EXPECT_EQ(summarise(accepted).unsafe, 0U);
  EXPECT_EQ(summarise(accepted).accepted, 1U);
  EXPECT_EQ(accepted.objects[0].decision, Decision::kWarn);
  EXPECT_THAT(accepted.objects[0].volumes[0].findings[0].accepted,
              Optional(Field(&Accepted::reason, "a demo")));
}

TEST(Check, AnExemptionOfThePolicyCountsAsAccepted) {
  Given given{.input = {{"a.yaml", web_on("nfs", "ReadWriteMany")}}};
  given.policy.exemptions = {{.namespaces = {"default"}, .rules = {"*"}, .reason = "moves in March"}};
  const CheckReport report = checked(given);
  EXPECT_EQ(summarise(report).accepted, 1U);
  EXPECT_THAT(report.objects[0].volumes[0].findings[0].accepted, Optional(Field(&Accepted::by_policy, true)));
}

TEST(Check, ABrokenObjectDoesNotKeepTheOthersFromBeingJudged) {
  const CheckReport report =
      checked("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: 5\n---\n" + web());
  EXPECT_EQ(report.objects.size(), 1U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors[0].line, 4);
  EXPECT_THAT(report.errors[0].text(), HasSubstr("input.yaml:4: Pod \"x\": spec:"));
}

TEST(Check, AnItemOfAListThatCannotBeReadDoesNotHideThoseBehindIt) {
  const CheckReport report = checked(R"(apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: false}]}}
- 5
-
- [a]
- {apiVersion: v1, kind: List, items: []}
- apiVersion: v1
  kind: Pod
  metadata: {name: b, annotations: {walguard/databases: /data/x.db}}
  spec:
    containers: [{name: a, volumeMounts: [{name: d, mountPath: /data}]}]
    volumes: [{name: d, nfs: {server: a, path: /b}}]
)");
  std::vector<std::string> errors;
  errors.reserve(report.errors.size());
  for (const wire::LoadError& error : report.errors) errors.push_back(error.text());
  EXPECT_THAT(errors, ElementsAre(HasSubstr("input.yaml:4: Pod \"a\": items[0].spec.containers[0].name"),
                                  HasSubstr("input.yaml:5: List: items[1]: expected an object"),
                                  HasSubstr("List: items[2]: expected an object"),
                                  HasSubstr("input.yaml:7: List: items[3]: expected an object"),
                                  HasSubstr("input.yaml:8: List: items[4]: a list inside of a list")));
  ASSERT_EQ(report.objects.size(), 1U);
  EXPECT_THAT(findings_of(report.objects[0]), Contains("unsafe network-filesystem"));
}

TEST(Check, AListOfNothingThatCanBeReadIsGivenUp) {
  std::string list = R"({"apiVersion":"v1","kind":"List","items":[)";
  for (int i = 0; i < 10'000; ++i) list += "5,";
  list.back() = ']';
  const CheckReport report = checked(list + "}");
  ASSERT_EQ(report.errors.size(), 101U);
  EXPECT_THAT(report.errors.back().text(),
              HasSubstr("items[100]: a hundred items of this list cannot be read"));
}

TEST(Check, WhereAnObjectOfTheClusterCannotBeReadWhoSharesIsNotKnown) {
  const std::string set = R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: shop}
spec:
  replicas: 1
  template:
    metadata: {annotations: {walguard/databases: /data/app.db}}
    spec:
      containers: [{name: a, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
)";
  const std::string storage = std::string(kClasses) + claim_of("disk", "ReadWriteOnce");
  const std::string odd = "apiVersion: v1\nkind: Pod\nmetadata: {name: other}\nspec: 5\n";
  const CheckReport whole = checked({.input = {{"a.yaml", set}}, .cluster = {{"state.yaml", storage}}});
  EXPECT_THAT(findings_of(whole.objects.at(0)), Not(Contains("unproven scope-unknown")));
  const CheckReport report =
      checked({.input = {{"a.yaml", set}}, .cluster = {{"state.yaml", storage + odd}}});
  EXPECT_THAT(findings_of(report.objects.at(0)), Contains("unproven scope-unknown"));
  EXPECT_EQ(report.errors.size(), 1U);
}

/// What pasting a volume under another name into a pod spec gives.
std::string pod_with_a_mount_of_no_volume(std::string_view image, std::string_view annotations) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: g, annotations: {" + std::string(annotations) +
         "}}\nspec:\n  containers: [{name: a, image: " + std::string(image) +
         ", volumeMounts: [{name: storage, mountPath: /data}]}]\n"
         "  volumes: [{name: data, persistentVolumeClaim: {claimName: app-data-2}}]\n";
}

TEST(Check, ADatabaseOnAVolumeThatThePodDoesNotHaveIsAnErrorOfTheInput) {
  for (const std::string& pod : {pod_with_a_mount_of_no_volume("shop", "walguard/databases: /data/app.db"),
                                 pod_with_a_mount_of_no_volume("vaultwarden/server:1.32.7", "")}) {
    const CheckReport report = checked(pod);
    ASSERT_EQ(report.errors.size(), 1U) << pod;
    EXPECT_THAT(report.errors[0].text(), HasSubstr("input.yaml:1: Pod \"g\": volumeMounts: a database is on "
                                                   "volume \"storage\", which is not among the volumes"));
  }
  EXPECT_THAT(checked(pod_with_a_mount_of_no_volume("shop", "")).errors, IsEmpty())
      << "no database, no matter";
}

TEST(Check, MoreObjectsThanAnyFileHasAreRefused) {
  std::string list = R"({"apiVersion":"v1","kind":"List","items":[)";
  for (int i = 0; i <= 100'000; ++i) list += R"({"apiVersion":"v1","kind":"X"},)";
  list.back() = ']';
  const CheckReport report = checked(list + "}");
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].text(),
              HasSubstr("items[100000]: more than 100,000 objects in one file; split it"));
}

TEST(Check, AListInsideOfAListIsNotPassedOverInSilence) {
  const CheckReport report =
      checked("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: []\n");
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_THAT(report.errors[0].text(), HasSubstr("input.yaml:4: List: items[0]: a list inside of a list"));
}

TEST(Check, ObjectsWithContainersThatAreNotUnderstoodAreNamed) {
  const CheckReport report = checked(R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
spec: {template: {spec: {containers: [{name: c}]}}}
---
apiVersion: extensions/v1beta1
kind: Deployment
spec: {template: {spec: {containers: []}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
---
apiVersion: v1
kind: ConfigMap
data: {x: '"containers":[]'}
---
apiVersion: v1
kind: Pod
metadata: {name: ended}
spec: {containers: [{name: c}]}
status: {phase: Succeeded}
)");
  EXPECT_THAT(report.not_judged, ElementsAre(Pair("Deployment (extensions/v1beta1)", 1U),
                                             Pair("Rollout (argoproj.io/v1alpha1)", 1U)));
  EXPECT_THAT(report.objects, IsEmpty());
  EXPECT_EQ(report.objects_read, 5U);
}

}  // namespace
}  // namespace walguard::check
