/// What the controller's tests share: files, waiting, a small catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "tests/support/files.h"

namespace walguard::controller::testing {

using walguard::testing::error_of;
using walguard::testing::eventually;
using walguard::testing::replace_file;
using walguard::testing::TempDir;
using walguard::testing::write_file;

inline constexpr std::uint64_t kExt4Magic = 0xEF53;
inline constexpr std::uint64_t kTmpfsMagic = 0x01021994;
inline constexpr std::uint64_t kNfsMagic = 0x6969;
inline constexpr std::uint64_t kCephMagic = 0x00C36400;
inline constexpr std::uint64_t kNobodyKnowsMagic = 0x12345678;

inline core::Catalog small_catalog() {
  using core::Transport;
  const auto filesystem = [](std::string name, std::uint64_t magic, std::optional<Transport> transport) {
    core::Filesystem entry;
    entry.names = {std::move(name)};
    entry.magic = magic;
    entry.transport = transport;
    return entry;
  };
  return {{},
          {},
          {filesystem("ext4", kExt4Magic, Transport::kLocalDisk),
           filesystem("xfs", 0x58465342, Transport::kLocalDisk),
           filesystem("btrfs", 0x9123683E, Transport::kLocalDisk),
           filesystem("tmpfs", kTmpfsMagic, Transport::kMemory),
           filesystem("nfs4", kNfsMagic, Transport::kNetworkFilesystem),
           filesystem("ceph", kCephMagic, Transport::kClusterFilesystem)}};
}

}  // namespace walguard::controller::testing
