#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_OPTIONS_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_OPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

/// faultfs: a filesystem for tests that passes everything through to a directory and has exactly one fault.
///
/// One process serves one or two mounts of one directory, in one thread, so nothing in it is ever locked. Two
/// mounts are two page caches in the kernel, as two nodes have; the faults of "the second mount" are what a
/// node with a stale cache sees.
namespace walguard::faultfs {

enum class Fault {
  kNone,
  // Locks
  kLocksAlwaysGranted,
  kGetlkLies,
  kLocksKeptAfterDeath,
  kOfdUnknown,
  kEnolck,
  kLocksPerMount,
  kHangAfter,
  // Bytes, on any mount
  kMmapRefused,
  kLostWrite,
  kTornWrite,
  kFsyncFails,
  kFsyncNothing,
  kEioAfter,
  kShortReads,
  // What the second mount sees
  kStalePages,
  kDelay,
  kStaleSize,
  kTruncateUnseen,
  kStaleDirents,
  kNegativeDirents,
  kRenameUnseen,
};

struct FaultInfo {
  Fault fault;
  std::string_view name;  ///< as in -o fault=NAME
  int fewest_mounts;
  std::string_view what;  ///< one line for --help
};
[[nodiscard]] const std::vector<FaultInfo>& all_faults();

struct Options {
  std::string backing;              ///< the directory behind it all
  std::vector<std::string> mounts;  ///< one or two mount points
  Fault fault = Fault::kNone;
  int n = 50;          ///< for lost-write, eio-after, hang-after
  double seconds = 1;  ///< for delay

  /// Reads and writes go past the kernel's page cache: with two mounts, so that they see each other at once.
  [[nodiscard]] bool uncached() const;
};

/// Reads the command line. In place of options an exit code, when help or a complaint has been printed.
[[nodiscard]] tl::expected<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_OPTIONS_H_
