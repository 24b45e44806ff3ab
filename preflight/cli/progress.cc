#include "preflight/cli/progress.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

#include "preflight/conductor/run.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

void print(const std::string& text) {
  (void)std::fputs(text.c_str(), stderr);
  (void)std::fflush(stderr);
}

class QuietProgress : public Progress {
 public:
  void begin(std::string_view /*what*/, double /*budget_seconds*/) override {}
  void tick() override {}
  void end() override {}
  void notice(std::string_view text) override { print("walguard-preflight: " + std::string(text) + "\n"); }
};

class TerminalProgress : public Progress {
 public:
  void begin(std::string_view what, double budget_seconds) override {
    what_ = what;
    budget_ = budget_seconds;
    start_ = Clock::now();
    show();
  }
  void tick() override {
    if (what_.empty() || Clock::now() - shown_ < kInterval) return;
    show();
  }
  void end() override {
    what_.clear();
    print(kClearLine);
  }
  void notice(std::string_view text) override {
    print(kClearLine + "walguard-preflight: " + std::string(text) + "\n");
  }

 private:
  static constexpr auto kInterval = std::chrono::milliseconds(200);
  inline static const std::string kClearLine = "\r\x1b[K";

  void show() {
    shown_ = Clock::now();
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(shown_ - start_).count();
    print(kClearLine + "  " + what_ + "  " + std::to_string(elapsed) + " s of at most " +
          std::to_string(static_cast<int>(budget_)) + " s");
  }

  std::string what_;
  double budget_ = 0;
  Clock::time_point start_;
  Clock::time_point shown_;
};

}  // namespace

std::unique_ptr<Progress> make_progress() {
  if (::isatty(STDERR_FILENO) == 1) return std::make_unique<TerminalProgress>();
  return std::make_unique<QuietProgress>();
}

}  // namespace walguard::preflight
