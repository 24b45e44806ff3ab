// Two hosts, each played by a process of its own on loopback: the run itself, and every way in which the
// other side can be none. (Who comes in with the token and is no agent: false_agent_test.cc.)
#include "tests/preflight/process/two_hosts.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include "preflight/report/report.h"
#include "tests/preflight/process/program.h"
#include "tests/preflight/process/stranger.h"

namespace walguard::testing_support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

// The file that shows that a run is in the midst of the check named.
constexpr const char* kInLocks = "wg-locks.db";
constexpr const char* kInWorkload = "wg-wal-0.db-wal";

TEST_F(TwoHosts, AgreeOnOneReportAndOneExitCode) {
  listen({"--node-name", "n1"});
  connect({"--node-name", "n2"});
  EXPECT_EQ(a_->wait(), 0) << a_->out() << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->out() << b_->err();
  const report::Report report = report_of(*a_);
  EXPECT_EQ(report, report_of(*b_));
  EXPECT_EQ(report.verdict[report::Strategy::kWal], report::Verdict::kSafe);
  EXPECT_EQ(report.scope, report::Scope::kNode) << "one kernel, and names are not to be trusted";
  EXPECT_EQ(report.views.at(0).node, "n1");
  EXPECT_EQ(report.views.at(1).node, "n2");
  expect_clean();
}

TEST_F(TwoHosts, ReachTheClusterOnOneKernelOnlyByNamesThatAreTrusted) {
  listen({"--node-name", "n1", "--trust-node-names"});
  const std::string port = address().substr(address().rfind(':'));
  b_ = host(dir_.path(), {"--connect", "localhost" + port, "--node-name", "n2"});
  EXPECT_EQ(b_->wait(), 0) << b_->out() << b_->err();
  EXPECT_EQ(report_of(*b_).scope, report::Scope::kCluster);
  EXPECT_TRUE(report_of(*b_).node_names_trusted);
}

TEST_F(TwoHosts, OfOneNameNeverReachTheCluster) {
  listen({"--node-name", "n1", "--trust-node-names", "--strategy", "rollback"});
  connect({"--node-name", "n1", "--strategy", "wal"});
  const auto exit_code = a_->wait();
  EXPECT_EQ(exit_code, b_->wait()) << "the conductor's strategy decides on both";
  EXPECT_EQ(report_of(*b_).scope, report::Scope::kNode);
}

TEST_F(TwoHosts, MeetOverIPv6) {
  listen({}, "[::1]:0");
  const std::string port = address().substr(address().rfind(':'));
  EXPECT_EQ(address(), "[::1]" + port);
  connect();
  EXPECT_EQ(a_->wait(), 0) << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
}

TEST_F(TwoHosts, ThatDoNotShareADirectoryAreUnprovenAndLeftClean) {
  const TemporaryDirectory elsewhere;
  listen();
  b_ = host(elsewhere.path(), {"--connect", address()});
  expect_inconclusive(*a_,
                      "DIR of the other host \"" + elsewhere.path().string() + "\" does not show what DIR");
  expect_inconclusive(*b_, "does not show what DIR");
  expect_clean();
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

TEST_F(TwoHosts, EndBothWithBadInputWhereADirectoryIsNotThere) {
  listen();
  b_ = host(dir_.path() / "nowhere", {"--connect", address()});
  EXPECT_EQ(a_->wait(), 2);
  EXPECT_THAT(a_->err(),
              HasSubstr("DIR of the other host \"" + (dir_.path() / "nowhere").string() + "\" does not"));
  EXPECT_EQ(b_->wait(), 2);
  EXPECT_THAT(b_->err(), HasSubstr("nowhere\" does not exist"));
  expect_clean();
}

TEST_F(TwoHosts, NeverShowTheToken) {
  listen();
  b_ = host(dir_.path(), {"--connect", address()}, "another-token-that-is-secret");
  EXPECT_EQ(b_->wait(), 3);
  connect();
  wait_for(kInLocks);
  for (const pid_t pid : a_->family()) {
    if (pid == a_->pid()) continue;
    std::ifstream environment("/proc/" + std::to_string(pid) + "/environ");
    const std::string text(std::istreambuf_iterator<char>(environment), {});
    EXPECT_THAT(text, Not(HasSubstr(kToken))) << "a child process has it";
  }
  EXPECT_EQ(b_.get()->wait(), 0);
  EXPECT_EQ(a_->wait(), 0);
  for (const Program* const program : {a_.get(), b_.get()}) {
    EXPECT_THAT(program->out() + program->err(),
                AllOf(Not(HasSubstr(kToken)), Not(HasSubstr("that-is-secret"))));
  }
}

TEST_F(TwoHosts, NeedATokenAndSensibleOptions) {
  const std::string dir = dir_.path();
  struct Case {
    Words options;
    std::string token;
    std::string complaint;
  };
  const std::vector<Case> cases = {
      {{"--listen", "127.0.0.1:0"}, "", "WALGUARD_TOKEN is not set"},
      {{"--connect", "127.0.0.1:1"}, "too short", "WALGUARD_TOKEN has fewer than 16 characters"},
      {{"--listen", "127.0.0.1:0", "--connect", "127.0.0.1:1"}, kToken, " excludes "},
      {{"--listen", "127.0.0.1"}, kToken, "--listen \"127.0.0.1\" has no port"},
      {{"--listen", "localhost:0"}, kToken, "--listen \"localhost:0\" is no IP address"},
      {{"--listen", "192.0.2.1:0"}, kToken, "--listen \"192.0.2.1:0\" cannot be listened on: EADDRNOTAVAIL"},
      {{"--connect", "::1:7000"}, kToken, "--connect \"::1:7000\" must have an IPv6 address"},
      {{"--connect", "a:1", "--wait", "0"}, kToken, "--wait"},
      {{dir, "--connect", "a:1"}, kToken, "DIR2"},
      {{"--node-name", "a b"}, kToken, "--node-name"}};
  for (const Case& each : cases) {
    const auto program = host(dir, each.options, each.token);
    EXPECT_EQ(program->wait(), 2) << each.complaint;
    EXPECT_THAT(program->err(), HasSubstr(each.complaint));
    EXPECT_THAT(program->err(), Not(HasSubstr("too short")));
  }
  expect_clean();
}

// ---- Nobody, or the wrong one, comes to the listener.

TEST_F(TwoHosts, AListenerToWhomNobodyComesSaysSoInTime) {
  const auto start = Clock::now();
  listen({"--wait", "1"});
  expect_inconclusive(*a_, "the other host did not come to 127.0.0.1:");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  expect_clean();
}

TEST_F(TwoHosts, AListenerIsInterruptedTidily) {
  listen();
  a_->signal(SIGTERM);
  expect_inconclusive(*a_, "interrupted");
}

TEST_F(TwoHosts, AListenerRefusesStrangersByNameAndStillTakesTheRightOne) {
  listen();
  Stranger silent(address());
  Stranger web(address());
  web.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(web.has_been_hung_up_on());
  Stranger liar(address());
  liar.say("hello 1 0.0.1 " + std::string(32, 'a') + "\n");
  EXPECT_EQ(liar.hear(), "refused version");
  Stranger endless(address());
  endless.say(std::string(200'000, 'x'));
  EXPECT_TRUE(endless.has_been_hung_up_on());
  connect({}, "another-token-that-is-wrong");
  expect_inconclusive(*b_, "has another token");
  Stranger thief(address());
  EXPECT_FALSE(thief.join("a-third-token-that-is-wrong", dir_.path()));

  connect();
  EXPECT_EQ(a_->wait(), 0) << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
  EXPECT_THAT(a_->err(),
              AllOf(HasSubstr(" is no walguard-preflight"), HasSubstr(" has another version: \"0.0.1"),
                    HasSubstr(" sent a line of more than")));
}

TEST_F(TwoHosts, AListenerNamesWhomItRefusedWhenItsTimeIsOver) {
  listen({"--wait", "10"});
  Stranger thief(address());
  EXPECT_FALSE(thief.join("a-third-token-that-is-wrong", dir_.path()));
  expect_inconclusive(*a_, "has another token");
}

TEST_F(TwoHosts, AListenerHearsTheRightOneBehindACrowd) {
  listen();
  std::vector<std::unique_ptr<Stranger>> crowd;
  crowd.reserve(40);
  for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<Stranger>(address()));
  connect();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
  EXPECT_EQ(a_->wait(), 0) << a_->err();
}

TEST_F(TwoHosts, AListenerTakesOneOnly) {
  listen();
  connect();
  wait_for(kInLocks);
  const auto late = host(dir_.path(), {"--connect", address(), "--wait", "1"});
  expect_inconclusive(*late, "no conductor to connect to (127.0.0.1:");
  EXPECT_EQ(a_->wait(), 0);
  EXPECT_EQ(b_->wait(), 0);
}

// ---- The two lose each other.

TEST_F(TwoHosts, ThatLoseTheConnectingOneAreInconclusiveAndClean) {
  for (const char* const moment : {kInLocks, kInWorkload}) {
    listen();
    connect();
    wait_for(moment);
    const std::vector<pid_t> family = b_->family();
    b_->signal(SIGKILL);
    expect_inconclusive(*a_, "agent B is gone");
    EXPECT_TRUE(all_gone(family)) << moment;
    expect_clean();
  }
}

TEST_F(TwoHosts, ThatLoseTheConductorAreInconclusiveAndLeaveNoProcess) {
  for (const char* const moment : {kInLocks, kInWorkload}) {
    listen();
    connect();
    wait_for(moment);
    std::vector<pid_t> family = a_->family();
    const std::vector<pid_t> of_b = b_->family();
    family.insert(family.end(), of_b.begin(), of_b.end());
    a_->signal(SIGKILL);
    expect_inconclusive(*b_, "the conductor is gone");
    EXPECT_TRUE(all_gone(family)) << moment;
    expect_next_run_leaves_nothing();
  }
}

TEST_F(TwoHosts, ThatAreInterruptedOnTheConnectingSideAreInconclusiveOnBoth) {
  listen();
  connect();
  wait_for(kInLocks);
  b_->signal(SIGINT);
  expect_inconclusive(*b_, "interrupted");
  expect_inconclusive(*a_, "agent B is gone");
  expect_clean();
}

TEST_F(TwoHosts, WhoseConnectingSideStandsStillAreInconclusive) {
  listen();
  connect();
  wait_for(kInLocks);
  b_->signal(SIGSTOP);
  expect_inconclusive(*a_, "agent B is gone: it does not answer any more", std::chrono::seconds(90));
  b_->signal(SIGCONT);
  expect_inconclusive(*b_, "the conductor is gone");
}

// ---- The connecting side meets the wrong one.

TEST_F(TwoHosts, AConnectorThatFindsNobodySaysSoInTime) {
  const auto start = Clock::now();
  const std::string address_of_nobody = Door().address();
  const auto to_nobody = host(dir_.path(), {"--connect", address_of_nobody, "--wait", "1"});
  const auto to_no_name = host(dir_.path(), {"--connect", "no-such-name.invalid:7000", "--wait", "1"});
  expect_inconclusive(*to_nobody, "ECONNREFUSED");
  expect_inconclusive(*to_no_name, "no-such-name.invalid");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
}

TEST_F(TwoHosts, AConnectorWaitsForItsConductor) {
  std::string nobody_yet = Door().address();
  b_ = host(dir_.path(), {"--connect", nobody_yet});
  // It has tried, in vain: its socket to that port has come and gone, which nobody can see. So the conductor
  // simply comes later than it.
  listen({}, nobody_yet);
  EXPECT_EQ(a_->wait(), 0) << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
}

TEST_F(TwoHosts, AConnectorToWhatIsNoConductorIsInconclusive) {
  struct Case {
    std::string words;
    std::string why;
  };
  const std::vector<Case> cases = {
      {"SSH-2.0-OpenSSH_9.2\r\n", "is no walguard-preflight"},
      {"challenge " + std::string(32, 'a') + "\nwelcome 60 " + std::string(64, '0') + "\n",
       "has another token"},
      {"refused version\n", "has another version"},
      {"refused \x1b[2J\n", "?[2J"}};
  for (const Case& each : cases) {
    Door door;
    b_ = host(dir_.path(), {"--connect", door.address()});
    Stranger conductor = door.open();
    conductor.say(each.words);
    expect_inconclusive(*b_, each.why);
  }
}

TEST_F(TwoHosts, AConnectorToAListenerThatOnlyHangsUpTriesAgain) {
  Door door;
  b_ = host(dir_.path(), {"--connect", door.address(), "--wait", "60"});
  for (int i = 0; i < 3; ++i) door.open().hang_up();
  Stranger endless = door.open();
  endless.say(std::string(200'000, 'x'));
  door.open().hang_up();
  b_->signal(SIGTERM);
  expect_inconclusive(*b_, "interrupted");
}

TEST_F(TwoHosts, AConnectorTakesNoResultForOneThatIsNone) {
  struct Case {
    std::string result;
    int exit_code;
  };
  const std::vector<Case> cases = {
      {R"({"exit":4,"problem":"it broke"})", 4},
      {R"({"exit":0,"problem":"it is safe"})", 3},
      {R"({"exit":256,"problem":"it is safe"})", 3},
      {R"({"strategies":["wal"],"report":{}})", 3},
      {"{\"report\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", 3}};
  for (const Case& each : cases) {
    Door door;
    b_ = host(dir_.path(), {"--connect", door.address()});
    Stranger conductor = door.open();
    ASSERT_TRUE(conductor.welcome(kToken));
    conductor.say("done 0 " + each.result + "\n");
    EXPECT_EQ(b_->wait(), each.exit_code) << each.result.substr(0, 80) << "\n" << b_->out() << b_->err();
  }
}

TEST_F(TwoHosts, AConnectorToAListenerThatSaysNothingIsInconclusive) {
  Door door;
  b_ = host(dir_.path(), {"--connect", door.address(), "--wait", "1"});
  Stranger silent = door.open();
  expect_inconclusive(*b_, "did not finish its greeting in time");
}

}  // namespace
}  // namespace walguard::testing_support
