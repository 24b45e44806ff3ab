#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace walguard::cli::testing {

/// A folder of its own for one test, removed at the end.
class TestFolder {
 public:
  TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder();

  [[nodiscard]] std::string path(const std::string& name = "") const;
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

/// One run of the real `walguard`, with its output in files. Killed at the end if it still runs.
class Program {
 public:
  Program(const TestFolder& folder, const std::vector<std::string>& arguments);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  void signal(int number) const;
  /// Waits for its end, up to 20 s; -1 when it did not end by itself with an exit code.
  int exit_code();
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string errors() const;

 private:
  std::string out_;
  std::string err_;
  pid_t pid_ = -1;
};

/// `walguard serve`, up.
class ServedWalguard {
 public:
  enum class State : std::uint8_t {
    kFolder,
    kCluster
  };  ///< --standalone on the folder's `state`, or without

  /// Waits until it says that it serves; `more` are further arguments. Throws when it does not within 20 s.
  ServedWalguard(const TestFolder& folder, const std::vector<std::string>& more,
                 State state = State::kFolder);

  [[nodiscard]] Program& program() { return program_; }
  [[nodiscard]] int https_port() const { return https_port_; }
  [[nodiscard]] int http_port() const { return http_port_; }
  [[nodiscard]] std::chrono::milliseconds started_within() const { return started_within_; }

 private:
  std::chrono::steady_clock::time_point begin_;
  Program program_;
  int https_port_ = 0;
  int http_port_ = 0;
  std::chrono::milliseconds started_within_{};
};

}  // namespace walguard::cli::testing
