// The client's requests and decisions, with a transport that plays a script.

#include "operator/kube/client.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/http.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"

namespace walguard::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ResourceType kPods{"", "v1", "pods", true};
const ObjectName kPod{kPods, "n", "a", ""};

/// Answers each request with the next line of its script. A body for a sink comes in pieces of seven bytes.
class ScriptedTransport : public HttpTransport {
 public:
  tl::expected<HttpReply, TransportError> exchange(const HttpRequest& request, const BodySink& sink,
                                                   const std::stop_token& /*stop*/) override {
    requests.push_back(request);
    if (script.empty())
      return tl::unexpected(TransportError{ExchangeFailure::kUnreachable, "end of the script"});
    auto next = std::move(script.front());
    script.pop_front();
    if (!next || !sink || next->status != 200) return next;
    for (std::size_t at = 0; at < next->body.size(); at += 7) {
      if (!sink(std::string_view(next->body).substr(at, 7))) {
        return tl::unexpected(TransportError{ExchangeFailure::kStopped, "by the sink"});
      }
    }
    return HttpReply{200, {}, {}};
  }

  std::deque<tl::expected<HttpReply, TransportError>> script;
  std::vector<HttpRequest> requests;
};

class ClientTest : public ::testing::Test {
 protected:
  [[nodiscard]] ClientOptions options() {
    ClientOptions options;
    options.list_page = 2;
    options.longest_line = 200;
    options.wait = [this](milliseconds duration, const std::stop_token& stop) {
      waits_.push_back(duration);
      return !stop.stop_requested();
    };
    return options;
  }
  void answer(int status, const std::string& body, std::optional<seconds> retry_after = std::nullopt) {
    transport_.script.emplace_back(HttpReply{status, retry_after, body});
  }
  void answer_status(int code, const std::string& reason) {
    answer(code, json{{"kind", "Status"}, {"code", code}, {"reason", reason}}.dump());
  }
  void answer_page(const std::vector<std::string>& names, const std::string& continue_token) {
    json page = {{"metadata", {{"resourceVersion", "50"}, {"continue", continue_token}}},
                 {"items", json::array()}};
    for (const std::string& name : names) page["items"].push_back({{"metadata", {{"name", name}}}});
    answer(200, page.dump());
  }
  tl::expected<std::string, ApiError> list(const Selection& selection = {}) {
    const ListReceiver receiver{[this] { names_.clear(); },
                                [this](const ObjectView& item) { names_.emplace_back(item.meta.name); }};
    return client_.list(kPods, selection, receiver, {});
  }
  tl::expected<void, ApiError> watch() {
    return client_.watch(kPods, {}, {.resource_version = "50"},
                         [this](const WatchEvent& event) { names_.emplace_back(event.object.meta.name); },
                         {});
  }
  [[nodiscard]] const HttpRequest& request(std::size_t index = 0) const {
    return transport_.requests.at(index);
  }

  ScriptedTransport transport_;
  Client client_{transport_, options()};
  std::vector<milliseconds> waits_;
  std::vector<std::string> names_;
};

TEST_F(ClientTest, GetGivesTheBytesOrTheStatus) {
  answer(200, "{}");
  EXPECT_EQ(client_.get(kPod, {}).value(), "{}");
  EXPECT_EQ(request().method, "GET");
  EXPECT_EQ(request().target, "/api/v1/namespaces/n/pods/a");
  answer_status(404, "NotFound");
  const auto missing = client_.get(kPod, {});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is_not_found());
  EXPECT_EQ(missing.error().request, "GET /api/v1/namespaces/n/pods/a");
}

TEST_F(ClientTest, CreatePostsTheObjectUnderOurName) {
  answer(201, "{}");
  EXPECT_TRUE(client_.create(kPods, "n", "OBJECT", DryRun::kAll, {}));
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(request().target, "/api/v1/namespaces/n/pods?fieldManager=walguard&dryRun=All");
  EXPECT_EQ(request().body, "OBJECT");
  EXPECT_EQ(request().content_type, "application/json");
}

TEST_F(ClientTest, EachKindOfPatchHasItsContentType) {
  const std::vector<std::pair<PatchKind, std::string>> kinds = {
      {PatchKind::kMerge, "application/merge-patch+json"},
      {PatchKind::kJson, "application/json-patch+json"},
      {PatchKind::kApply, "application/apply-patch+yaml"}};
  for (const auto& [kind, content_type] : kinds) {
    transport_.requests.clear();
    answer(200, "{}");
    EXPECT_TRUE(client_.patch({kPods, "n", "a", "status"}, kind, "[]", {.force = true}, {}));
    EXPECT_EQ(request().method, "PATCH");
    EXPECT_EQ(request().content_type, content_type);
    const std::string force = kind == PatchKind::kApply ? "&force=true" : "";
    EXPECT_EQ(request().target, "/api/v1/namespaces/n/pods/a/status?fieldManager=walguard" + force);
  }
}

TEST_F(ClientTest, DeleteCarriesPreconditionsAndPropagation) {
  answer(200, "{}");
  DeleteOptions options;
  options.uid = "u";
  options.resource_version = "7";
  options.propagation = Propagation::kForeground;
  options.grace_seconds = 0;
  EXPECT_TRUE(client_.remove(kPod, options, {}));
  EXPECT_EQ(request().method, "DELETE");
  EXPECT_EQ(json::parse(request().body), json::parse(R"({"apiVersion":"v1","kind":"DeleteOptions",
      "preconditions":{"uid":"u","resourceVersion":"7"},"propagationPolicy":"Foreground","gracePeriodSeconds":0})"));
}

TEST_F(ClientTest, ABusyServerIsAskedAgainAfterTheTimeItNames) {
  answer(429, "", seconds(2));
  answer(503, "", seconds(1));
  answer(200, "{}");
  EXPECT_TRUE(client_.get(kPod, {}));
  EXPECT_THAT(waits_, ElementsAre(seconds(2), seconds(1)));
}

TEST_F(ClientTest, AServerThatStaysBusyIsGivenUpWithItsOwnWord) {
  for (int i = 0; i < 10; ++i)
    answer(429, R"({"kind":"Status","reason":"TooManyRequests","code":429})", seconds(1));
  const auto result = client_.get(kPod, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "TooManyRequests");
  EXPECT_THAT(transport_.requests, SizeIs(5));
}

TEST_F(ClientTest, AStopEndsTheWaitForABusyServer) {
  answer(429, "", seconds(1));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(client_.get(kPod, stop.get_token()));
  EXPECT_THAT(transport_.requests, SizeIs(1));
}

TEST_F(ClientTest, AWriteThatWasCutIsNotSentAgain) {
  transport_.script.emplace_back(tl::unexpected(TransportError{ExchangeFailure::kCut, "reset"}));
  const auto result = client_.create(kPods, "n", "{}", DryRun::kNo, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ApiError::Kind::kCut);
  EXPECT_THAT(transport_.requests, SizeIs(1));
}

TEST_F(ClientTest, AListIsReadPageByPage) {
  answer_page({"a", "b"}, "to/ken");
  answer_page({"c"}, "");
  const auto version = list({"n", "app=web", ""});
  ASSERT_TRUE(version) << version.error().text();
  EXPECT_EQ(*version, "50");
  EXPECT_THAT(names_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(request(0).target, "/api/v1/namespaces/n/pods?labelSelector=app%3Dweb&limit=2");
  EXPECT_EQ(request(1).target, "/api/v1/namespaces/n/pods?labelSelector=app%3Dweb&limit=2&continue=to%2Fken");
}

TEST_F(ClientTest, AListWhoseTokenExpiresBeginsAnew) {
  answer_page({"gone", "b"}, "token");
  answer_status(410, "Expired");
  answer_page({"b"}, "");
  ASSERT_TRUE(list());
  EXPECT_THAT(names_, ElementsAre("b"));
}

TEST_F(ClientTest, AListThatExpiresEachTimeIsGivenUp) {
  for (int i = 0; i < 10; ++i) {
    answer_page({"a"}, "token");
    answer_status(410, "Expired");
  }
  const auto result = list();
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is_expired());
  EXPECT_THAT(transport_.requests, SizeIs(8));
}

TEST_F(ClientTest, AnAnswerThatIsNoListIsMalformed) {
  answer(200, "<html>welcome</html>");
  const auto result = list();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ApiError::Kind::kMalformed);
  EXPECT_EQ(result.error().request, "GET /api/v1/pods");
}

TEST_F(ClientTest, AWatchHandsOnEachLineUntilItsEnd) {
  answer(200, R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
              "\n"
              R"({"type":"BOOKMARK","object":{"metadata":{"name":"mark","resourceVersion":"60"}}})"
              "\n");
  const auto result = watch();
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_THAT(names_, ElementsAre("a", "mark"));
  EXPECT_EQ(request().target,
            "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=50&timeoutSeconds=30");
  EXPECT_EQ(request().deadline, std::nullopt);
}

TEST_F(ClientTest, AnErrorEventEndsTheWatchWithItsStatus) {
  answer(200,
         R"({"type":"ERROR","object":{"kind":"Status","reason":"Expired","message":"too old","code":410}})"
         "\n"
         R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
         "\n");
  const auto result = watch();
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is_expired());
  EXPECT_EQ(result.error().message, "too old");
  EXPECT_THAT(names_, IsEmpty());
}

TEST_F(ClientTest, AWatchThatEndsInTheMiddleOfALineIsCut) {
  answer(200, R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
              "\n{\"type\":");
  const auto result = watch();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ApiError::Kind::kCut);
  EXPECT_THAT(names_, ElementsAre("a"));
}

TEST_F(ClientTest, AnEventThatCannotBeReadOrIsTooLongEndsTheWatch) {
  answer(200, "garbage\n");
  EXPECT_EQ(watch().error().kind, ApiError::Kind::kMalformed);
  answer(200, std::string(201, 'x'));
  EXPECT_EQ(watch().error().kind, ApiError::Kind::kTooLarge);
}

TEST_F(ClientTest, AWatchThatIsRefusedSaysWhyAndIsNotSentAgain) {
  answer(429, R"({"kind":"Status","reason":"TooManyRequests","code":429})", seconds(3));
  const auto result = watch();
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(429));
  EXPECT_EQ(result.error().retry_after, seconds(3));
  EXPECT_THAT(waits_, IsEmpty());
}

}  // namespace
}  // namespace walguard::kube
