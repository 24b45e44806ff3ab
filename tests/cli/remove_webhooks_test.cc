// `walguard remove-webhooks`, the real program against an API server that answers as told.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"
#include "tests/kube/api/fake_api.h"

namespace walguard::cli::testing {
namespace {

using kube::testing::FakeAnswer;
using kube::testing::FakeApi;
using kube::testing::FakeRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RemoveWebhooks : public ::testing::Test {
 protected:
  /// The exit code of a run against `api`.
  int run_against(const FakeApi& api) {
    folder_.write("kubeconfig",
                  "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                  "clusters: [{name: c, cluster: {server: '" +
                      api.url() +
                      "'}}]\n"
                      "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
                      "users: [{name: u, user: {token: t}}]\n");
    Program program(folder_, {"remove-webhooks", "--kubeconfig", folder_.path("kubeconfig")});
    const int code = program.exit_code();
    output_ = program.output();
    errors_ = program.errors();
    return code;
  }
  static std::vector<std::string> asked(const FakeApi& api) {
    std::vector<std::string> lines;
    for (const FakeRequest& request : api.requests()) lines.push_back(request.method + " " + request.target);
    return lines;
  }

  TestFolder folder_;
  std::string output_;
  std::string errors_;
};

TEST_F(RemoveWebhooks, DeletesBothConfigurationsFirstTheOneThatGates) {
  const FakeApi api(
      [](const FakeRequest&) { return FakeAnswer{.body = R"({"kind": "Status", "status": "Success"})"}; });
  EXPECT_EQ(run_against(api), 0) << errors_;
  const std::string group = "DELETE /apis/admissionregistration.k8s.io/v1/";
  EXPECT_THAT(asked(api), ElementsAre(group + "mutatingwebhookconfigurations/walguard",
                                      group + "validatingwebhookconfigurations/walguard"));
}

TEST_F(RemoveWebhooks, TakesOneThatIsNotThereForGone) {
  const FakeApi api([](const FakeRequest&) {
    return FakeAnswer{.status = 404, .body = R"({"kind": "Status", "reason": "NotFound", "code": 404})"};
  });
  EXPECT_EQ(run_against(api), 0) << errors_;
  EXPECT_THAT(output_, HasSubstr("validatingwebhookconfigurations/walguard is not there"));
}

TEST_F(RemoveWebhooks, FailsWithTheApiServersReasonButTriesBoth) {
  const FakeApi api([](const FakeRequest&) {
    return FakeAnswer{
        .status = 403,
        .body = R"({"kind": "Status", "reason": "Forbidden", "message": "not yours", "code": 403})"};
  });
  EXPECT_EQ(run_against(api), 4);
  EXPECT_EQ(asked(api).size(), 2U);
  EXPECT_THAT(errors_, HasSubstr("mutatingwebhookconfigurations/walguard: "));
  EXPECT_THAT(errors_, HasSubstr("not yours"));
}

}  // namespace
}  // namespace walguard::cli::testing
