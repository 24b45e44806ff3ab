// Two hosts with one command line, as the pods of an Indexed Job have it: the rank tells them apart.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "preflight/link/unique_fd.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"
#include "tests/preflight/process/two_hosts.h"

namespace walguard::testing_support {
namespace {

using ::testing::HasSubstr;

/// A port that was free a moment ago.
std::string free_port() {
  const preflight::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(misc-include-cleaner): socklen_t is of sys/socket.h
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return std::to_string(ntohs(address.sin_port));
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Pair : public TwoHosts {
 protected:
  std::unique_ptr<Program> rank(const std::string& rank, const std::string& at) {
    return host(dir_.path(), {"--pair", at, "--rank", rank, "--compact", messages_.path() / rank});
  }
  TemporaryDirectory messages_;
};

TEST_F(Pair, MeetsByOneNameAndBothLeaveTheSameTerminationMessage) {
  const std::string at = "localhost:" + free_port();
  b_ = rank("1", at);  // comes first, and waits
  a_ = rank("0", at);
  EXPECT_EQ(a_->wait(), 0) << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
  const auto report = report::parse_report(content(messages_.path() / "0"));
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->verdict[report::Strategy::kWal], report::Verdict::kSafe);
  EXPECT_EQ(content(messages_.path() / "0"), content(messages_.path() / "1"));
  expect_clean();
}

TEST_F(Pair, OnALoopbackAddressIsHeardThereAlone) {
  const std::string at = "127.0.0.1:" + free_port();
  a_ = rank("0", at);
  ASSERT_TRUE(eventually([this] { return !address().empty() || !a_->running(); }));
  EXPECT_EQ(address(), at) << a_->err();
  b_ = rank("1", at);
  EXPECT_EQ(a_->wait(), 0) << a_->err();
  EXPECT_EQ(b_->wait(), 0) << b_->err();
}

TEST_F(Pair, WhoseNameNeverAppearsIsUnprovenAndSaysSoInItsTerminationMessage) {
  b_ = host(dir_.path(), {"--pair", "no-such-name.invalid:7070", "--rank", "1", "--wait", "1", "--compact",
                          messages_.path() / "1"});
  expect_inconclusive(*b_, "no conductor to connect to");
  EXPECT_THAT(content(messages_.path() / "1"), HasSubstr("no conductor to connect to"));
}

TEST_F(Pair, IsRefusedWithOneClearErrorWhereItsOptionsMakeNoSense) {
  struct Case {
    Words options;
    std::string complaint;
  };
  const std::vector<Case> cases = {
      {{"--pair", "a:1"}, "--pair needs --rank 0 or --rank 1"},
      {{"--rank", "0"}, "--rank needs --pair HOST:PORT"},
      {{"--pair", "a:1", "--rank", "$(JOB_COMPLETION_INDEX)"}, "completionMode: Indexed"},
      {{"--pair", "a:1", "--rank", "2"}, "--rank \"2\" is neither 0 nor 1"},
      {{"--pair", "a:1", "--rank", "-1"}, "--rank \"-1\" is neither 0 nor 1"},
      {{"--pair", "a", "--rank", "0"}, "--pair \"a\" has no port"},
      {{"--pair", "a:0", "--rank", "0"}, "must name the port"},
      {{"--pair", "a:1", "--rank", "0", "--listen", "127.0.0.1:0"}, "leave out --listen and --connect"},
      {{dir_.path(), "--pair", "a:1", "--rank", "0"}, "DIR2 is for the other host to name"}};
  for (const Case& each : cases) {
    const auto program = host(dir_.path(), each.options);
    EXPECT_EQ(program->wait(), 2) << each.complaint;
    EXPECT_THAT(program->err(), HasSubstr(each.complaint));
    EXPECT_THAT(program->err(), ::testing::Not(HasSubstr("internal")));
  }
  expect_clean();
}

}  // namespace
}  // namespace walguard::testing_support
