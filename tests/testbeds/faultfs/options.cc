#include "tests/testbeds/faultfs/options.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <tl/expected.hpp>

namespace walguard::faultfs {
namespace {

constexpr std::size_t kNameColumn = 22;

std::string list_of_faults() {
  std::string text = "Faults (* = needs two mounts; only the second one suffers):\n";
  for (const FaultInfo& info : all_faults()) {
    std::string name = std::string(info.name) + (info.fewest_mounts > 1 ? "*" : "");
    name.resize(std::max(name.size(), kNameColumn), ' ');
    text += "  " + name + " " + std::string(info.what) + "\n";
  }
  return text;
}

// One of "fault=NAME", "n=NUMBER", "seconds=NUMBER"; throws CLI::ValidationError.
void take_setting(const std::string& setting, Options& options) {
  const std::size_t equals = setting.find('=');
  const std::string key = setting.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
  try {
    if (key == "n") {
      options.n = std::stoi(value);
      return;
    }
    if (key == "seconds") {
      options.seconds = std::stod(value);
      return;
    }
  } catch (const std::exception&) {
    throw CLI::ValidationError("-o " + setting, "is no number");
  }
  const auto found = std::ranges::find(all_faults(), value, &FaultInfo::name);
  if (key != "fault" || found == all_faults().end()) {
    throw CLI::ValidationError("-o " + setting, "is unknown; see --help");
  }
  if (static_cast<std::size_t>(found->fewest_mounts) > options.mounts.size()) {
    throw CLI::ValidationError("-o " + setting, "needs a second mount point");
  }
  options.fault = found->fault;
}

}  // namespace

const std::vector<FaultInfo>& all_faults() {
  static const std::vector<FaultInfo> faults = {
      {Fault::kLocksAlwaysGranted, "locks-always-granted", 1, "every lock is granted to everybody"},
      {Fault::kGetlkLies, "getlk-lies", 1, "F_GETLK finds everything unlocked; F_SETLK is right"},
      {Fault::kLocksKeptAfterDeath, "locks-kept-after-death", 1,
       "only an explicit unlock ends a lock, not close and not death"},
      {Fault::kOfdUnknown, "ofd-unknown", 1, "F_OFD_SETLK and F_OFD_GETLK are EINVAL"},
      {Fault::kEnolck, "enolck", 1, "every lock is ENOLCK"},
      {Fault::kLocksPerMount, "locks-per-mount", 2, "a lock keeps out the processes of its own mount alone"},
      {Fault::kHangAfter, "hang-after", 1, "after n lock requests no further one is ever answered"},
      {Fault::kMmapRefused, "mmap-refused", 1, "a shared mapping is ENODEV (direct I/O)"},
      {Fault::kLostWrite, "lost-write", 1, "every nth write is acknowledged and never stored"},
      {Fault::kTornWrite, "torn-write", 1, "of a write of 4 KiB or more the second half is never stored"},
      {Fault::kFsyncFails, "fsync-fails", 1, "fsync and fdatasync are EIO"},
      {Fault::kFsyncNothing, "fsync-nothing", 1, "fsync and fdatasync do nothing and say they did"},
      {Fault::kEioAfter, "eio-after", 1, "after n writes every read and write is EIO"},
      {Fault::kShortReads, "short-reads", 1,
       "a read of more than 512 bytes brings its first half (direct I/O)"},
      {Fault::kStalePages, "stale-pages", 2, "pages once read are never read again"},
      {Fault::kDelay, "delay", 2, "bytes, sizes and names show as they were `seconds` ago"},
      {Fault::kStaleSize, "stale-size", 2, "a file keeps the size it was first seen with"},
      {Fault::kTruncateUnseen, "truncate-unseen", 2, "a file that was looked at never gets shorter"},
      {Fault::kStaleDirents, "stale-dirents", 2,
       "a name once found is still there when it is removed or renamed"},
      {Fault::kNegativeDirents, "negative-dirents", 2, "a name once not found is never found"},
      {Fault::kRenameUnseen, "rename-unseen", 2,
       "a rename of or onto a name once looked up changes neither name"},
  };
  return faults;
}

bool Options::uncached() const {
  return mounts.size() > 1 || fault == Fault::kMmapRefused || fault == Fault::kShortReads;
}

tl::expected<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  std::vector<std::string> settings;
  CLI::App app(
      "Mounts BACKING on MOUNT, and on MOUNT2 as a second node would, with one fault or none.\n"
      "Stays in the foreground until all of it is unmounted. Regular files and directories only.",
      "faultfs");
  app.add_option("-o", settings, "fault=NAME, n=NUMBER (50), seconds=NUMBER (1), separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("BACKING", options.backing, "An existing directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("MOUNT", options.mounts, "One or two existing directories")
      ->required()
      ->expected(1, 2)
      ->check(CLI::ExistingDirectory);
  app.footer(list_of_faults());
  try {
    app.parse(argc, argv);
    for (const std::string& setting : settings) take_setting(setting, options);
  } catch (const CLI::ParseError& error) {
    return tl::unexpected(app.exit(error));
  }
  return options;
}

}  // namespace walguard::faultfs
