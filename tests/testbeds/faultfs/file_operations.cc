// Open files: attributes, bytes, syncs and locks.
#include <array>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/lock_service.h"
#include "tests/testbeds/faultfs/mount.h"
#include "tests/testbeds/faultfs/operations.h"
#include "tests/testbeds/faultfs/second_bytes.h"

namespace walguard::faultfs {
namespace {

int error_of(int result) { return result == 0 ? 0 : errno; }

void reply_attributes(fuse_req_t request, const NodePtr& node) {
  const auto attributes = mount_of(request).attributes(node);
  if (!attributes) {
    ::fuse_reply_err(request, attributes.error());
  } else {
    ::fuse_reply_attr(request, &*attributes, /*attr_timeout=*/0);
  }
}

void get_attributes(fuse_req_t request, fuse_ino_t number, fuse_file_info* /*info*/) {
  reply_attributes(request, mount_of(request).node(number));
}

int truncate_file(Mount& mount, const NodePtr& node, off_t size) {
  SecondBytes& second = mount.store().second_bytes;
  if (mount.is_second()) {
    second.second_truncates(node, size);
  } else {
    second.first_truncates(node, size);
  }
  return error_of(::truncate(node->path().c_str(), size));
}

int set_times(const Node& node, const struct stat& wanted, int which) {
  constexpr timespec kOmit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  constexpr timespec kNow{.tv_sec = 0, .tv_nsec = UTIME_NOW};
  std::array<timespec, 2> times = {kOmit, kOmit};
  if ((which & FUSE_SET_ATTR_ATIME) != 0) times[0] = wanted.st_atim;
  if ((which & FUSE_SET_ATTR_ATIME_NOW) != 0) times[0] = kNow;
  if ((which & FUSE_SET_ATTR_MTIME) != 0) times[1] = wanted.st_mtim;
  if ((which & FUSE_SET_ATTR_MTIME_NOW) != 0) times[1] = kNow;
  return error_of(::utimensat(AT_FDCWD, node.path().c_str(), times.data(), 0));
}

int change_owner(const Node& node, const struct stat& wanted, int which) {
  constexpr auto kLeaveUser = static_cast<uid_t>(-1);
  constexpr auto kLeaveGroup = static_cast<gid_t>(-1);
  return error_of(::fchownat(node.path_fd(), "",
                             (which & FUSE_SET_ATTR_UID) != 0 ? wanted.st_uid : kLeaveUser,
                             (which & FUSE_SET_ATTR_GID) != 0 ? wanted.st_gid : kLeaveGroup, AT_EMPTY_PATH));
}

void set_attributes(fuse_req_t request, fuse_ino_t number, struct stat* wanted, int which,
                    fuse_file_info* /*info*/) {
  Mount& mount = mount_of(request);
  const NodePtr node = mount.node(number);
  constexpr int kOwner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
  constexpr int kTimes =
      FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
  int error = 0;
  if ((which & FUSE_SET_ATTR_MODE) != 0) error = error_of(::chmod(node->path().c_str(), wanted->st_mode));
  if (error == 0 && (which & kOwner) != 0) error = change_owner(*node, *wanted, which);
  if (error == 0 && (which & FUSE_SET_ATTR_SIZE) != 0) error = truncate_file(mount, node, wanted->st_size);
  if (error == 0 && (which & kTimes) != 0) error = set_times(*node, *wanted, which);
  if (error != 0) {
    ::fuse_reply_err(request, error);
  } else {
    reply_attributes(request, node);
  }
}

// Always for reading and writing: the kernel reads a page before it writes part of it through the page cache.
void open_file(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  const bool only_reads = (info->flags & O_ACCMODE) == O_RDONLY;
  const std::string path = mount.node(number)->path();
  UniqueFd fd(::open(path.c_str(), (only_reads ? O_RDONLY : O_RDWR) | O_CLOEXEC));
  if (!fd.valid()) {
    ::fuse_reply_err(request, errno);
    return;
  }
  info->fh = mount.add_file(std::move(fd));
  info->direct_io = mount.uncached() ? 1 : 0;
  ::fuse_reply_open(request, info);
}

// The kernel names an owner in a read() call and none when it fills a page of its own.
bool is_read_call(const fuse_file_info& info) { return info.lock_owner != 0; }

void read_file(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  if (const int error = mount.store().io.read_error(); error != 0) {
    ::fuse_reply_err(request, error);
    return;
  }
  const auto stored = read_bytes(mount.file(info->fh), offset, size);
  if (!stored) {
    ::fuse_reply_err(request, stored.error());
    return;
  }
  std::string bytes = *stored;
  if (mount.is_second()) {
    bytes = mount.store().second_bytes.read(mount.node(number), offset, size, std::move(bytes));
  }
  if (is_read_call(*info)) bytes.resize(mount.store().io.brought_of(bytes.size()));
  ::fuse_reply_buf(request, bytes.data(), bytes.size());
}

int write_all(int fd, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
  return 0;
}

void write_file(fuse_req_t request, fuse_ino_t number, const char* data, std::size_t size, off_t offset,
                fuse_file_info* info) {
  Mount& mount = mount_of(request);
  int error = mount.store().io.write_error();
  if (error == 0) {
    const std::string_view stored(data, mount.store().io.stored_of(size));
    SecondBytes& second = mount.store().second_bytes;
    if (mount.is_second()) {
      second.second_writes(mount.node(number), offset, stored);
    } else {
      second.first_writes(mount.node(number), offset, stored);
    }
    error = write_all(mount.file(info->fh), stored, offset);
  }
  if (error != 0) {
    ::fuse_reply_err(request, error);
  } else {
    ::fuse_reply_write(request, size);
  }
}

void sync_file(fuse_req_t request, fuse_ino_t /*number*/, int data_only, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  int error = mount.store().io.sync_error();
  if (error == 0 && !mount.store().io.sync_does_nothing()) {
    const int fd = mount.file(info->fh);
    error = error_of(data_only != 0 ? ::fdatasync(fd) : ::fsync(fd));
  }
  ::fuse_reply_err(request, error);
}

void flush_file(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  mount.store().locks.closed_by_process(mount.node(number)->id(), {mount.number(), info->lock_owner});
  ::fuse_reply_err(request, 0);
}

void release_file(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  Mount& mount = mount_of(request);
  mount.store().locks.released(mount.number(), mount.node(number)->id(), info->fh);
  mount.close_file(info->fh);
  ::fuse_reply_err(request, 0);
}

LockRequest lock_request(fuse_req_t request, fuse_ino_t number, const fuse_file_info& info) {
  const Mount& mount = mount_of(request);
  return {.file = mount.node(number)->id(),
          .owner = {mount.number(), info.lock_owner},
          .handle = info.fh,
          .thread = ::fuse_req_ctx(request)->pid};
}

void set_lock(fuse_req_t request, fuse_ino_t number, fuse_file_info* info, struct flock* lock, int sleep) {
  // F_SETLKW: SQLite never waits in the kernel, so neither does anything here.
  const std::optional<int> error =
      sleep != 0 ? EOPNOTSUPP
                 : mount_of(request).store().locks.set(lock_request(request, number, *info), *lock);
  if (error) ::fuse_reply_err(request, *error);
}

void get_lock(fuse_req_t request, fuse_ino_t number, fuse_file_info* info, struct flock* lock) {
  const auto error = mount_of(request).store().locks.get(lock_request(request, number, *info), *lock);
  if (!error) return;
  if (*error != 0) {
    ::fuse_reply_err(request, *error);
  } else {
    ::fuse_reply_lock(request, lock);
  }
}

// A truncating open comes as an open and a change of size, so that there is one place where sizes change.
void initialise(void* /*mount*/, fuse_conn_info* connection) {
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC);
}

}  // namespace

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table{};
  table.init = initialise;
  add_name_operations(table);
  add_file_operations(table);
  return table;
}

void add_file_operations(fuse_lowlevel_ops& table) {
  table.getattr = get_attributes;
  table.setattr = set_attributes;
  table.open = open_file;
  table.read = read_file;
  table.write = write_file;
  table.fsync = sync_file;
  table.flush = flush_file;
  table.release = release_file;
  table.setlk = set_lock;
  table.getlk = get_lock;
}

}  // namespace walguard::faultfs
