#include "tests/testbeds/faultfs_mount.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {

FaultFs mount_faultfs(Bed& bed, const std::string& options, int mounts) {
  FaultFs made{.backing = bed.tmpfs(256), .mounts = {}};
  std::vector<std::string> command = {WALGUARD_FAULTFS_BINARY, made.backing};
  for (int i = 0; i < mounts; ++i) {
    made.mounts.push_back(bed.directory("mount-" + std::to_string(i)));
    command.push_back(made.mounts.back());
  }
  if (!options.empty()) command.insert(command.begin() + 1, {"-o", options});

  const auto daemon = std::make_shared<testing_support::Program>(command);
  // It ends by itself when all is unmounted. Where a fault has left a process hanging in a request, only its
  // end frees that process: the Program kills it after the wait.
  bed.at_end([daemon] { (void)daemon->wait(std::chrono::seconds(2)); });
  for (const std::filesystem::path& point : made.mounts) bed.await_mount(point, "faultfs");
  return made;
}

}  // namespace walguard::testbeds
