#include "tests/testbeds/faultfs/io_faults.h"

#include <cerrno>
#include <cstddef>

#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {
namespace {

constexpr std::size_t kTornFrom = 4096;
constexpr std::size_t kReadWhole = 512;

}  // namespace

int IoFaults::write_error() {
  ++writes_;
  return fault_ == Fault::kEioAfter && writes_ > n_ ? EIO : 0;
}

int IoFaults::read_error() const { return fault_ == Fault::kEioAfter && writes_ >= n_ ? EIO : 0; }

std::size_t IoFaults::stored_of(std::size_t size) {
  if (fault_ == Fault::kLostWrite && writes_ % n_ == 0) return 0;
  if (fault_ == Fault::kTornWrite && size >= kTornFrom) return size / 2;
  return size;
}

std::size_t IoFaults::brought_of(std::size_t size) const {
  return fault_ == Fault::kShortReads && size > kReadWhole ? size / 2 : size;
}

int IoFaults::sync_error() const { return fault_ == Fault::kFsyncFails ? EIO : 0; }

}  // namespace walguard::faultfs
