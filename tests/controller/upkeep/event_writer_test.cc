#include "operator/controller/event_writer.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/kube/client.h"
#include "operator/wire/event.h"
#include "tests/controller/upkeep/object_api.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using nlohmann::json;
using testing::ObjectApi;
using walguard::testing::eventually;
using wire::EventNote;

constexpr core::UtcSeconds kNow = 1'800'000'000;

EventNote note(const std::string& message, const std::string& uid = "u1") {
  return {.object = {"v1", "Pod", "shop", "web-0", uid},
          .type = EventNote::Type::kWarning,
          .reason = "PreflightFailed",
          .message = message};
}

TEST(EventFilter, TheSameWordsAreWorthARequestOnlyNowAndThen) {
  EventFilter filter{EventLimits{}};
  EXPECT_TRUE(filter.admit(note("no"), kNow));
  EXPECT_FALSE(filter.admit(note("no"), kNow + 299));
  EXPECT_TRUE(filter.admit(note("no"), kNow + 300));
  EXPECT_TRUE(filter.admit(note("still no"), kNow + 300));
}

TEST(EventFilter, AnObjectThatChangesItsWordsAllTheTimeIsHeldToItsShare) {
  EventFilter filter{EventLimits{}};
  int admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += filter.admit(note(std::to_string(i)), kNow) ? 1 : 0;
  EXPECT_EQ(admitted, 25);
  EXPECT_TRUE(filter.admit(note("another object's"), kNow) == false);
  EXPECT_TRUE(filter.admit(note("another object's", "u2"), kNow));
  EXPECT_TRUE(filter.admit(note("later"), kNow + 300));
  EXPECT_FALSE(filter.admit(note("later still"), kNow + 301));
}

TEST(EventFilter, ItsMemoryIsBounded) {
  EventFilter filter{EventLimits{.objects = 2}};
  EXPECT_TRUE(filter.admit(note("a", "u1"), kNow));
  EXPECT_TRUE(filter.admit(note("a", "u2"), kNow + 1));
  EXPECT_TRUE(filter.admit(note("a", "u3"), kNow + 2));
  EXPECT_FALSE(filter.admit(note("a", "u3"), kNow + 3));
  EXPECT_TRUE(filter.admit(note("a", "u1"), kNow + 3)) << "the oldest was forgotten";
}

TEST(Event, EqualNotesHaveOneNameWhoeverWritesThem) {
  EXPECT_EQ(wire::event_name(note("no")), wire::event_name(note("no")));
  EXPECT_NE(wire::event_name(note("no")), wire::event_name(note("yes")));
  EXPECT_NE(wire::event_name(note("no")), wire::event_name(note("no", "u2")));
  EventNote longest = note("no");
  longest.object.name = std::string(253, 'x');
  EXPECT_LE(wire::event_name(longest).size(), 253U);
}

TEST(Event, TheMessageIsCutAtACharacterWithinTheApisLimit) {
  std::string text;
  while (text.size() < 1100) text += "\xC3\xBC";  // u with two dots, two bytes
  const json event = json::parse(wire::event_object(note(text), "walguard-0", {}));
  const auto message = event["message"].get<std::string>();
  EXPECT_LE(message.size(), 1024U);
  EXPECT_EQ(message.substr(message.size() - 5), "\xC3\xBC...");
}

TEST(Event, OneAboutAClusterScopedObjectStandsInTheDefaultNamespace) {
  EventNote about = note("no");
  about.object.namespace_name.clear();
  const json event = json::parse(wire::event_object(about, "walguard-0", {}));
  EXPECT_EQ(event["metadata"]["namespace"], "default");
  EXPECT_FALSE(event["involvedObject"].contains("namespace"));
}

class EventWriterTest : public ::testing::Test {
 protected:
  void start(EventWriterOptions options = {}) {
    writer_.reset();  // it uses the client that goes now
    client_ = api_.client();
    options.reporter = "walguard-0";
    writer_ = std::make_unique<EventWriter>(*client_, options, LogLine(), [this] { return now_.load(); });
  }
  [[nodiscard]] json event(const EventNote& about) const {
    return api_.at("/api/v1/namespaces/shop/events/" + wire::event_name(about));
  }

  std::atomic<core::UtcSeconds> now_{kNow};
  ObjectApi api_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<EventWriter> writer_;
};

TEST_F(EventWriterTest, ANoteBecomesAnEventOfItsObject) {
  start();
  writer_->post(note("the volume is unsafe"));
  ASSERT_TRUE(eventually([&] { return !event(note("the volume is unsafe")).is_null(); }));
  const json written = event(note("the volume is unsafe"));
  EXPECT_EQ(written["involvedObject"]["uid"], "u1");
  EXPECT_EQ(written["type"], "Warning");
  EXPECT_EQ(written["reason"], "PreflightFailed");
  EXPECT_EQ(written["message"], "the volume is unsafe");
  EXPECT_EQ(written["source"]["component"], "walguard");
  EXPECT_EQ(written["firstTimestamp"], "2027-01-15T08:00:00Z");
}

TEST_F(EventWriterTest, WhatWasSaidBeforeARestartIsCountedAndNotRepeated) {
  start();
  writer_->post(note("no"));
  ASSERT_TRUE(eventually([&] { return !event(note("no")).is_null(); }));
  now_ += 60;
  start();
  writer_->post(note("no"));
  ASSERT_TRUE(eventually([&] { return event(note("no"))["count"] == 2; }));
  EXPECT_EQ(event(note("no"))["lastTimestamp"], "2027-01-15T08:01:00Z");
  EXPECT_EQ(event(note("no"))["firstTimestamp"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(api_.paths().size(), 1U);
}

TEST_F(EventWriterTest, AnApiServerThatHangsHoldsNobodyUpAndTheQueueIsBounded) {
  api_.interfere([](const kube::testing::FakeRequest&) {
    return kube::testing::FakeAnswer{.live = std::make_shared<kube::testing::LiveBody>()};
  });
  start({.longest_queue = 10});
  for (int i = 0; i < 1000; ++i) writer_->post(note(std::to_string(i)));
  EXPECT_GE(writer_->lost(), 980U);
  writer_.reset();  // and the end does not wait for the server
}

TEST_F(EventWriterTest, ARefusalLosesTheNoteAndNothingElse) {
  api_.interfere([](const kube::testing::FakeRequest&) { return ObjectApi::status(403, "Forbidden"); });
  start();
  writer_->post(note("no"));
  ASSERT_TRUE(eventually([&] { return writer_->lost() == 1; }));
  api_.interfere(nullptr);
  writer_->post(note("yes"));
  EXPECT_TRUE(eventually([&] { return !event(note("yes")).is_null(); }));
}

}  // namespace
}  // namespace walguard::controller
