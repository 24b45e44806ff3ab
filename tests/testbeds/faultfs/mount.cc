#include "tests/testbeds/faultfs/mount.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <tl/expected.hpp>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

Mount::Mount(Store& store, const Options& options, int number)
    : store_(store), number_(number), uncached_(options.uncached()) {
  remember(store.backing.root());
  const std::string& point = options.mounts.at(static_cast<std::size_t>(number));
  std::string program = "faultfs";
  std::string flag = "-o";
  // The kernel judges permissions, by the attributes it is shown; a user of its own is not needed.
  std::string mount_options = "subtype=faultfs,allow_other,default_permissions,fsname=" + options.backing;
  std::array<char*, 4> argv = {program.data(), flag.data(), mount_options.data(), nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(3, argv.data());
  const fuse_lowlevel_ops table = operations();
  session_ = ::fuse_session_new(&arguments, &table, sizeof table, this);
  ::fuse_opt_free_args(&arguments);
  if (session_ == nullptr) throw std::runtime_error("no FUSE session");
  if (::fuse_session_mount(session_, point.c_str()) != 0) {
    ::fuse_session_destroy(session_);
    throw std::runtime_error("cannot mount on " + point);
  }
  // main.cc waits for all sessions at once, so no read may block.
  ::fcntl(::fuse_session_fd(session_), F_SETFL, O_NONBLOCK);
}

Mount::~Mount() {
  ::fuse_session_unmount(session_);
  ::fuse_session_destroy(session_);
}

fuse_ino_t Mount::remember(const NodePtr& node) {
  const auto [entry, is_new] = numbers_.try_emplace(node.get(), next_number_);
  if (is_new) nodes_.emplace(next_number_++, Known{.node = node});
  ++nodes_.at(entry->second).references;
  return entry->second;
}

void Mount::forget(fuse_ino_t number, std::uint64_t references) {
  const auto known = nodes_.find(number);
  if (known == nodes_.end() || number == FUSE_ROOT_ID) return;
  known->second.references -= references;
  if (known->second.references != 0) return;
  numbers_.erase(known->second.node.get());
  nodes_.erase(known);
}

OrErrno<NodePtr> Mount::look_up(const Node& directory, const std::string& name) const {
  auto found = store_.backing.find(directory, name);
  if (!is_second() || (!found && found.error() != ENOENT)) return found;
  NodePtr seen = store_.second_names.look_up(directory.id(), name, found.value_or(nullptr));
  if (seen == nullptr) return tl::unexpected(ENOENT);
  return seen;
}

OrErrno<struct stat> Mount::attributes(const NodePtr& node) const {
  struct stat status{};
  if (::fstat(node->path_fd(), &status) != 0) return tl::unexpected(errno);
  if (is_second() && S_ISREG(status.st_mode)) status.st_size = store_.second_bytes.size(node, status.st_size);
  return status;
}

std::uint64_t Mount::add_file(UniqueFd fd) {
  files_.emplace(next_handle_, std::move(fd));
  return next_handle_++;
}

std::uint64_t Mount::add_listing(DIR* listing) {
  listings_.emplace(next_handle_, listing);
  return next_handle_++;
}

}  // namespace walguard::faultfs
