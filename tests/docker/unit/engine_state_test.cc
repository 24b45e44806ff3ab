#include "operator/docker/engine_state.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/docker/container_mounts.h"
#include "operator/docker/engine_api.h"
#include "tests/support/files.h"

namespace walguard::docker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string id_of(char letter) { return std::string(64, letter); }

std::string inspected(char letter, const std::string& name) {
  return R"({"Id":")" + id_of(letter) + R"(","Name":"/)" + name +
         R"(","State":{"Status":"running"},"Image":"sha256:1","Config":{"Image":"app:1"},"HostConfig":{"Runtime":"runc"},)" +
         R"("Mounts":[{"Type":"bind","Source":"/srv/)" + name + R"(","Destination":"/data","RW":true}]})";
}

/// Answers from a table; events are those that the test puts in.
class FakeEngine : public EngineApi {
 public:
  FakeEngine() {
    answers_["/info"] = R"({"OperatingSystem":"Debian","DefaultRuntime":"runc"})";
    answers_["/volumes"] = R"({"Volumes":[]})";
    answers_["/containers/json?all=1"] = "[]";
  }

  void answer(const std::string& target, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[target] = body;
  }
  void has_container(char letter, const std::string& name) {
    answer("/containers/" + id_of(letter) + "/json", inspected(letter, name));
  }
  void list(const std::string& body) { answer("/containers/json?all=1", body); }
  void emit(const std::string& type, const std::string& action, const std::string& id) {
    const std::lock_guard lock(mutex_);
    events_.push_back(R"({"Type":")" + type + R"(","Action":")" + action + R"(","Actor":{"ID":")" + id +
                      R"("}})");
    changed_.notify_all();
  }
  void emit_line(std::string line) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(line));
    changed_.notify_all();
  }
  void break_off(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
    broken_ = true;
    changed_.notify_all();
  }
  /// Called while the containers are listed.
  std::function<void()> during_list = [] {};

  tl::expected<std::string, EngineError> get(const std::string& target,
                                             const std::stop_token& /*stop*/) override {
    if (target == "/containers/json?all=1") during_list();
    const std::lock_guard lock(mutex_);
    if (down_) return tl::unexpected(EngineError{.not_found = false, .message = "connection refused"});
    const auto found = answers_.find(target);
    if (found == answers_.end()) return tl::unexpected(EngineError{.not_found = true, .message = "404"});
    return found->second;
  }

  tl::expected<void, EngineError> stream(const std::string& target, std::chrono::milliseconds longest,
                                         const std::function<void()>& on_open, const OnLine& on_line,
                                         const std::stop_token& stop) override {
    {
      const std::lock_guard lock(mutex_);
      EXPECT_THAT(target, HasSubstr("/events?since="));
      if (down_) return tl::unexpected(EngineError{.not_found = false, .message = "connection refused"});
      broken_ = false;
    }
    on_open();
    const auto end = std::chrono::steady_clock::now() + longest;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const bool something =
          changed_.wait_until(lock, stop, end, [this] { return broken_ || !events_.empty(); });
      if (!something) return {};
      if (broken_) return tl::unexpected(EngineError{.not_found = false, .message = "connection reset"});
      const std::string line = events_.front();
      events_.erase(events_.begin());
      lock.unlock();
      if (!on_line(line)) return {};
      lock.lock();
    }
    return tl::unexpected(EngineError{.not_found = false, .message = "stopped"});
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::string> answers_;
  std::vector<std::string> events_;
  bool down_ = false;
  bool broken_ = false;
};

EngineStateOptions quick() {
  return {.first_wait = std::chrono::milliseconds(1), .longest_wait = std::chrono::milliseconds(5)};
}

const std::string kOneListed =
    R"([{"Id":")" + id_of('a') + R"(","Names":["/a"],"Image":"app:1","State":"running"}])";

TEST(EngineState, IsNotCurrentBeforeItHasListedEverything) {
  FakeEngine engine;
  const EngineState state(engine, quick());
  EXPECT_FALSE(state.healthy());
  EXPECT_FALSE(state.get()->current);
  EXPECT_THAT(state.get()->why_not_current, HasSubstr("not been asked"));
}

TEST(EngineState, ListsContainersVolumesAndWhatTheEngineIs) {
  FakeEngine engine;
  engine.list(kOneListed);
  engine.has_container('a', "a");
  engine.answer("/volumes",
                R"({"Volumes":[{"Name":"v","Driver":"local","Mountpoint":"/m","Options":{"type":"nfs"}}]})");
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  const auto snapshot = state.get();
  EXPECT_EQ(snapshot->info.value().default_runtime, "runc");
  ASSERT_NE(find_container(*snapshot, "a"), nullptr);
  EXPECT_EQ(find_container(*snapshot, "a")->container.mounts.at(0).source, "/srv/a");
  EXPECT_EQ(snapshot->volumes.at("v")->options.at("type"), "nfs");
}

TEST(EngineState, EventsBringAndTakeContainersAndVolumes) {
  FakeEngine engine;
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.has_container('b', "b");
  engine.emit("container", "create", id_of('b'));
  ASSERT_TRUE(walguard::testing::eventually([&] { return find_container(*state.get(), "b") != nullptr; }));
  engine.has_container('b', "renamed");
  engine.emit("container", "rename", id_of('b'));
  ASSERT_TRUE(
      walguard::testing::eventually([&] { return find_container(*state.get(), "renamed") != nullptr; }));
  EXPECT_EQ(find_container(*state.get(), "renamed")->first_seen, 1U) << "it is the one that was there";
  engine.answer("/volumes", R"({"Volumes":[{"Name":"v","Driver":"local"}]})");
  engine.emit("volume", "create", "v");
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.get()->volumes.contains("v"); }));
  engine.emit("container", "destroy", id_of('b'));
  EXPECT_TRUE(walguard::testing::eventually([&] { return state.get()->containers.empty(); }));
  EXPECT_TRUE(state.healthy());
}

TEST(EngineState, WhatHappensDuringTheListIsNotMissed) {
  FakeEngine engine;
  engine.during_list = [&] {
    engine.has_container('c', "c");
    engine.emit("container", "create", id_of('c'));
  };
  EngineState state(engine, quick());
  state.start();
  EXPECT_TRUE(walguard::testing::eventually([&] { return find_container(*state.get(), "c") != nullptr; }));
}

TEST(EngineState, AContainerThatGoesWhileItIsListedIsLeftOut) {
  FakeEngine engine;
  engine.list(kOneListed);  // and no answer for it
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  EXPECT_TRUE(state.get()->containers.empty());
}

TEST(EngineState, ALostEngineIsNotCurrentAndIsListedAnewWhenItIsBack) {
  FakeEngine engine;
  engine.list(kOneListed);
  engine.has_container('a', "a");
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.break_off(/*down=*/true);
  ASSERT_TRUE(walguard::testing::eventually([&] { return !state.healthy(); }));
  EXPECT_THAT(state.health().why_not_current, HasSubstr("connection re"));
  EXPECT_NE(find_container(*state.get(), "a"), nullptr) << "what was seen last stays";
  engine.list("[]");
  engine.break_off(/*down=*/false);
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  EXPECT_TRUE(state.get()->containers.empty());
  EXPECT_GE(state.health().lists, 2U);
}

TEST(EngineState, AnEventThatCannotBeReadMakesItListAnew) {
  FakeEngine engine;
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.list(kOneListed);
  engine.has_container('a', "a");
  engine.emit_line("{\"Type\":");
  EXPECT_TRUE(walguard::testing::eventually([&] { return find_container(*state.get(), "a") != nullptr; }));
}

TEST(EngineState, AnEngineThatReadsItsConfigurationAnewIsAskedForItsDefaultRuntime) {
  FakeEngine engine;
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.answer("/info", R"({"OperatingSystem":"Debian","DefaultRuntime":"runsc"})");
  const auto soon = std::chrono::system_clock::now().time_since_epoch() + std::chrono::seconds(1);
  engine.emit_line(R"({"Type":"daemon","Action":"reload","Actor":{"ID":"x"},"timeNano":)" +
                   std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(soon).count()) + "}");
  EXPECT_TRUE(
      walguard::testing::eventually([&] { return state.get()->info.value().default_runtime == "runsc"; }));
}

TEST(EngineState, EverythingIsListedAnewFromTimeToTime) {
  FakeEngine engine;
  auto options = quick();
  options.relist_after = std::chrono::milliseconds(5);
  EngineState state(engine, options);
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.list(kOneListed);
  engine.has_container('a', "a");
  EXPECT_TRUE(walguard::testing::eventually([&] { return find_container(*state.get(), "a") != nullptr; }));
}

TEST(EngineState, AStoppedStateIsNoLongerCurrent) {
  FakeEngine engine;
  EngineState state(engine, quick());
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  state.stop();
  EXPECT_FALSE(state.healthy());
}

TEST(EngineState, TheLogIsToldOnceWhenTheEngineIsLostAndOnceWhenItIsBack) {
  FakeEngine engine;
  std::mutex mutex;
  std::vector<std::string> said;
  auto options = quick();
  options.on_change = [&](const std::string& line) {
    const std::lock_guard lock(mutex);
    said.push_back(line);
  };
  EngineState state(engine, options);
  state.start();
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  engine.break_off(/*down=*/true);
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.health().failures > 5; }));
  engine.break_off(/*down=*/false);
  ASSERT_TRUE(walguard::testing::eventually([&] { return state.healthy(); }));
  state.stop();
  EXPECT_THAT(said, Contains("the engine's containers and volumes are in view").Times(2));
  EXPECT_THAT(said, Contains(HasSubstr("connection refused")).Times(1));
}

}  // namespace
}  // namespace walguard::docker
