// The objects of the chart, as a user gets them.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "tests/chart/chart.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::chart::testing {
namespace {

using kube::testing::FakeAnswer;
using kube::testing::FakeApi;
using kube::testing::FakeRequest;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string text_of_file(const std::string& path) {
  std::ifstream in(WALGUARD_SOURCE_DIR "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Node> containers_of(const Node& pod_spec) {
  std::vector<Node> all;
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Node& container : pod_spec[list]) all.push_back(container);
  }
  return all;
}

std::string image_of(const Node& pod_spec) { return pod_spec["containers"][0]["image"].as<std::string>(); }

std::map<std::string, std::string> environment_of(const Objects& objects) {
  std::map<std::string, std::string> environment;
  for (const Node& entry :
       objects.at("Deployment/walguard")["spec"]["template"]["spec"]["containers"][0]["env"]) {
    environment[entry["name"].as<std::string>()] =
        entry["value"] ? entry["value"].as<std::string>() : "from the pod";
  }
  return environment;
}

std::vector<std::string> names_in(const Node& list) { return list.as<std::vector<std::string>>(); }

TEST_F(Chart, InstallsWithNoValuesAtAll) {
  const Objects objects = render();
  EXPECT_TRUE(objects.has("Deployment/walguard"));
  EXPECT_TRUE(objects.has("Service/walguard"));
  EXPECT_TRUE(objects.has("ValidatingWebhookConfiguration/walguard"));
  EXPECT_TRUE(objects.has("MutatingWebhookConfiguration/walguard"));
}

TEST_F(Chart, IsReleasedUnderTheVersionOfTheProgram) {
  const Node chart = YAML::Load(text_of_file("charts/walguard/Chart.yaml"));
  EXPECT_EQ(chart["version"].as<std::string>(), WALGUARD_VERSION);
  EXPECT_EQ(chart["appVersion"].as<std::string>(), WALGUARD_VERSION);
}

TEST_F(Chart, EveryContainerFitsPodSecurityRestricted) {
  const auto pods = render().pod_specs();
  EXPECT_EQ(pods.size(), 3U) << "the webhook, the test, the job before an uninstall";
  for (const auto& [name, pod] : pods) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(pod["securityContext"]["runAsNonRoot"].as<bool>());
    EXPECT_NE(pod["securityContext"]["runAsUser"].as<int>(), 0);
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"].as<std::string>(), "RuntimeDefault");
    for (const char* const shared : {"hostNetwork", "hostPID", "hostIPC"})
      EXPECT_FALSE(pod[shared]) << shared;
    for (const Node& container : containers_of(pod)) {
      const Node security = container["securityContext"];
      EXPECT_FALSE(security["privileged"]);
      EXPECT_FALSE(security["allowPrivilegeEscalation"].as<bool>());
      EXPECT_TRUE(security["readOnlyRootFilesystem"].as<bool>());
      EXPECT_THAT(names_in(security["capabilities"]["drop"]), UnorderedElementsAre("ALL"));
      EXPECT_FALSE(security["capabilities"]["add"]);
      EXPECT_TRUE(container["resources"]["requests"]) << "a namespace with a quota asks for them";
    }
    for (const Node& volume : pod["volumes"]) EXPECT_FALSE(volume["hostPath"]);
  }
}

TEST_F(Chart, TheDigestOfAnImageIsWhatEveryPodAndPreflightRuns) {
  const Objects objects =
      render({"--set", "image.repository=mirror.example/walguard,image.digest=" + kDigest});
  const std::string wanted = "mirror.example/walguard@" + kDigest;
  for (const auto& [name, pod] : objects.pod_specs()) {
    for (const Node& container : containers_of(pod))
      EXPECT_EQ(container["image"].as<std::string>(), wanted) << name;
  }
  EXPECT_EQ(environment_of(objects).at("WALGUARD_IMAGE"), wanted);
}

TEST_F(Chart, TheImageIsOfTheChartsOwnVersionUnlessATagIsGiven) {
  EXPECT_EQ(image_of(render().pod_specs().at("Deployment/walguard")), "walguard:" WALGUARD_VERSION);
  EXPECT_EQ(image_of(render({"--set", "image.tag=edge"}).pod_specs().at("Deployment/walguard")),
            "walguard:edge");
}

TEST_F(Chart, TheProgramLearnsWhereItRunsAndWhatItShouldDo) {
  const auto environment =
      environment_of(render({"--set", "mode=gate,log.format=text,image.pullPolicy=Never"}));
  EXPECT_EQ(environment.at("WALGUARD_NAMESPACE"), "from the pod");
  EXPECT_EQ(environment.at("WALGUARD_POD_NAME"), "from the pod");
  EXPECT_EQ(environment.at("WALGUARD_IMAGE_PULL_POLICY"), "Never");
  EXPECT_EQ(environment.at("WALGUARD_MODE"), "gate");
  EXPECT_EQ(environment.at("WALGUARD_LOG_FORMAT"), "text");
}

TEST_F(Chart, AnOffThatYamlTookForFalseIsStillOff) {
  walguard::testing::write_file(folder_ / "values.yaml", "mode: off\n");
  EXPECT_EQ(environment_of(render({"--values", folder_ / "values.yaml"})).at("WALGUARD_MODE"), "off");
}

TEST_F(Chart, TheServiceFindsThePodsOfTheWebhookAndNoOthers) {
  const Objects objects = render();
  const auto selector =
      objects.at("Service/walguard")["spec"]["selector"].as<std::map<std::string, std::string>>();
  const auto carries = [&selector](const Node& labels) {
    return std::ranges::all_of(selector, [&](const auto& label) {
      return labels[label.first] && labels[label.first].template as<std::string>() == label.second;
    });
  };
  EXPECT_TRUE(carries(objects.at("Deployment/walguard")["spec"]["template"]["metadata"]["labels"]));
  EXPECT_FALSE(carries(objects.at("Job/walguard-uninstall")["spec"]["template"]["metadata"]["labels"]));
  EXPECT_FALSE(carries(objects.at("Pod/walguard-selftest")["metadata"]["labels"]));
}

TEST_F(Chart, ThereIsAlwaysOnePodThatAnswersDuringAnUpgradeOrADrain) {
  const Objects objects = render();
  const Node strategy = objects.at("Deployment/walguard")["spec"]["strategy"]["rollingUpdate"];
  EXPECT_EQ(strategy["maxUnavailable"].as<int>(), 0);
  EXPECT_EQ(objects.at("PodDisruptionBudget/walguard")["spec"]["maxUnavailable"].as<int>(), 1);
  const Node pod = objects.pod_specs().at("Deployment/walguard");
  EXPECT_TRUE(pod["containers"][0]["lifecycle"]["preStop"]["sleep"]);
  EXPECT_FALSE(render({"--kube-version", "1.29.4"})
                   .pod_specs()
                   .at("Deployment/walguard")["containers"][0]["lifecycle"])
      << "an API server before 1.30 refuses a handler that it does not know";
}

TEST_F(Chart, ResourceDefinitionsOutliveAnUninstallUnlessAskedOtherwise) {
  std::set<std::string> definitions;
  const Objects objects = render();
  for (const auto& [name, object] : objects.all()) {
    if (!name.starts_with("CustomResourceDefinition/")) continue;
    definitions.insert(name.substr(name.find('/') + 1));
    EXPECT_EQ(object["metadata"]["annotations"]["helm.sh/resource-policy"].as<std::string>(), "keep") << name;
    EXPECT_EQ(object["metadata"]["labels"]["app.kubernetes.io/managed-by"].as<std::string>(), "Helm") << name;
  }
  EXPECT_THAT(definitions,
              UnorderedElementsAre("volumepreflights.walguard.dev", "claimpreflights.walguard.dev",
                                   "walguardpolicies.walguard.dev"));
  EXPECT_THAT(render_text({"--set", "crds.keep=false"}), Not(HasSubstr("resource-policy")));
}

TEST_F(Chart, NoRuleOfItsRolesHoldsAWildcard) {
  const Objects objects = render();
  for (const auto& [name, object] : objects.all()) {
    for (const Node& rule : object["rules"]) {
      for (const char* const part : {"apiGroups", "resources", "verbs"}) {
        EXPECT_THAT(names_in(rule[part]), Each(Not("*"))) << name << " " << part;
      }
    }
  }
}

TEST_F(Chart, InTheWholeClusterItReadsNoSecretAndMakesNothingButPreflightsAndEvents) {
  for (const Node& rule : render().at("ClusterRole/walguard")["rules"]) {
    const auto resources = names_in(rule["resources"]);
    EXPECT_THAT(resources, Not(Contains("secrets")));
    if (std::ranges::count(names_in(rule["verbs"]), "create") != 0) {
      EXPECT_THAT(resources, AllOf(Not(IsEmpty()), Each(::testing::AnyOf("volumepreflights", "events"))));
    }
  }
}

TEST_F(Chart, RightsForPreflightsOfClaimsReachAsFarAsTheValueSays) {
  const Objects everywhere = render();
  EXPECT_TRUE(everywhere.has("ClusterRoleBinding/walguard-claim-preflights"));

  const Objects one = render({"--set", "claimPreflights.namespaces={shop}"});
  EXPECT_FALSE(one.has("ClusterRoleBinding/walguard-claim-preflights"));
  EXPECT_EQ(one.at("RoleBinding/walguard-claim-preflights")["metadata"]["namespace"].as<std::string>(),
            "shop");

  EXPECT_THAT(render_text({"--set-json", "claimPreflights.namespaces=[]"}),
              Not(HasSubstr("walguard-claim-preflights")));
}

TEST_F(Chart, BeforeAnUninstallTheWebhooksGoAndThenEveryGateIsOpened) {
  const Node job = render().at("Job/walguard-uninstall");
  EXPECT_EQ(job["metadata"]["annotations"]["helm.sh/hook"].as<std::string>(), "pre-delete");
  const auto steps = containers_of(job["spec"]["template"]["spec"]);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_THAT(names_in(steps[0]["args"]), ElementsAre("remove-webhooks"));
  EXPECT_THAT(names_in(steps[1]["args"]), ElementsAre("open-gates", "--all"));
}

TEST_F(Chart, TheTestPodSeesTheCertificateOfTheAuthorityAndNoKey) {
  const Node pod = render().at("Pod/walguard-selftest")["spec"];
  EXPECT_FALSE(pod["automountServiceAccountToken"].as<bool>());
  const Node items = pod["volumes"][0]["secret"]["items"];
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["key"].as<std::string>(), "ca.crt");
}

TEST_F(Chart, TheManifestForKubectlIsWhatTheChartRendersAndHoldsNoHook) {
  const std::string manifest = text_of_file("manifests/install.yaml");
  const std::string rendered = render_text({"--kube-version", "1.30.0", "--no-hooks"});
  EXPECT_THAT(manifest, HasSubstr(std::regex_replace(rendered, std::regex("# Source: [^\n]*\n"), "")))
      << "run scripts/render-manifests";
  EXPECT_THAT(manifest, Not(HasSubstr("helm.sh/hook")))
      << "kubectl would run the job that prepares an uninstall";
}

TEST_F(Chart, TheDocumentedValuesAreThoseThatThereAre) {
  const std::string page = text_of_file("docs/install.md");
  const std::string table =
      page.substr(page.find("## Values"), page.find("## What it can stop") - page.find("## Values"));
  const Node values = YAML::Load(text_of_file("charts/walguard/values.yaml"));
  const std::set<std::string> of_kubernetes = {"resources"};
  for (const auto& value : values) {
    const auto name = value.first.as<std::string>();
    if (!value.second.IsMap() || value.second.size() == 0 || of_kubernetes.contains(name)) {
      EXPECT_THAT(table, HasSubstr("`" + name + "`"));
      continue;
    }
    for (const auto& part : value.second)
      EXPECT_THAT(table, HasSubstr("`" + name + "." + part.first.as<std::string>() + "`"));
  }
}

/// As much of an API server as helm needs to look one object up.
FakeAnswer answer_lookup(const FakeRequest& request, const std::string& ca_bundle) {
  const auto json = [](std::string body) {
    return FakeAnswer{.body = std::move(body), .headers = {{"Content-Type", "application/json"}}};
  };
  const std::string path = request.target.substr(0, request.target.find('?'));
  const std::string group = "/apis/admissionregistration.k8s.io/v1";
  if (path == "/version") return json(R"({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})");
  if (path == "/api") return json(R"({"kind": "APIVersions", "versions": []})");
  if (path == "/apis") {
    return json(
        R"({"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "admissionregistration.k8s.io",
      "versions": [{"groupVersion": "admissionregistration.k8s.io/v1", "version": "v1"}],
      "preferredVersion": {"groupVersion": "admissionregistration.k8s.io/v1", "version": "v1"}}]})");
  }
  if (path == group) {
    return json(
        R"({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "admissionregistration.k8s.io/v1",
      "resources": [
        {"name": "mutatingwebhookconfigurations", "singularName": "", "namespaced": false,
         "kind": "MutatingWebhookConfiguration", "verbs": ["get"]},
        {"name": "validatingwebhookconfigurations", "singularName": "", "namespaced": false,
         "kind": "ValidatingWebhookConfiguration", "verbs": ["get"]}]})");
  }
  if (path.starts_with(group) && path.ends_with("configurations/walguard")) {
    const std::string kind = path.find("mutating") != std::string::npos ? "Mutating" : "Validating";
    return json(R"({"apiVersion": "admissionregistration.k8s.io/v1", "kind": ")" + kind +
                R"(WebhookConfiguration", "metadata": {"name": "walguard"}, "webhooks": [
                {"name": "older.walguard.dev", "clientConfig": {}},
                {"name": "other.walguard.dev", "clientConfig": {"caBundle": ")" +
                ca_bundle + R"("}}]})");
  }
  return {.status = 404, .body = R"({"kind": "Status", "code": 404, "reason": "NotFound"})"};
}

TEST_F(Chart, WithoutAClusterTheCaBundleIsLeftOutSoThatAReApplyKeepsIt) {
  EXPECT_THAT(render_text(), Not(HasSubstr("caBundle:")));
}

TEST_F(Chart, OnAnUpgradeEveryEntryHasTheCaBundleThatIsInTheCluster) {
  const FakeApi api([](const FakeRequest& request) { return answer_lookup(request, "Q0VSVA=="); });
  walguard::testing::write_file(
      folder_ / "kubeconfig",
      "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
      "clusters: [{name: c, cluster: {server: '" +
          api.url() +
          "'}}]\n"
          "contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n");
  const Objects objects = render({"--dry-run=server", "--kubeconfig", folder_ / "kubeconfig"});
  for (const char* const kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
    for (const Node& webhook : objects.at(std::string(kind) + "/walguard")["webhooks"]) {
      ASSERT_TRUE(webhook["clientConfig"]["caBundle"]) << webhook["name"].as<std::string>();
      EXPECT_EQ(webhook["clientConfig"]["caBundle"].as<std::string>(), "Q0VSVA==");
    }
  }
}

}  // namespace
}  // namespace walguard::chart::testing
