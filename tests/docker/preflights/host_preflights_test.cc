#include "operator/docker/host_preflights.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/plugin_judge.h"
#include "operator/docker/preflight_container.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/controller/support.h"
#include "tests/docker/preflights/fake_engine.h"
#include "tests/support/files.h"

namespace walguard::docker {
namespace {

using core::Scope;
using core::Strategy;
using core::Verdict;
using testing::FakeEngine;
using ::testing::HasSubstr;
using walguard::testing::eventually;
using walguard::testing::TempDir;

std::string utc_text(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

std::string failed_report(const std::string& filesystem) {
  report::Report report;
  report.verdict[report::Strategy::kWal] = report::Verdict::kUnsafe;
  report.scope = report::Scope::kNode;
  report.reasons = {"byte-range-locks: both agents were granted byte 120"};
  report.checks = {
      {.id = "byte-range-locks", .result = report::CheckResult::kFail, .detail = "x", .numbers = {}}};
  const report::View view{.path = "/volume",
                          .fstype = filesystem,
                          .magic = "0x1021997",
                          .device = "0:5",
                          .kernel = "4.4.0",
                          .boot_id = "b",
                          .sandbox = "",
                          .node = ""};
  report.views = {view, view};
  report.sqlite_version = "3.40.1";
  report.probe_version = "0.1.0";
  report.started = utc_text(std::time(nullptr) - 1);  // an old one would be measured anew
  report.seconds = 1;
  return report::encode_report(report);
}

WantedPreflight wanted_volume(const std::string& runtime, const std::string& name = "data") {
  WantedPreflight wanted;
  wanted.key.volume = "docker:" + name;
  wanted.key.driver = "local";
  wanted.key.runtime_handler = runtime;
  wanted.volume = name;
  wanted.runtime = runtime;
  return wanted;
}

WantedPreflight wanted_bind(const std::string& path) {
  WantedPreflight wanted;
  wanted.key.volume = "hostPath:" + path;
  wanted.key.driver = "hostPath";
  wanted.path = path;
  return wanted;
}

class HostPreflightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    engine_.volume_json = volume_at("/srv/data/_data");
    engine_.report = failed_report("9p");
    engine_.exit_code = 1;
    options_.container.image = "walguard:test";
    options_.command.binary = script("exit 2");
    options_.tick = std::chrono::milliseconds(1);
    options_.limits.first_backoff = 0;
    options_.limits.longest_backoff = 0;
  }

  static std::string volume_at(const std::string& path, const std::string& options = "null") {
    return R"({"Name":"data","Driver":"local","CreatedAt":"2026-01-01T00:00:00Z","Mountpoint":")" + path +
           R"(","Labels":null,"Options":)" + options + "}";
  }

  /// A program that stands for walguard-preflight.
  std::string script(const std::string& text) {
    const std::string program = dir_ / "preflight.sh";
    walguard::testing::write_file(program,
                                  "#!/bin/sh\necho \"$@\" >>" + (dir_ / "calls") + "\n" + text + "\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return program;
  }

  void start() {
    if (!store_) {
      auto opened = controller::EvidenceStore::open(dir_ / "data", catalog_);
      ASSERT_TRUE(opened) << opened.error();
      store_ = *std::move(opened);
    }
    HostPreflightParts parts;
    parts.sees = [this](const std::string&) { return sees_; };
    parts.now = [] { return core::UtcSeconds{std::time(nullptr)}; };
    auto started = HostPreflights::start(*store_, engine_, engine_, std::move(parts), options_);
    ASSERT_TRUE(started) << started.error();
    host_ = *std::move(started);
  }

  [[nodiscard]] bool finished(const std::function<bool(const std::string& reason)>& check = {}) {
    return eventually([&] {
      const auto status = host_->status();
      return std::ranges::any_of(status.probes, [&](const auto& probe) {
        return probe.last_outcome && (!check || check(probe.last_reason));
      });
    });
  }
  [[nodiscard]] bool says(const std::string& words) {
    return finished([&](const std::string& reason) { return reason.find(words) != std::string::npos; });
  }

  TempDir dir_;
  const core::Catalog catalog_ = controller::testing::small_catalog();
  FakeEngine engine_;
  HostPreflightOptions options_;
  bool sees_ = true;
  std::unique_ptr<controller::EvidenceStore> store_;
  std::unique_ptr<HostPreflights> host_;
};

TEST_F(HostPreflightsTest, AVolumeUnderASandboxIsMeasuredInAContainerOfItsRuntimeThatIsRemoved) {
  start();
  host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(finished());
  ASSERT_EQ(engine_.count("POST /containers/create?name=walguard-preflight-"), 1U);
  const std::string create = engine_.orders().front();
  const auto body = nlohmann::json::parse(create.substr(create.find('\n')));
  EXPECT_EQ(body["Image"], "walguard:test");
  EXPECT_EQ(body["Labels"]["walguard.preflight"], "run");
  const auto& host = body["HostConfig"];
  EXPECT_EQ(host["Runtime"], "runsc");
  EXPECT_EQ(host["NetworkMode"], "none");
  EXPECT_EQ(host["ReadonlyRootfs"], true);
  EXPECT_EQ(host["SecurityOpt"][0], "no-new-privileges");
  EXPECT_EQ(host["CapDrop"][0], "ALL");
  EXPECT_GT(host["Memory"], 0);
  EXPECT_GT(host["PidsLimit"], 0);
  EXPECT_EQ(host["Mounts"][0]["Source"], "data");
  EXPECT_EQ(host["Mounts"][0]["Type"], "volume");
  EXPECT_EQ(engine_.orders().back(), "DELETE /containers/" + std::string(64, 'a') + "?force=1");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "calls")) << "a child process says nothing of a sandbox";
}

TEST_F(HostPreflightsTest, WhatIsProvenInASandboxSpeaksOfOneContainerAndIsThereAfterARestart) {
  start();
  host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(finished());
  host_.reset();
  const auto kept = store_->load_all();
  ASSERT_TRUE(kept) << kept.error();
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().scope, Scope::kContainer) << "the report says node";
  EXPECT_EQ(kept->front().key, wanted_volume("runsc").key);
  start();
  ASSERT_EQ(host_->evidence()->all().size(), 1U);
  EXPECT_EQ(host_->evidence()->all()[0].verdicts[Strategy::kWal], Verdict::kUnsafe);
}

TEST_F(HostPreflightsTest, TheSameKeyIsMeasuredOnceHoweverOftenItIsWanted) {
  engine_.report = failed_report("9p");
  start();
  for (int i = 0; i < 100; ++i) host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(finished());
  for (int i = 0; i < 100; ++i) host_->want(wanted_volume("runsc"));
  EXPECT_EQ(host_->status().probes.size(), 1U);
  EXPECT_EQ(engine_.count("/containers/create"), 1U);
}

TEST_F(HostPreflightsTest, AHostVolumeIsMeasuredByAChildProcessAtItsMountpoint) {
  options_.command.binary = script("cat <<'END'\n" + failed_report("ext4") + "\nEND\nexit 1");
  start();
  host_->want(wanted_volume(""));
  ASSERT_TRUE(finished());
  EXPECT_EQ(engine_.count("create"), 0U);
  ASSERT_EQ(host_->evidence()->all().size(), 1U);
  EXPECT_EQ(host_->evidence()->all()[0].scope, Scope::kNode);
}

TEST_F(HostPreflightsTest, AVolumeWithOptionsIsMountedByAContainerAndNeverMeasuredBelowItsMount) {
  engine_.volume_json = volume_at("/srv/data/_data", R"({"type":"ext4","device":"/dev/loop9"})");
  start();
  host_->want(wanted_volume(""));
  ASSERT_TRUE(finished());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "calls"));
  ASSERT_GE(engine_.count("/containers/create"), 1U) << host_->status().probes.at(0).last_reason;
  EXPECT_THAT(engine_.orders().front(), HasSubstr(R"("Runtime":"runc")"))
      << "the engine's default is a sandbox";
}

TEST_F(HostPreflightsTest, APathThatThisProcessDoesNotSeeIsMeasuredInAContainer) {
  sees_ = false;
  start();
  host_->want(wanted_bind("/srv/app"));
  ASSERT_TRUE(finished());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "calls"));
  ASSERT_GE(engine_.count("/containers/create"), 1U) << host_->status().probes.at(0).last_reason;
  EXPECT_THAT(engine_.orders().front(), HasSubstr(R"("Type":"bind","Source":"/srv/app")"));
}

TEST_F(HostPreflightsTest, AFolderThatAChildMayNotWriteToIsMeasuredInAContainer) {
  start();
  host_->want(wanted_bind("/srv/app"));
  ASSERT_TRUE(finished());
  EXPECT_TRUE(std::filesystem::exists(dir_ / "calls"));
  EXPECT_GE(engine_.count("/containers/create"), 1U);
}

TEST_F(HostPreflightsTest, WithoutAnImageTheReasonNamesTheOptionAndNothingIsMade) {
  options_.container.image.clear();
  start();
  host_->want(wanted_volume("runsc"));
  EXPECT_TRUE(says("--preflight-image"));
  EXPECT_EQ(engine_.orders().size(), 0U);
}

TEST_F(HostPreflightsTest, AnImageThatTheEngineDoesNotHaveIsNamedWithTheRemedy) {
  engine_.create_error = EngineError{.not_found = true, .message = "the engine answered 404: no such image"};
  start();
  host_->want(wanted_volume("runsc"));
  EXPECT_TRUE(says("the engine has no image \"walguard:test\": load it there"));
  EXPECT_GE(engine_.count("DELETE /containers/walguard-preflight-"), 1U) << "the answer may have been lost";
}

TEST_F(HostPreflightsTest, AVolumeThatIsNotThereYetIsMeasuredOnceTheEngineHasMadeIt) {
  engine_.volume_json.reset();
  options_.limits.first_backoff = 1;
  options_.limits.longest_backoff = 1;
  start();
  host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(says("is not there, or not yet"));
  EXPECT_EQ(engine_.count("create"), 0U) << "the engine would make it up";
  engine_.change([](FakeEngine& engine) { engine.volume_json = volume_at("/srv/data/_data"); });
  EXPECT_TRUE(eventually([&] { return host_->evidence()->all().size() == 1; }));
}

TEST_F(HostPreflightsTest, AVolumeThatNeverComesIsForgottenAndMayBeWantedAgain) {
  engine_.volume_json.reset();
  start();
  host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(eventually([&] { return engine_.asked().size() >= 6 && host_->status().probes.empty(); }));
  engine_.change([](FakeEngine& engine) { engine.volume_json = volume_at("/srv/data/_data"); });
  host_->want(wanted_volume("runsc"));
  EXPECT_TRUE(eventually([&] { return host_->evidence()->all().size() == 1; }));
}

TEST_F(HostPreflightsTest, AContainerThatDoesNotStartIsRemovedAndSaysWhy) {
  engine_.start_fails = true;
  start();
  host_->want(wanted_volume("runsc"));
  EXPECT_TRUE(says("could not be started: the runtime is broken"));
  EXPECT_GE(engine_.count("DELETE /containers/" + std::string(64, 'a')), 1U);
}

TEST_F(HostPreflightsTest, AContainerThatFailsSaysItsLastWordsAndProvesNothing) {
  engine_.report = "no JSON";
  engine_.error_text = "cannot write to /volume\n";
  start();
  host_->want(wanted_volume("runsc"));
  EXPECT_TRUE(says("exit code 1 and no JSON report: cannot write to /volume"));
  EXPECT_TRUE(host_->evidence()->all().empty());
}

TEST_F(HostPreflightsTest, AStopEndsTheContainerSoThatItCleansUpAndThenRemovesIt) {
  engine_.hangs = true;
  start();
  host_->want(wanted_volume("runsc"));
  ASSERT_TRUE(eventually([&] { return engine_.count("/wait") == 1; }));
  host_->stop();
  const auto orders = engine_.orders();
  ASSERT_GE(orders.size(), 2U);
  EXPECT_THAT(orders[orders.size() - 2], HasSubstr("/stop?t="));
  EXPECT_THAT(orders.back(), HasSubstr("DELETE /containers/"));
}

TEST_F(HostPreflightsTest, WhatAnEarlierRunHasLeftIsRemovedAndAnotherContainerWithTheLabelIsNot) {
  engine_.list_failures = 1;
  engine_.list_json =
      R"([{"Id":"left","Names":["/walguard-preflight-0a"],"Labels":{"walguard.preflight":"run"}},)"
      R"({"Id":"other","Names":["/shop"],"Labels":{"walguard.preflight":"run"}}])";
  start();
  EXPECT_TRUE(eventually([&] { return engine_.count("DELETE /containers/left?force=1") == 1; }));
  EXPECT_EQ(engine_.count("/containers/other"), 0U);
}

TEST_F(HostPreflightsTest, AReportOfAnotherFilesystemThanTheJudgedOneIsNoEvidence) {
  core::EvidenceKey key = wanted_bind("/srv/app").key;
  key.fs_type = "ext4";
  EXPECT_TRUE(host_evidence(failed_report("ext4"), key));
  const auto other = host_evidence(failed_report("9p"), key);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error(), HasSubstr("the storage was ext4"));
}

TEST(StreamOfLog, TakesTheFramesOfOneStreamAndACutOneAsFarAsItGoes) {
  const std::string log =
      FakeEngine::frame(1, "ab") + FakeEngine::frame(2, "xyz") + FakeEngine::frame(1, "cdef");
  EXPECT_EQ(stream_of_log(log, 1), "abcdef");
  EXPECT_EQ(stream_of_log(log, 2), "xyz");
  EXPECT_EQ(stream_of_log(std::string_view(log).substr(0, log.size() - 2), 1), "abcd");
}

TEST(SeesFilesOf, OwnMountinfoShowsTheSameFilesAndNoneShowsNothing) {
  // "/" is no mount where the tests run in a chroot.
  EXPECT_TRUE(sees_files_of("/proc/self/mountinfo", "/proc"));
  EXPECT_FALSE(sees_files_of("", "/proc"));
  EXPECT_FALSE(sees_files_of("/proc/self/no-such-file", "/proc"));
}

/// With the real walguard-preflight as a child process.
TEST_F(HostPreflightsTest, ABindOnThisMachineIsProvenByTheRealPreflightWhichLeavesNothing) {
  options_.command.binary = WALGUARD_PREFLIGHT_BINARY;
  const std::string folder = dir_ / "bind";
  std::filesystem::create_directory(folder);
  start();
  host_->want(wanted_bind(folder));
  ASSERT_TRUE(eventually([&] { return !host_->evidence()->all().empty(); }, std::chrono::seconds(100)))
      << host_->status().probes.at(0).last_reason;
  const auto answer = host_->evidence()->ask(wanted_bind(folder).key, Strategy::kWal, Scope::kNode,
                                             std::time(nullptr), 600, 0);
  EXPECT_EQ(answer.verdict, Verdict::kSafe);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(engine_.count("create"), 0U);
}

}  // namespace
}  // namespace walguard::docker
