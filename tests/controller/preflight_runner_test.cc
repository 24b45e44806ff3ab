// Real child processes: shell scripts that stand for walguard-preflight.
#include "operator/controller/preflight_runner.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/process/child_process.h"
#include "tests/controller/support.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TempDir;
using namespace std::chrono_literals;

core::ProbeRequest request_for(const std::string& storage_class) {
  core::ProbeRequest request;
  request.key.storage_class = storage_class;
  return request;
}

class PreflightRunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Orphans of our children become ours, as they do where walguard is process 1 of its container.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child or a zombie is left";
    EXPECT_EQ(errno, ECHILD);
  }

  RunResult run(const std::string& script, const std::stop_token& stop = {}) {
    const std::string program = dir_ / "preflight.sh";
    testing::write_file(program, "#!/bin/sh\n" + script);
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return run_program(program, stop);
  }
  RunResult run_program(const std::string& program, const std::stop_token& stop = {}) {
    PreflightRunner runner({program, "quick"}, paths_, limits_);
    return runner.run(request_, stop);
  }

  TempDir dir_;
  StoragePaths paths_ = {{"fast", {"/srv/fast", ""}}};
  core::ProbeRequest request_ = request_for("fast");
  process::ChildLimits limits_;
};

TEST_F(PreflightRunnerTest, AReportComesWithItsExitCode) {
  for (const int code : {0, 1, 3}) {
    const RunResult result = run("echo '{\"a\": 1}'; exit " + std::to_string(code));
    ASSERT_TRUE(result.report) << result.reason;
    EXPECT_EQ(result.report, "{\"a\": 1}\n");
    EXPECT_EQ(result.exit_code, code);
    EXPECT_EQ(result.reason, "");
  }
}

TEST_F(PreflightRunnerTest, TheCommandLineNamesThePathsAndAsksForOneNode) {
  paths_["fast"].second_view = "/srv/fast-2";
  const RunResult result = run("printf '\"%s\"' \"$*\"");
  EXPECT_EQ(result.report.value_or(result.reason),
            "\"run /srv/fast /srv/fast-2 --profile quick --strategy all -o json --scope node\"");
}

TEST_F(PreflightRunnerTest, AQuestionAboutTheClusterIsNotNarrowedToOneNode) {
  request_.scope = core::Scope::kCluster;
  const RunResult result = run("printf '\"%s\"' \"$*\"");
  EXPECT_EQ(result.report.value_or(result.reason),
            "\"run /srv/fast --profile quick --strategy all -o json\"");
}

TEST_F(PreflightRunnerTest, ExitCode2IsNoReportAndStderrSaysWhy) {
  const RunResult result = run("echo '{}'; echo 'run: /srv/fast: No such file\n or directory' >&2; exit 2");
  EXPECT_FALSE(result.report);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.reason, "the preflight ended with exit code 2: run: /srv/fast: No such file or directory");
}

TEST_F(PreflightRunnerTest, ACrashIsNoReport) {
  const RunResult result = run("echo '{}'; kill -SEGV $$");
  EXPECT_FALSE(result.report);
  EXPECT_EQ(result.exit_code, -1);
  EXPECT_THAT(result.reason, HasSubstr("killed by signal 11"));
}

TEST_F(PreflightRunnerTest, GarbageHalfAReportAndSilenceAreNoReport) {
  for (const char* output : {"echo hello", "printf '{\"verdict\": {\"wal\": \"sa'", "true"}) {
    const RunResult result = run(output);
    EXPECT_FALSE(result.report);
    EXPECT_THAT(result.reason, HasSubstr("no JSON report"));
  }
}

TEST_F(PreflightRunnerTest, AHangEndsAtTheDeadline) {
  limits_.deadline = 100ms;
  const RunResult result = run("exec sleep 1000");
  EXPECT_FALSE(result.report);
  EXPECT_THAT(result.reason, StartsWith("the preflight did not end within 1 s"));
}

TEST_F(PreflightRunnerTest, AHangThatIgnoresSigtermIsKilledAfterTheGrace) {
  limits_.deadline = 100ms;
  limits_.grace = 100ms;
  const RunResult result = run("trap '' TERM; while :; do sleep 1000; done");
  EXPECT_THAT(result.reason, HasSubstr("did not end within"));
}

TEST_F(PreflightRunnerTest, SigtermLeavesItTheTimeToTidyUp) {
  limits_.deadline = 200ms;
  const std::string tidied = dir_ / "tidied";
  const RunResult result = run("trap 'touch " + tidied + "; exit 3' TERM; sleep 1000 & wait");
  EXPECT_THAT(result.reason, HasSubstr("did not end within"));
  EXPECT_TRUE(std::filesystem::exists(tidied));
}

TEST_F(PreflightRunnerTest, AStopEndsARunThatIsUnderWay) {
  const std::string started = dir_ / "started";
  std::stop_source source;
  std::jthread stopper([&] {
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(started); }));
    source.request_stop();
  });
  const RunResult result = run("touch " + started + "; exec sleep 1000", source.get_token());
  EXPECT_FALSE(result.report);
  EXPECT_THAT(result.reason, HasSubstr("shutting down"));
}

TEST_F(PreflightRunnerTest, AStopBeforeTheStartEndsItAtOnce) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(run("exec sleep 1000", source.get_token()).reason, HasSubstr("shutting down"));
}

TEST_F(PreflightRunnerTest, MoreOutputThanTheLimitEndsTheRun) {
  limits_.output = 100'000;
  const RunResult result = run("while :; do echo 0123456789012345678901234567890123456789; done");
  EXPECT_FALSE(result.report);
  EXPECT_THAT(result.reason, HasSubstr("wrote more than 100000 bytes"));
}

TEST_F(PreflightRunnerTest, OutputUpToTheLimitIsAllThere) {
  const RunResult result = run("printf '\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"'");
  EXPECT_EQ(result.report.value_or("").size(), 1'000'002U) << result.reason;
}

TEST_F(PreflightRunnerTest, OfALongStderrTheEndIsKept) {
  const RunResult result =
      run("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo ' the last words' >&2; exit 4");
  EXPECT_THAT(result.reason, StartsWith("the preflight ended with exit code 4: ..."));
  EXPECT_THAT(result.reason, HasSubstr("the last words"));
  EXPECT_LT(result.reason.size(), 400U);
}

TEST_F(PreflightRunnerTest, AProgramThatCannotBeStartedIsAReason) {
  EXPECT_THAT(run_program(dir_ / "missing").reason, HasSubstr("No such file or directory"));
  testing::write_file(dir_ / "plain", "text");
  EXPECT_THAT(run_program(dir_ / "plain").reason, HasSubstr("Permission denied"));
}

TEST_F(PreflightRunnerTest, AnOrphanThatHoldsStdoutOpenNeitherHoldsUpTheResultNorStays) {
  const std::string pid_file = dir_ / "pid";
  const RunResult result = run("sleep 1000 & echo $! > " + pid_file + "; echo '{}'");
  EXPECT_TRUE(result.report) << result.reason;
  int orphan = 0;
  std::ifstream(pid_file) >> orphan;
  ASSERT_GT(orphan, 0);
  EXPECT_EQ(::kill(orphan, 0), -1) << "the orphan lives on";  // and TearDown sees that it is no zombie
}

TEST_F(PreflightRunnerTest, NoDescriptorOfOursReachesTheChild) {
  const int ours = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a careless library does
  ASSERT_GE(ours, 0);
  const int high = ::fcntl(ours, F_DUPFD, 100);
  process::ChildRunner children(limits_);
  const process::ChildEnd end = children.run({"ls", "/proc/self/fd"}, {});
  ::close(high);
  ::close(ours);
  EXPECT_EQ(end.output, "0\n1\n2\n3\n") << "3 is what ls reads the folder by";
}

TEST_F(PreflightRunnerTest, OurTokensAreNotInTheChildsEnvironment) {
  ::setenv("WALGUARD_TOKEN", "secret", 1);
  ::setenv("SHARED_VALUE", "kept", 1);
  const RunResult result = run("printf '\"%s%s\"' \"$WALGUARD_TOKEN\" \"$SHARED_VALUE\"");
  ::unsetenv("WALGUARD_TOKEN");
  ::unsetenv("SHARED_VALUE");
  EXPECT_EQ(result.report.value_or(result.reason), "\"kept\"");
}

TEST_F(PreflightRunnerTest, AVariableGivenToTheChildTakesThePlaceOfOurs) {
  ::setenv("SHARED_VALUE", "ours", 1);
  process::ChildRunner children(limits_);
  const process::ChildEnd end = children.run({"printenv", "SHARED_VALUE"}, {}, {"SHARED_VALUE=given"});
  ::unsetenv("SHARED_VALUE");
  EXPECT_EQ(end.output, "given\n");
}

TEST_F(PreflightRunnerTest, BlockedAndIgnoredSignalsAreNotHandedDown) {
  // A server blocks SIGTERM in every thread and ignores SIGPIPE; a child that inherited that could not be
  // ended.
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
  const RunResult term_result = run("kill -TERM $$; echo '{}'");
  const RunResult pipe_result = run("kill -PIPE $$; echo '{}'");
  ::signal(SIGPIPE, pipe_before);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(term_result.reason, HasSubstr("killed by signal 15"));
  EXPECT_THAT(pipe_result.reason, HasSubstr("killed by signal 13"));
}

TEST_F(PreflightRunnerTest, ManyRunsAtOnceKeepTheirResultsApart) {
  const std::string program = dir_ / "preflight.sh";
  testing::write_file(program, "#!/bin/sh\nprintf '\"%s\"' \"$2\"\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  for (int i = 0; i < 8; ++i) paths_["class-" + std::to_string(i)] = {"/srv/" + std::to_string(i), ""};
  PreflightRunner runner({program, "quick"}, paths_, limits_);
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&runner, i] {
      const std::string number = std::to_string(i);
      EXPECT_EQ(runner.run(request_for("class-" + number), {}).report, "\"/srv/" + number + "\"");
    });
  }
}

TEST_F(PreflightRunnerTest, AClassWithoutAPathAndAForeignRuntimeAreRefusedWithoutARun) {
  request_.key.storage_class = "slow";
  EXPECT_THAT(run("echo '{}'").reason, HasSubstr("no --storage-path tells where class slow lives"));
  request_.key.storage_class = "fast";
  request_.key.runtime_handler = "runsc";
  EXPECT_THAT(run("echo '{}'").reason, HasSubstr("says nothing of runtime runsc"));
}

TEST(ParseStoragePath, TakesOneOrTwoViews) {
  EXPECT_EQ(parse_storage_path("fast=/a"), (std::pair<std::string, StoragePath>{"fast", {"/a", ""}}));
  EXPECT_EQ(parse_storage_path("fast=/a=b,/c"),
            (std::pair<std::string, StoragePath>{"fast", {"/a=b", "/c"}}));
}

TEST(ParseStoragePath, RefusesWhatItWouldHaveToGuess) {
  for (const char* bad : {"", "fast", "=/a", "fast=", "fast=,/b", "fast=/a,", "fast=/a,/b,/c",
                          "fast=relative", "fast=/a,--listen"}) {
    EXPECT_FALSE(parse_storage_path(bad)) << bad;
  }
}

TEST(ReachOf, ClassesAreProvenAsFarAsOneNodeByOneOrTwoViews) {
  const core::ProbeReach reach = reach_of({{"one", {"/a", ""}}, {"two", {"/a", "/b"}}});
  ASSERT_EQ(reach.classes.size(), 2U);
  EXPECT_EQ(reach.classes.at("one").widest, core::Scope::kNode);
  EXPECT_EQ(reach.classes.at("one").views, 1);
  EXPECT_EQ(reach.classes.at("two").views, 2);
}

}  // namespace
}  // namespace walguard::controller
