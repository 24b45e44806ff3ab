#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <dirent.h>
#include <sys/types.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/fuse_api.h"
#include "tests/testbeds/faultfs/io_faults.h"
#include "tests/testbeds/faultfs/lock_service.h"
#include "tests/testbeds/faultfs/options.h"
#include "tests/testbeds/faultfs/second_bytes.h"
#include "tests/testbeds/faultfs/second_names.h"

namespace walguard::faultfs {

/// What all mounts share.
struct Store {
  explicit Store(const Options& options)
      : backing(options.backing), locks(options), io(options), second_bytes(options), second_names(options) {}

  Backing backing;
  LockService locks;
  IoFaults io;
  SecondBytes second_bytes;
  SecondNames second_names;
};

/// One mount: the kernel's node numbers and open files, and the FUSE session they belong to.
class Mount {
 public:
  /// `number`: 0 for the first mount, 1 for the second. Throws std::runtime_error where it cannot be mounted.
  Mount(Store& store, const Options& options, int number);
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount();

  [[nodiscard]] fuse_session* session() const { return session_; }

  // What the FUSE operations are made of; see operations.cc.

  [[nodiscard]] Store& store() const { return store_; }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_second() const { return number_ == 1; }
  [[nodiscard]] bool uncached() const { return uncached_; }

  /// The file behind a number that the kernel got from us and has not forgotten.
  [[nodiscard]] NodePtr node(fuse_ino_t number) const { return nodes_.at(number).node; }
  /// Gives the kernel one more reference to the file; returns its number.
  fuse_ino_t remember(const NodePtr& node);
  void forget(fuse_ino_t number, std::uint64_t references);

  /// What this mount finds under a name, or an errno.
  [[nodiscard]] OrErrno<NodePtr> look_up(const Node& directory, const std::string& name) const;
  /// The attributes that this mount is shown.
  [[nodiscard]] OrErrno<struct stat> attributes(const NodePtr& node) const;

  std::uint64_t add_file(UniqueFd fd);
  [[nodiscard]] int file(std::uint64_t handle) const { return files_.at(handle).get(); }
  void close_file(std::uint64_t handle) { files_.erase(handle); }

  std::uint64_t add_listing(DIR* listing);
  [[nodiscard]] DIR* listing(std::uint64_t handle) const { return listings_.at(handle).get(); }
  void close_listing(std::uint64_t handle) { listings_.erase(handle); }

 private:
  struct Known {
    NodePtr node;
    std::uint64_t references = 0;
  };
  struct CloseListing {
    void operator()(DIR* listing) const { ::closedir(listing); }
  };

  Store& store_;
  int number_;
  bool uncached_;
  std::map<fuse_ino_t, Known> nodes_;
  std::map<const Node*, fuse_ino_t> numbers_;
  std::map<std::uint64_t, UniqueFd> files_;
  std::map<std::uint64_t, std::unique_ptr<DIR, CloseListing>> listings_;
  fuse_ino_t next_number_ = FUSE_ROOT_ID;
  std::uint64_t next_handle_ = 1;
  fuse_session* session_ = nullptr;
};

/// The operations table of libfuse; its user data is a Mount.
[[nodiscard]] fuse_lowlevel_ops operations();

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_MOUNT_H_
