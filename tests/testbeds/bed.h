#ifndef WALGUARD_TESTS_TESTBEDS_BED_H_
#define WALGUARD_TESTS_TESTBEDS_BED_H_

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/preflight/process/program.h"

/// Real filesystems for a test, set up on construction and taken down at the end, whatever happened in
/// between.
namespace walguard::testbeds {

/// Whether this build, and so its probe, has a sanitizer. Its shadow memory does not fit into the address
/// space that guests of user-mode Linux and sandboxes of gVisor give their processes: those beds are left out
/// then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Runs a command to its end; throws std::runtime_error with its output where that is not exit code 0.
void must_run(const std::vector<std::string>& command);
/// The same without caring how it ends.
void try_run(const std::vector<std::string>& command);

/// Why beds cannot be made here ("not root", "no mkfs.xfs"), or nullopt.
[[nodiscard]] std::optional<std::string> why_no_beds();
/// Whether a test whose bed cannot be made has failed, instead of being skipped: where CI=true.
[[nodiscard]] bool must_have_beds();
/// For beds that need more than the plain ones: their why_not_here, which also looks for these programs.
[[nodiscard]] std::function<std::optional<std::string>()> needs_programs(std::vector<std::string> programs);

class Bed {
 public:
  Bed() = default;
  Bed(const Bed&) = delete;
  Bed& operator=(const Bed&) = delete;
  ~Bed();

  /// A new directory below the bed's own.
  std::filesystem::path directory(const std::string& name);
  /// A sparse image of `megabytes`, formatted by mkfs.`fstype` and mounted.
  std::filesystem::path loop(const std::string& fstype, int megabytes);
  std::filesystem::path tmpfs(int megabytes);
  /// One more mount of `backing` by bindfs: a page cache and a lock table of its own.
  std::filesystem::path bindfs(const std::filesystem::path& backing, const std::string& name);
  /// An overlay's merged directory, named `name`, whose upper directory is `upper`; both on `base`.
  std::filesystem::path overlay(const std::filesystem::path& base, const std::filesystem::path& upper,
                                const std::string& name = "merged");

  void remount_read_only(const std::filesystem::path& mount_point);
  /// umount -l: the path leads elsewhere at once, the filesystem lives on until it is closed.
  void detach(const std::filesystem::path& mount_point);
  /// Mounts the image of loop() again.
  void mount_image(const std::filesystem::path& mount_point);
  /// Runs the command, which mounts `mount_point` before it returns or soon after. Throws where it does not.
  void mount(const std::vector<std::string>& command, const std::filesystem::path& mount_point);
  /// The same where `who` is mounting it already.
  void await_mount(const std::filesystem::path& mount_point, const std::string& who);
  /// Done when the bed is taken down, the last given first. Must not throw.
  void at_end(std::function<void()> undo);

 private:
  testing_support::TemporaryDirectory root_;
  std::vector<std::function<void()>> undo_;
  std::filesystem::path image_;
};

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_BED_H_
