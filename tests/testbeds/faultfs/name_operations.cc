// Lookups, directories and everything that changes a name.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/mount.h"
#include "tests/testbeds/faultfs/operations.h"
#include "tests/testbeds/faultfs/second_names.h"

namespace walguard::faultfs {
namespace {

int error_of(int result) { return result == 0 ? 0 : errno; }

// A name about to be changed: remembers what it led to, and tells the second mount's names after the change.
class NameChange {
 public:
  NameChange(Mount& mount, NodePtr directory, std::string name)
      : mount_(mount), directory_(std::move(directory)), name_(std::move(name)), before_(what_is_there()) {}

  void made(bool by_rename = false) const {
    SecondNames& names = mount_.store().second_names;
    if (mount_.is_second()) {
      names.second_changed(directory_->id(), name_);
    } else {
      names.first_changed(directory_->id(), name_, before_, what_is_there(), by_rename);
    }
  }

 private:
  [[nodiscard]] NodePtr what_is_there() const {
    return mount_.store().backing.find(*directory_, name_).value_or(nullptr);
  }

  Mount& mount_;
  NodePtr directory_;
  std::string name_;
  NodePtr before_;
};

// Made as root; a program that runs as somebody else owns what it makes.
int give_to_caller(fuse_req_t request, int directory, const char* name) {
  const fuse_ctx* const caller = ::fuse_req_ctx(request);
  return ::fchownat(directory, name, caller->uid, caller->gid, AT_SYMLINK_NOFOLLOW);
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Mount& mount = mount_of(request);
  reply_entry(request, mount.look_up(*mount.node(parent), name));
}

void forget(fuse_req_t request, fuse_ino_t number, std::uint64_t references) {
  mount_of(request).forget(number, references);
  ::fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (const fuse_forget_data& one : std::span(forgets, count))
    mount_of(request).forget(one.ino, one.nlookup);
  ::fuse_reply_none(request);
}

void make_directory(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  Mount& mount = mount_of(request);
  const NodePtr directory = mount.node(parent);
  const NameChange change(mount, directory, name);
  if (::mkdirat(directory->path_fd(), name, mode) != 0 ||
      give_to_caller(request, directory->path_fd(), name) != 0) {
    ::fuse_reply_err(request, errno);
    return;
  }
  change.made();
  reply_entry(request, mount.store().backing.find(*directory, name));
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  const NodePtr directory = mount.node(parent);
  const NameChange change(mount, directory, name);
  UniqueFd fd(::openat(directory->path_fd(), name,
                       (info->flags & ~(O_APPEND | O_DIRECT | O_ACCMODE)) | O_RDWR | O_CREAT | O_CLOEXEC,
                       mode));
  if (!fd.valid() || give_to_caller(request, directory->path_fd(), name) != 0) {
    ::fuse_reply_err(request, errno);
    return;
  }
  change.made();
  const auto made = mount.store().backing.find(*directory, name);
  if (!made) {
    ::fuse_reply_err(request, made.error());
    return;
  }
  const auto entry = entry_for(mount, *made);
  if (!entry) {
    ::fuse_reply_err(request, entry.error());
    return;
  }
  info->fh = mount.add_file(std::move(fd));
  info->direct_io = mount.uncached() ? 1 : 0;
  ::fuse_reply_create(request, &*entry, info);
}

void remove(fuse_req_t request, fuse_ino_t parent, const char* name, int flags) {
  Mount& mount = mount_of(request);
  const NodePtr directory = mount.node(parent);
  const NameChange change(mount, directory, name);
  const int error = error_of(::unlinkat(directory->path_fd(), name, flags));
  if (error == 0) change.made();
  ::fuse_reply_err(request, error);
}

void unlink_file(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, 0);
}

void remove_directory(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, AT_REMOVEDIR);
}

void rename_file(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                 const char* new_name, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) {
    ::fuse_reply_err(request, EINVAL);
    return;
  }
  Mount& mount = mount_of(request);
  const NodePtr from = mount.node(parent);
  const NodePtr to = mount.node(new_parent);
  const NameChange old_name(mount, from, name);
  const NameChange other_name(mount, to, new_name);
  const int error = error_of(::renameat2(from->path_fd(), name, to->path_fd(), new_name, flags));
  if (error == 0) {
    old_name.made(/*by_rename=*/true);
    other_name.made(/*by_rename=*/true);
  }
  ::fuse_reply_err(request, error);
}

void open_directory(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  UniqueFd fd(::openat(mount.node(number)->path_fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const listing = fd.valid() ? ::fdopendir(::dup(fd.get())) : nullptr;
  if (listing == nullptr) {
    ::fuse_reply_err(request, errno);
    return;
  }
  info->fh = mount.add_listing(listing);
  ::fuse_reply_open(request, info);
}

void read_directory(fuse_req_t request, fuse_ino_t /*number*/, std::size_t size, off_t offset,
                    fuse_file_info* info) {
  DIR* const listing = mount_of(request).listing(info->fh);
  ::seekdir(listing, offset);
  std::string buffer(size, '\0');
  std::size_t used = 0;
  while (const dirent* const entry = ::readdir(listing)) {
    struct stat status{};
    status.st_ino = entry->d_ino;
    status.st_mode = static_cast<mode_t>(DTTOIF(entry->d_type));
    const std::size_t needed =
        ::fuse_add_direntry(request, buffer.data() + used, size - used, entry->d_name, &status, entry->d_off);
    if (needed > size - used) break;
    used += needed;
  }
  ::fuse_reply_buf(request, buffer.data(), used);
}

void close_directory(fuse_req_t request, fuse_ino_t /*number*/, fuse_file_info* info) {
  mount_of(request).close_listing(info->fh);
  ::fuse_reply_err(request, 0);
}

void sync_directory(fuse_req_t request, fuse_ino_t /*number*/, int /*data_only*/, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  if (mount.store().io.sync_does_nothing()) {
    ::fuse_reply_err(request, 0);
  } else {
    ::fuse_reply_err(request, error_of(::fsync(::dirfd(mount.listing(info->fh)))));
  }
}

void filesystem_statistics(fuse_req_t request, fuse_ino_t /*number*/) {
  struct statvfs statistics{};
  const std::string path = mount_of(request).store().backing.root()->path();
  if (::statvfs(path.c_str(), &statistics) != 0) {
    ::fuse_reply_err(request, errno);
  } else {
    ::fuse_reply_statfs(request, &statistics);
  }
}

}  // namespace

Mount& mount_of(fuse_req_t request) { return *static_cast<Mount*>(::fuse_req_userdata(request)); }

OrErrno<fuse_entry_param> entry_for(Mount& mount, const NodePtr& node) {
  const auto attributes = mount.attributes(node);
  if (!attributes) return tl::unexpected(attributes.error());
  fuse_entry_param entry{};  // its timeouts are 0: the kernel asks again every time
  entry.ino = mount.remember(node);
  entry.attr = *attributes;
  return entry;
}

void reply_entry(fuse_req_t request, const OrErrno<NodePtr>& found) {
  if (!found) {
    ::fuse_reply_err(request, found.error());
    return;
  }
  const auto entry = entry_for(mount_of(request), *found);
  if (!entry) {
    ::fuse_reply_err(request, entry.error());
  } else {
    ::fuse_reply_entry(request, &*entry);
  }
}

void add_name_operations(fuse_lowlevel_ops& table) {
  table.lookup = lookup;
  table.forget = forget;
  table.forget_multi = forget_multi;
  table.mkdir = make_directory;
  table.create = create;
  table.unlink = unlink_file;
  table.rmdir = remove_directory;
  table.rename = rename_file;
  table.opendir = open_directory;
  table.readdir = read_directory;
  table.releasedir = close_directory;
  table.fsyncdir = sync_directory;
  table.statfs = filesystem_statistics;
}

}  // namespace walguard::faultfs
