#ifndef WALGUARD_PREFLIGHT_AGENT_SHARED_MAP_H_
#define WALGUARD_PREFLIGHT_AGENT_SHARED_MAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tl/expected.hpp>

#include "preflight/agent/ops.h"

namespace walguard::preflight {

/// A file mapped shared in regions of 32 KiB, one mmap each, as SQLite maps its -shm (wal.c, WALINDEX_PGSZ).
///
/// Between map() and unmap() nothing here makes a file or lock call: on some network filesystems those
/// refresh the mapping, which would hide exactly the fault that is looked for. A load or store may end the
/// process with SIGBUS. Not thread-safe.
class SharedMap {
 public:
  using Word = std::uint32_t;
  static constexpr std::size_t kRegionBytes = 32UL * 1024;
  static constexpr std::size_t kRegionWords = kRegionBytes / sizeof(Word);
  static constexpr std::size_t kPageWords = 1024;

  SharedMap() = default;
  SharedMap(const SharedMap&) = delete;
  SharedMap& operator=(const SharedMap&) = delete;
  ~SharedMap() { unmap(); }

  /// Maps what is missing of the file's first `bytes` (rounded up to regions), and touches every page of it,
  /// so that this side has them cached from now on. The file must be that long: a touch past its end is
  /// SIGBUS.
  [[nodiscard]] tl::expected<void, OpError> map(int fd, std::size_t bytes);
  /// msync(MS_SYNC) of every region.
  [[nodiscard]] tl::expected<void, OpError> write_back();
  void unmap();

  /// `word` counts from the start of the file; throws std::out_of_range where nothing is mapped. Ordered like
  /// SQLite's barrier-separated accesses, and never folded or kept in a register by the compiler.
  void store(std::size_t word, Word value);
  [[nodiscard]] Word load(std::size_t word) const;

 private:
  [[nodiscard]] Word* at(std::size_t word) const;

  std::vector<Word*> regions_;
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_SHARED_MAP_H_
