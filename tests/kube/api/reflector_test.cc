// The whole of list and watch through sockets, while the server does what it should not.

#include "operator/kube/reflector.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using std::chrono::milliseconds;
using testing::FakeAnswer;
using testing::FakeApi;
using testing::FakeRequest;
using ::testing::HasSubstr;
using testing::LiveBody;
using walguard::testing::eventually;

const ResourceType kPods{"", "v1", "pods", true};

using Names = std::set<std::string>;

/// The names that are there. Thread-safe.
class NameSink : public ObjectSink {
 public:
  void begin_list() override { next_.clear(), listing_ = true; }
  void end_list() override {
    const std::lock_guard lock(mutex_);
    names_.swap(next_);
    listing_ = false;
  }
  void put(const ObjectView& object) override {
    if (listing_) {
      next_.emplace(object.meta.name);
      return;
    }
    const std::lock_guard lock(mutex_);
    names_.emplace(object.meta.name);
  }
  void remove(const ObjectView& object) override {
    const std::lock_guard lock(mutex_);
    names_.erase(std::string(object.meta.name));
  }
  [[nodiscard]] Names names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  mutable std::mutex mutex_;
  Names names_;
  Names next_;
  bool listing_ = false;
};

std::string object(const std::string& name, const std::string& version) {
  return R"({"kind":"Pod","metadata":{"name":")" + name + R"(","resourceVersion":")" + version + "\"}}";
}

std::string list_of(const std::vector<std::string>& names, const std::string& version) {
  std::string items;
  for (const std::string& name : names) items += (items.empty() ? "" : ",") + object(name, version);
  return R"({"kind":"PodList","metadata":{"resourceVersion":")" + version + R"("},"items":[)" + items + "]}";
}

std::string event(const std::string& type, const std::string& name, const std::string& version) {
  return R"({"type":")" + type + R"(","object":)" + object(name, version) + "}\n";
}

std::string status(int code, const std::string& reason) {
  return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason + "\"}";
}

/// A reflector at work against a server whose n-th answer is the n-th of `script`; later ones are silent
/// watches.
class ReflectorTest : public ::testing::Test {
 protected:
  ~ReflectorTest() override { stop(); }

  /// A watch that this test writes into.
  std::shared_ptr<LiveBody> add_watch() {
    auto live = std::make_shared<LiveBody>();
    script_.push_back({.live = live});
    return live;
  }
  void start() {
    api_ = std::make_unique<FakeApi>([this](const FakeRequest&) {
      if (answered_ < script_.size()) return script_[answered_++];
      return FakeAnswer{.live = std::make_shared<LiveBody>()};
    });
    ClusterConfig config;
    config.server = api_->url();
    transport_ = std::make_unique<CurlTransport>(config, make_credential_source(config, nullptr));
    client_ = std::make_unique<Client>(*transport_, client_options_);
    ReflectorOptions options = options_;
    options.policy.backoff = {milliseconds(2), milliseconds(50)};
    reflector_ = std::make_unique<Reflector>(*client_, kPods, Selection{}, sink_, options);
    thread_ = std::jthread([this](const std::stop_token& stop) { reflector_->run(stop); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }
  [[nodiscard]] bool holds(const Names& names) const {
    return eventually([&] { return sink_.names() == names; });
  }
  /// Whether the request of that number comes, with this in its target.
  [[nodiscard]] bool asks(std::size_t index, const std::string& text) const {
    return eventually([&] {
      const auto requests = api_->requests();
      return requests.size() > index && requests[index].target.find(text) != std::string::npos;
    });
  }
  [[nodiscard]] bool lists_as(std::size_t index) const {
    return eventually([&] {
      const auto requests = api_->requests();
      return requests.size() > index && requests[index].target.find("watch=") == std::string::npos;
    });
  }

  std::vector<FakeAnswer> script_;
  ClientOptions client_options_;
  ReflectorOptions options_;
  NameSink sink_;
  std::size_t answered_ = 0;  // under the fake server's lock
  std::unique_ptr<FakeApi> api_;
  std::unique_ptr<CurlTransport> transport_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Reflector> reflector_;
  std::jthread thread_;
};

TEST_F(ReflectorTest, TheCopyFollowsAddedModifiedAndDeletedObjects) {
  script_.push_back({200, list_of({"a", "b"}, "10")});
  const auto live = add_watch();
  start();
  EXPECT_TRUE(holds({"a", "b"}));
  EXPECT_TRUE(asks(1, "watch=true&allowWatchBookmarks=true&resourceVersion=10&"));
  live->write(event("ADDED", "c", "11") + event("MODIFIED", "a", "12"));
  live->write(event("DELETED", "b", "13"));
  EXPECT_TRUE(holds({"a", "c"}));
  EXPECT_EQ(reflector_->health().events, 3U);
}

TEST_F(ReflectorTest, AnEventInManySmallPiecesIsOneEvent) {
  script_.push_back({200, list_of({}, "10")});
  const auto live = add_watch();
  start();
  for (const char c : event("ADDED", "a", "11")) live->write(std::string(1, c));
  EXPECT_TRUE(holds({"a"}));
}

TEST_F(ReflectorTest, AWatchThatEndsGoesOnFromTheLastBookmark) {
  script_.push_back({200, list_of({"a"}, "10")});
  const auto live = add_watch();
  start();
  live->write(event("ADDED", "b", "11"));
  live->write(event("BOOKMARK", "", "20"));
  live->finish();
  EXPECT_TRUE(asks(2, "watch=true&allowWatchBookmarks=true&resourceVersion=20&"));
  EXPECT_TRUE(holds({"a", "b"})) << "a bookmark is no object";
  EXPECT_EQ(reflector_->health().failures, 0);
}

TEST_F(ReflectorTest, AConnectionCutInTheMiddleOfALineLosesNothing) {
  script_.push_back({200, list_of({}, "10")});
  const auto cut = add_watch();
  const auto resumed = add_watch();
  start();
  const std::string second = event("ADDED", "b", "12");
  cut->write(event("ADDED", "a", "11") + second.substr(0, second.size() / 2));
  cut->cut();
  EXPECT_TRUE(asks(2, "resourceVersion=11&")) << "the half event was not taken";
  resumed->write(second);
  EXPECT_TRUE(holds({"a", "b"}));
}

TEST_F(ReflectorTest, ASilentWatchIsGivenUpAndBegunAgain) {
  options_.silence = milliseconds(100);
  script_.push_back({200, list_of({"a"}, "10")});
  add_watch();
  const auto second = add_watch();
  start();
  EXPECT_TRUE(asks(2, "resourceVersion=10&"));
  second->write(event("ADDED", "b", "11"));
  EXPECT_TRUE(holds({"a", "b"}));
  EXPECT_THAT(reflector_->health().last_error, HasSubstr("no byte from the server for 100 ms"));
}

TEST_F(ReflectorTest, AnExpiredVersionIsListedAnewAndWhatWasDeletedMeanwhileIsGone) {
  script_.push_back({200, list_of({"a", "b"}, "10")});
  const auto live = add_watch();
  script_.push_back({200, list_of({"b", "c"}, "90")});
  start();
  EXPECT_TRUE(holds({"a", "b"}));
  live->write(R"({"type":"ERROR","object":)" + status(410, "Expired") + "}\n");
  EXPECT_TRUE(holds({"b", "c"}));
  EXPECT_TRUE(lists_as(2));
  EXPECT_TRUE(asks(3, "resourceVersion=90&"));
  EXPECT_EQ(reflector_->health().lists, 2U);
}

TEST_F(ReflectorTest, A410AsTheAnswerToAWatchIsTheSame) {
  script_.push_back({200, list_of({"a"}, "10")});
  script_.push_back({410, status(410, "Gone")});
  script_.push_back({200, list_of({"b"}, "90")});
  start();
  EXPECT_TRUE(holds({"b"}));
}

TEST_F(ReflectorTest, TheCopyStaysAsItWasWhileANewListFails) {
  script_.push_back({200, list_of({"a"}, "10")});
  script_.push_back({410, status(410, "Gone")});
  for (int i = 0; i < 3; ++i) script_.push_back({500, status(500, "InternalError")});
  script_.push_back({200, R"({"metadata":{"resourceVersion":"80"},"items":[{"metadata":{"name":"half"}},)"});
  script_.push_back({200, list_of({"b"}, "90")});
  options_.on_problem = [this](const ApiError&) { EXPECT_EQ(sink_.names(), Names{"a"}); };
  start();
  EXPECT_TRUE(holds({"b"}));
}

TEST_F(ReflectorTest, ABusyServerIsLeftAloneForAsLongAsItSays) {
  script_.push_back({200, list_of({"a"}, "10")});
  script_.push_back({429, status(429, "TooManyRequests"), {{"Retry-After", "3"}}});
  std::mutex mutex;
  std::vector<milliseconds> waits;
  options_.wait = [&](milliseconds duration, const std::stop_token& stop) {
    const std::lock_guard lock(mutex);
    waits.push_back(duration);
    return !stop.stop_requested();
  };
  start();
  EXPECT_TRUE(asks(2, "resourceVersion=10&"));
  stop();
  ASSERT_FALSE(waits.empty());
  EXPECT_EQ(waits.front(), milliseconds(50)) << "within the longest wait of this test's policy";
}

TEST_F(ReflectorTest, ALineThatIsTooLongOrNoJsonIsNotPassedOver) {
  client_options_.longest_line = 1000;
  script_.push_back({200, list_of({"a"}, "10")});
  const auto huge = add_watch();
  script_.push_back({200, list_of({"b"}, "20")});
  const auto garbage = add_watch();
  script_.push_back({200, list_of({"c"}, "30")});
  start();
  EXPECT_TRUE(holds({"a"}));
  huge->write(event("ADDED", std::string(2'000, 'x'), "11"));
  EXPECT_TRUE(holds({"b"})) << "an event was lost, so it lists";
  garbage->write("<html>a proxy's page</html>\n");
  EXPECT_TRUE(holds({"c"}));
}

TEST_F(ReflectorTest, ItsHealthTellsACopyThatWasNeverFilledFromOneThatIsCutOff) {
  for (int i = 0; i < 3; ++i) script_.push_back({403, status(403, "Forbidden")});
  script_.push_back({200, list_of({"a"}, "10")});
  const auto live = add_watch();
  for (int i = 0; i < 3; ++i) script_.push_back({403, status(403, "Forbidden")});
  start();
  EXPECT_TRUE(eventually([&] { return reflector_->health().listed; }));
  EXPECT_THAT(reflector_->health().last_error, HasSubstr("GET /api/v1/pods: 403 Forbidden"));
  const auto listed_at = reflector_->health().last_contact;
  ASSERT_TRUE(listed_at);
  live->write(event("BOOKMARK", "", "11"));
  EXPECT_TRUE(eventually([&] { return reflector_->health().last_contact > listed_at; }));
  live->cut();
  EXPECT_TRUE(eventually([&] { return reflector_->health().failures >= 3; }));
  EXPECT_TRUE(reflector_->health().listed);
}

TEST_F(ReflectorTest, AWatchThatEndsInGoodOrderConfirmsACopyInWhichNothingHappens) {
  options_.policy.shortest_watch = milliseconds(0);
  script_.push_back({200, list_of({"a"}, "10")});
  const auto quiet = add_watch();
  start();
  EXPECT_TRUE(asks(1, "watch="));
  const auto listed_at = reflector_->health().last_contact;
  quiet->finish();
  EXPECT_TRUE(asks(2, "resourceVersion=10&")) << "it goes on from the same version";
  EXPECT_GT(reflector_->health().last_contact, listed_at);
  EXPECT_EQ(reflector_->health().lists, 1U);
}

TEST_F(ReflectorTest, TheFirstWatchAfterAFailureIsShortSoThatItsEndConfirmsTheCopySoon) {
  options_.chance = [] { return 0.5; };
  script_.push_back({200, list_of({"a"}, "10")});
  const auto cut = add_watch();
  const auto short_one = add_watch();
  start();
  EXPECT_TRUE(asks(1, "&timeoutSeconds=45"));
  cut->cut();
  EXPECT_TRUE(asks(2, "&timeoutSeconds=7"));
  short_one->write(event("BOOKMARK", "", "11"));
  short_one->finish();
  EXPECT_TRUE(asks(3, "&timeoutSeconds=45"));
}

TEST_F(ReflectorTest, BeforeItsFirstListItIsNotListedAndHadNoContact) {
  for (int i = 0; i < 1000; ++i) script_.push_back({500, status(500, "InternalError")});
  start();
  EXPECT_TRUE(eventually([&] { return reflector_->health().failures >= 2; }));
  EXPECT_FALSE(reflector_->health().listed);
  EXPECT_FALSE(reflector_->health().last_contact);
}

TEST_F(ReflectorTest, AServerThatGoesAwayAndComesBackIsFoundAgain) {
  script_.push_back({200, list_of({"a"}, "10")});
  start();
  EXPECT_TRUE(holds({"a"}));
  EXPECT_TRUE(asks(1, "watch=true"));
  const int port = api_->port();
  api_.reset();
  EXPECT_TRUE(eventually([&] { return reflector_->health().failures >= 2; }));
  api_ = std::make_unique<FakeApi>(
      [](const FakeRequest& request) {
        const bool watches = request.target.find("watch=") != std::string::npos;
        if (watches && request.target.find("resourceVersion=10&") != std::string::npos) {
          return FakeAnswer{504, status(504, "Timeout")};  // as one restored from a backup: it knows no 10
        }
        if (watches) return FakeAnswer{.live = std::make_shared<LiveBody>()};
        return FakeAnswer{200, list_of({"b"}, "1")};
      },
      testing::FakeTls{}, port);
  EXPECT_TRUE(holds({"b"}));
}

}  // namespace
}  // namespace walguard::kube
