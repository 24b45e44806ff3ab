#include "preflight/agent/shared_map.h"

#include <atomic>
#include <cstddef>

#include <sys/mman.h>
#include <sys/types.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"

namespace walguard::preflight {

tl::expected<void, OpError> SharedMap::map(int fd, std::size_t bytes) {
  while (regions_.size() * kRegionBytes < bytes) {
    const std::size_t offset = regions_.size() * kRegionBytes;
    void* const address =
        ::mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (address == MAP_FAILED) return tl::unexpected(errno_error("mmap"));
    regions_.push_back(static_cast<Word*>(address));
    const std::size_t first = offset / sizeof(Word);
    for (std::size_t i = 0; i < kRegionWords; i += kPageWords) (void)load(first + i);
  }
  return {};
}

tl::expected<void, OpError> SharedMap::write_back() {
  for (Word* const region : regions_) {
    if (::msync(region, kRegionBytes, MS_SYNC) != 0) return tl::unexpected(errno_error("msync"));
  }
  return {};
}

void SharedMap::unmap() {
  for (Word* const region : regions_) ::munmap(region, kRegionBytes);
  regions_.clear();
}

void SharedMap::store(std::size_t word, Word value) { std::atomic_ref<Word>(*at(word)).store(value); }

SharedMap::Word SharedMap::load(std::size_t word) const { return std::atomic_ref<Word>(*at(word)).load(); }

SharedMap::Word* SharedMap::at(std::size_t word) const {
  return regions_.at(word / kRegionWords) + word % kRegionWords;
}

}  // namespace walguard::preflight
