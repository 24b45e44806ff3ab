#include "operator/server/authz_handler.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/core/verdict.h"
#include "operator/server/authz_metrics.h"
#include "operator/server/http_message.h"
#include "operator/server/timely_calls.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_request.h"

namespace walguard::server {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kJudgeShort{20};
constexpr milliseconds kJudgeLong{60'000};

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k > bytes.size() ? '=' : kDigits[group >> (18U - 6U * k) & 63U];
  }
  return text;
}

/// As the engine asks.
std::string question(std::string_view method, std::string_view uri, std::string_view body = "") {
  json call = {{"RequestMethod", method}, {"RequestUri", uri}, {"User", ""}, {"UserAuthNMethod", ""}};
  if (!body.empty()) {
    call["RequestBody"] = base64(body);
    call["RequestHeaders"] = {{"Content-Type", "application/json"}};
  }
  return call.dump();
}

constexpr std::string_view kCreate = "/v1.41/containers/create?name=app";
constexpr std::string_view kBody = R"({"Image":"app","Env":["TOKEN=hunter2"],"Cmd":["--password=hunter3"],
  "HostConfig":{"Binds":["data:/data"]}})";

class AuthzHandlerTest : public ::testing::Test {
 protected:
  AuthzHandler& handler(std::function<AuthzDecision(const wire::DockerRequest&)> judge,
                        TimelyOptions time = {.threads = 2, .patience = kJudgeLong}) {
    handler_.emplace(AuthzParts{.metrics = &metrics_,
                                .judge = std::move(judge),
                                .log =
                                    [this](const AuthzRecord& record) {
                                      const std::lock_guard lock(mutex_);
                                      log_.push_back(record);
                                    },
                                .made = made_,
                                .time = time});
    return *handler_;
  }

  HttpResponse ask(std::string_view body) {
    HttpRequest request{.method = "POST", .path = "/AuthZPlugin.AuthZReq", .body = body};
    HttpResponse response;
    handler_->authorize_request(request, response);
    return response;
  }
  json answer(std::string_view body) {
    const HttpResponse response = ask(body);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, wire::kPluginContentType);
    return json::parse(response.body);
  }

  std::mutex mutex_;
  std::vector<AuthzRecord> log_;
  std::function<void(const wire::CreateContainer&, const std::string&)> made_ =
      [](const wire::CreateContainer&, const std::string&) {};
  AuthzMetrics metrics_;
  std::optional<AuthzHandler> handler_;
};

AuthzDecision allowed(const wire::DockerRequest& /*request*/) { return {.allow = true}; }

AuthzDecision denied(const wire::DockerRequest& /*request*/) {
  return {.allow = false,
          .message = "volume \"data\": network-filesystem: it is on NFS. Remedy: use a local volume",
          .rule = "network-filesystem",
          .verdict = core::Verdict::kUnsafe};
}

AuthzDecision must_not_be_asked(const wire::DockerRequest& /*request*/) {
  ADD_FAILURE() << "the judge was asked";
  return {};
}

TEST_F(AuthzHandlerTest, SaysThatItIsAnAuthorizationPlugin) {
  HttpResponse response;
  AuthzHandler::activate({}, response);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, wire::kPluginContentType);
  EXPECT_EQ(json::parse(response.body).at("Implements"), json::array({"authz"}));
}

TEST_F(AuthzHandlerTest, LetsEveryAnswerOfTheEnginePassWhateverItIs) {
  handler(must_not_be_asked);
  const json made = json::parse(question("POST", kCreate, kBody));
  for (const std::string& body : {std::string("not even JSON"), std::string(), made.dump()}) {
    HttpResponse response;
    handler_->authorize_response({.method = "POST", .body = body}, response);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(json::parse(response.body).at("Allow"), true);
  }
}

TEST_F(AuthzHandlerTest, TellsWhichContainerTheEngineHasMadeOfWhichRequest) {
  std::string told;
  made_ = [&](const wire::CreateContainer& create, const std::string& id) {
    told = create.container.name + "=" + id;
  };
  handler(must_not_be_asked);
  json call = json::parse(question("POST", kCreate, kBody));
  call["ResponseBody"] = base64(R"({"Id":"0123abc","Warnings":[]})");
  HttpResponse response;
  call["ResponseStatusCode"] = 500;
  handler_->authorize_response({.method = "POST", .body = call.dump()}, response);
  EXPECT_EQ(told, "") << "nothing was made";
  call["ResponseStatusCode"] = 201;
  handler_->authorize_response({.method = "POST", .body = call.dump()}, response);
  EXPECT_EQ(told, "app=0123abc");
}

TEST_F(AuthzHandlerTest, WhatTheJudgeAllowsIsAllowedWithoutALine) {
  handler(allowed);
  EXPECT_EQ(answer(question("POST", kCreate, kBody)).at("Allow"), true);
  EXPECT_TRUE(log_.empty());
}

TEST_F(AuthzHandlerTest, WhatTheJudgeRefusesIsRefusedWithItsReasonAndOneLine) {
  handler(denied);
  const json answered = answer(question("POST", kCreate, kBody));
  EXPECT_EQ(answered.at("Allow"), false);
  EXPECT_THAT(answered.at("Msg"), AllOf(HasSubstr("network-filesystem"), HasSubstr("Remedy")));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_EQ(log_[0].kind, "create-container");
  EXPECT_EQ(log_[0].object, "app");
  EXPECT_EQ(log_[0].decision, "deny");
  EXPECT_EQ(log_[0].verdict, "unsafe");
  EXPECT_EQ(log_[0].rule, "network-filesystem");
  EXPECT_THAT(log_[0].detail, HasSubstr("it is on NFS"));
}

TEST_F(AuthzHandlerTest, AWarningIsAllowedAndOneLine) {
  handler([](const wire::DockerRequest&) {
    return AuthzDecision{.allow = true, .message = "nobody has measured it", .rule = "evidence-missing"};
  });
  EXPECT_EQ(answer(question("POST", kCreate, kBody)).at("Allow"), true);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_EQ(log_[0].decision, "warn");
}

TEST_F(AuthzHandlerTest, WhatCarriesNoStorageIsAllowedWithoutAskingTheJudge) {
  handler(must_not_be_asked);
  for (const auto& [method, uri] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"GET", "/_ping"},
                                                                  {"GET", "/v1.41/containers/json?all=1"},
                                                                  {"GET", "/v1.41/events"},
                                                                  {"GET", "/v9.99/info"},
                                                                  {"DELETE", "/v1.41/containers/app"},
                                                                  {"POST", "/v1.41/containers/app/stop"}}) {
    EXPECT_EQ(answer(question(method, uri)).at("Allow"), true) << uri;
  }
  EXPECT_TRUE(log_.empty());
}

TEST_F(AuthzHandlerTest, WhatCannotBeJudgedWholeIsRefusedWithTheReasonAndOneLineWithoutSecrets) {
  handler(must_not_be_asked);
  const std::string twice =
      R"({"Env":["TOKEN=hunter2"],"HostConfig":{"Binds":[]},"HostConfig":{"Binds":["d:/d"]}})";
  const json answered = answer(question("POST", kCreate, twice));
  EXPECT_EQ(answered.at("Allow"), false);
  EXPECT_THAT(answered.at("Msg"), AllOf(HasSubstr("walguard: "), HasSubstr("HostConfig")));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_EQ(log_[0].kind, "unreadable");
  EXPECT_EQ(log_[0].decision, "deny");
  EXPECT_THAT(log_[0].detail, Not(HasSubstr("hunter")));
}

TEST_F(AuthzHandlerTest, WhatIsNoQuestionOfAnEngineIsAnErrorAndOneLine) {
  handler(must_not_be_asked);
  const HttpResponse response = ask("{\"RequestMethod\": hunter2");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(json::parse(response.body).value("Err", ""), Not(::testing::IsEmpty()));
  EXPECT_NE(json::parse(response.body).value("Allow", false), true);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0].detail, Not(HasSubstr("hunter")));
}

TEST_F(AuthzHandlerTest, AJudgeThatThrowsIsARefusalWithAReasonAndItsWordsAreNotLogged) {
  handler([](const wire::DockerRequest&) -> AuthzDecision { throw std::runtime_error("near hunter2"); });
  const json answered = answer(question("POST", kCreate, kBody));
  EXPECT_EQ(answered.at("Allow"), false);
  EXPECT_THAT(answered.at("Msg"), AllOf(HasSubstr("failed"), HasSubstr("docs/docker.md")));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_EQ(log_[0].decision, "failed");
  EXPECT_THAT(log_[0].detail, AllOf(HasSubstr("runtime_error"), Not(HasSubstr("hunter2"))));
}

TEST_F(AuthzHandlerTest, WhatIsThrownThatIsNoExceptionIsARefusalToo) {
  handler([](const wire::DockerRequest&) -> AuthzDecision { throw 7; });
  EXPECT_EQ(answer(question("POST", kCreate, kBody)).at("Allow"), false);
}

/// A judge that hangs until the test is over.
class StuckJudge : public AuthzHandlerTest {
 protected:
  void hang(unsigned threads) {
    handler(
        [this, released = release_.get_future().share()](const wire::DockerRequest&) {
          ++begun_;
          released.wait();
          return AuthzDecision{.allow = true};
        },
        {.threads = threads, .patience = kJudgeShort, .patience_while_stuck = kJudgeShort});
  }
  ~StuckJudge() override { release_.set_value(); }

  std::promise<void> release_;
  std::atomic<int> begun_ = 0;
};

TEST_F(StuckJudge, IsARefusalThatSaysSoWithinPatience) {
  hang(2);
  const json answered = answer(question("POST", kCreate, kBody));
  EXPECT_EQ(answered.at("Allow"), false);
  EXPECT_THAT(answered.at("Msg"), HasSubstr("within a second"));
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_EQ(log_[0].decision, "failed");
  EXPECT_EQ(handler_->stuck(), 1U);
}

TEST_F(StuckJudge, DoesNotKeepWhatCarriesNoStorageWaiting) {
  hang(1);
  ASSERT_EQ(answer(question("POST", kCreate, kBody)).at("Allow"), false);
  EXPECT_EQ(answer(question("GET", "/containers/json?all=1")).at("Allow"), true);
  EXPECT_EQ(begun_, 1);
}

TEST_F(StuckJudge, WithEveryThreadAtItTheNextIsRefusedAtOnceAndSaysWhatToDo) {
  hang(1);
  ASSERT_EQ(answer(question("POST", kCreate, kBody)).at("Allow"), false);
  const json answered = answer(question("POST", kCreate, kBody));
  EXPECT_EQ(answered.at("Allow"), false);
  EXPECT_THAT(answered.at("Msg"), AllOf(HasSubstr("hang"), HasSubstr("Remedy")));
  EXPECT_EQ(begun_, 1);
}

TEST_F(AuthzHandlerTest, NoLineRepeatsEnvironmentOrArgumentsAndALongNameIsCut) {
  handler(denied);
  const std::string uri = "/v1.41/containers/create?name=" + std::string(5000, 'n');
  (void)answer(question("POST", uri, kBody));
  ASSERT_EQ(log_.size(), 1U);
  const AuthzRecord& line = log_[0];
  EXPECT_LE(line.object.size(), 128U);
  for (const std::string& text : {line.object, line.user, line.rule, line.detail})
    EXPECT_THAT(text, Not(HasSubstr("hunter")));
}

TEST_F(AuthzHandlerTest, EveryKindOfRequestReachesTheJudgeUnderItsName) {
  std::vector<std::string> seen;
  handler([&](const wire::DockerRequest& request) {
    seen.push_back(std::to_string(request.index()));
    return denied(request);
  });
  (void)answer(question("POST", kCreate, kBody));
  (void)answer(question("POST", "/v1.41/containers/app/start"));
  (void)answer(question("POST", "/v1.41/volumes/create", R"({"Name":"data"})"));
  (void)answer(question("POST", "/v1.41/services/create",
                        R"({"Name":"web","TaskTemplate":{"ContainerSpec":{"Image":"app"}}})"));
  std::vector<std::string> kinds;
  kinds.reserve(log_.size());
  for (const AuthzRecord& line : log_) kinds.emplace_back(std::string(line.kind) + " " + line.object);
  EXPECT_THAT(kinds, ::testing::ElementsAre("create-container app", "start-container app",
                                            "create-volume data", "run-service web"));
  EXPECT_EQ(seen.size(), 4U);
}

TEST_F(AuthzHandlerTest, AnswersAreCountedByKindDecisionAndRule) {
  handler(denied);
  (void)answer(question("POST", kCreate, kBody));
  (void)answer(question("GET", "/info"));
  const std::string text = metrics_.render({.engine_current = true, .containers = 3, .engine_events = 5});
  EXPECT_THAT(text, HasSubstr(R"(walguard_docker_answers_total{decision="deny",kind="create-container"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(walguard_docker_answers_total{decision="allow",kind="no-storage"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(walguard_docker_findings_total{rule="network-filesystem"} 1)"));
  EXPECT_THAT(text, HasSubstr("walguard_docker_duration_seconds_count 2"));
  EXPECT_THAT(text, HasSubstr("walguard_docker_engine_current 1"));
  EXPECT_THAT(text, HasSubstr("walguard_docker_containers 3"));
  EXPECT_THAT(metrics_.render({.engine_events = 7}), HasSubstr("walguard_docker_engine_events_total 7"));
}

}  // namespace
}  // namespace walguard::server
