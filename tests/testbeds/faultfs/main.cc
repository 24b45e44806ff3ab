#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <vector>

#include <poll.h>
#include <sys/stat.h>

#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/mount.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {
namespace {

// All requests of all mounts, one after the other, until everything is unmounted.
void serve(const std::vector<std::unique_ptr<Mount>>& mounts) {
  fuse_buf buffer{};
  while (true) {
    std::vector<pollfd> entries;
    std::vector<fuse_session*> sessions;
    for (const auto& mount : mounts) {
      if (::fuse_session_exited(mount->session()) != 0) continue;
      sessions.push_back(mount->session());
      entries.push_back({.fd = ::fuse_session_fd(mount->session()), .events = POLLIN, .revents = 0});
    }
    if (sessions.empty()) break;
    ::poll(entries.data(), entries.size(), -1);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].revents == 0) continue;
      if (::fuse_session_receive_buf(sessions[i], &buffer) > 0)
        ::fuse_session_process_buf(sessions[i], &buffer);
    }
  }
  std::free(buffer.mem);
}

int run(const Options& options) {
  ::umask(0);  // the kernel has applied the caller's
  Store store(options);
  std::vector<std::unique_ptr<Mount>> mounts;
  mounts.reserve(options.mounts.size());
  for (std::size_t i = 0; i < options.mounts.size(); ++i) {
    mounts.push_back(std::make_unique<Mount>(store, options, static_cast<int>(i)));
  }
  serve(mounts);
  return 0;
}

}  // namespace
}  // namespace walguard::faultfs

int main(int argc, char** argv) {
  const auto options = walguard::faultfs::parse_options(argc, argv);
  if (!options) return options.error();
  try {
    return walguard::faultfs::run(*options);
  } catch (const std::exception& exception) {
    std::cerr << "faultfs: " << exception.what() << "\n";
    return 1;
  }
}
