#include "preflight/scan/sqlite_header.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace walguard::preflight {
namespace {

constexpr std::string_view kDatabaseMagic("SQLite format 3\0", 16);
constexpr std::uint32_t kWalMagic = 0x377f0682;  // the lowest bit tells the byte order of its checksums

constexpr std::size_t kPageSizeAt = 16;
constexpr std::size_t kWriteVersionAt = 18;
constexpr std::size_t kReadVersionAt = 19;
constexpr std::size_t kUserVersionAt = 60;
constexpr std::size_t kApplicationIdAt = 68;
constexpr unsigned kWalVersion = 2;  // 1 is a rollback journal; newer ones are not known

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::uint32_t big_endian_32(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 24U | byte_at(bytes, at + 1) << 16U | byte_at(bytes, at + 2) << 8U |
         byte_at(bytes, at + 3);
}

// 65536 does not fit into the two bytes and is written as 1.
std::optional<std::uint32_t> page_size(std::string_view bytes) {
  const std::uint32_t written = byte_at(bytes, kPageSizeAt) << 8U | byte_at(bytes, kPageSizeAt + 1);
  if (written == 1) return 65536;
  if (written < kLeastDatabaseBytes || !std::has_single_bit(written)) return std::nullopt;
  return written;
}

}  // namespace

bool has_database_magic(std::string_view bytes) { return bytes.starts_with(kDatabaseMagic); }

std::optional<DatabaseHeader> parse_database_header(std::string_view bytes) {
  if (bytes.size() < kDatabaseHeaderBytes || !has_database_magic(bytes)) return std::nullopt;
  const std::optional<std::uint32_t> size = page_size(bytes);
  const unsigned write_version = byte_at(bytes, kWriteVersionAt);
  const unsigned read_version = byte_at(bytes, kReadVersionAt);
  if (!size || read_version > kWalVersion) return std::nullopt;
  return DatabaseHeader{
      .wal = write_version == kWalVersion || read_version == kWalVersion,
      .page_size = *size,
      .user_version = static_cast<std::int32_t>(big_endian_32(bytes, kUserVersionAt)),
      .application_id = static_cast<std::int32_t>(big_endian_32(bytes, kApplicationIdAt)),
  };
}

bool has_wal_magic(std::string_view bytes) {
  return bytes.size() >= kWalHeaderBytes && (big_endian_32(bytes, 0) & ~1U) == kWalMagic;
}

}  // namespace walguard::preflight
