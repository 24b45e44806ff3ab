#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_IO_FAULTS_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_IO_FAULTS_H_

#include <cstddef>

#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

/// What becomes of reads, writes and syncs, on whichever mount.
class IoFaults {
 public:
  explicit IoFaults(const Options& options) : fault_(options.fault), n_(options.n) {}

  /// Of a write of `size` bytes, so many reach the store; all of them are acknowledged.
  std::size_t stored_of(std::size_t size);
  /// EIO or 0. Counts writes.
  int write_error();
  [[nodiscard]] int read_error() const;
  /// How much of `size` bytes one read() call of a program brings.
  [[nodiscard]] std::size_t brought_of(std::size_t size) const;
  [[nodiscard]] int sync_error() const;
  [[nodiscard]] bool sync_does_nothing() const { return fault_ == Fault::kFsyncNothing; }

 private:
  Fault fault_;
  int n_;
  int writes_ = 0;
};

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_IO_FAULTS_H_
