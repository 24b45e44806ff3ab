#ifndef WALGUARD_TESTS_PREFLIGHT_PROCESS_TWO_HOSTS_H_
#define WALGUARD_TESTS_PREFLIGHT_PROCESS_TWO_HOSTS_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "tests/preflight/process/program.h"

/// What the tests of a run between two hosts share.
namespace walguard::testing_support {

inline constexpr const char* kToken = "only-the-two-hosts-know-this";

inline report::Report report_of(const Program& program) {
  const auto report = report::parse_report(program.out());
  EXPECT_TRUE(report) << report.error() << "\n" << program.out() << program.err();
  return report.value_or(report::Report{});
}

/// Two runs of the probe in one directory that meet over loopback, or one run and a stranger.
class TwoHosts : public ::testing::Test {
 protected:
  using Words = std::vector<std::string>;

  static std::unique_ptr<Program> host(const std::filesystem::path& dir, const Words& options,
                                       const std::string& token = kToken) {
    Words arguments = {WALGUARD_PREFLIGHT_BINARY, "run", dir, "-o", "json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return std::make_unique<Program>(arguments, Words{"WALGUARD_TOKEN=" + token});
  }
  /// A conductor on a free port.
  void listen(const Words& options = {}, const std::string& on = "127.0.0.1:0") {
    Words all = {"--listen", on};
    all.insert(all.end(), options.begin(), options.end());
    a_ = host(dir_.path(), all);
    ASSERT_TRUE(eventually([this] { return !address().empty() || !a_->running(); }));
    ASSERT_FALSE(address().empty()) << a_->err();
  }
  /// Where the conductor says it listens.
  [[nodiscard]] std::string address() const {
    constexpr std::string_view kBefore = "waiting for the other host on ";
    const std::string said = a_->err();
    const std::size_t at = said.find(kBefore);
    const std::size_t end = said.find('\n', at);
    if (at == std::string::npos || end == std::string::npos) return {};
    return said.substr(at + kBefore.size(), end - at - kBefore.size());
  }
  void connect(const Words& options = {}, const std::string& token = kToken) {
    Words all = {"--connect", address()};
    all.insert(all.end(), options.begin(), options.end());
    b_ = host(dir_.path(), all, token);
  }
  void wait_for(const std::string& file) {
    ASSERT_TRUE(eventually([&] { return probe_has_made(dir_.path(), file); })) << file;
  }
  /// Exit 3, a report that says why, and nothing left behind.
  static void expect_inconclusive(Program& program, const std::string& why,
                                  std::chrono::seconds patience = std::chrono::seconds(60)) {
    EXPECT_EQ(program.wait(patience), 3) << why << "\n" << program.err();
    EXPECT_THAT(report_of(program).reasons, ::testing::Contains(::testing::HasSubstr(why)));
  }
  void expect_clean() const { EXPECT_TRUE(std::filesystem::is_empty(dir_.path())); }
  void expect_next_run_leaves_nothing() {
    Program next({WALGUARD_PREFLIGHT_BINARY, "run", dir_.path()});
    EXPECT_EQ(next.wait(), 0) << next.out() << next.err();
    expect_clean();
  }
  static bool all_gone(const std::vector<pid_t>& family) {
    return eventually([&] { return std::none_of(family.begin(), family.end(), is_alive); });
  }

  TemporaryDirectory dir_;
  std::unique_ptr<Program> a_;
  std::unique_ptr<Program> b_;
};

}  // namespace walguard::testing_support

#endif  // WALGUARD_TESTS_PREFLIGHT_PROCESS_TWO_HOSTS_H_
