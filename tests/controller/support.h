/// What the controller's tests share: a folder that goes away, a wait with a deadline, a small catalog.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"

namespace walguard::controller::testing {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "walguard-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// As a careful writer does it: the new version is there as a whole or not at all.
inline void replace_file(const std::string& path, std::string_view text) {
  write_file(path + ".next", text);
  std::filesystem::rename(path + ".next", path);
}

/// Whether `condition` came true before the deadline, which is generous: sanitizers on a busy machine are
/// slow.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition,
                              std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// The error of an expected; "no error" where there is a value, which no test expects.
template <typename Expected>
[[nodiscard]] std::string error_of(const Expected& result) {
  return result ? "no error" : result.error();
}

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
