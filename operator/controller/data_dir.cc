#include "operator/controller/data_dir.h"

#include <cerrno>
#include <cstdint>
#include <ios>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/vfs.h>
#include <tl/expected.hpp>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"

namespace walguard::controller {
namespace {

// linux/magic.h. Overlay is a container's root: one kernel's page cache over a local upper layer, and nobody
// else mounts it. FUSE has one number for every daemon, from a local ntfs-3g to sshfs.
constexpr std::uint64_t kOverlayMagic = 0x794C7630;
constexpr std::uint64_t kFuseMagic = 0x65735546;

/// Why SQLite's WAL cannot be trusted on this filesystem; nullopt where it can.
std::optional<std::string> objection_to(std::uint64_t magic, const core::Catalog& catalog) {
  if (magic == kOverlayMagic) return std::nullopt;
  std::ostringstream number;
  number << "0x" << std::hex << magic;
  if (magic == kFuseMagic) return "a FUSE filesystem (" + number.str() + "), which may be a remote one";
  const core::Filesystem* known = catalog.filesystem_by_magic(magic);
  if (known == nullptr || !known->transport)
    return "a filesystem walguard does not know (" + number.str() + ")";
  if (*known->transport == core::Transport::kLocalDisk || *known->transport == core::Transport::kMemory) {
    return std::nullopt;
  }
  const std::string_view name = known->names.empty() ? std::string_view{"unnamed"} : known->names.front();
  return std::string(name) + " (" + number.str() + ", " + std::string(core::name(*known->transport)) + ")";
}

}  // namespace

tl::expected<std::uint64_t, std::string> filesystem_magic(const std::string& path) {
  struct statfs facts{};
  int result = 0;
  do {
    result = ::statfs(path.c_str(), &facts);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return tl::unexpected("statfs " + path + ": " + std::generic_category().message(errno));
  // f_type is signed on some machines; the magic numbers are 32 bits wide everywhere.
  return static_cast<std::uint32_t>(facts.f_type);
}

tl::expected<void, std::string> require_local_filesystem(const std::string& path,
                                                         const core::Catalog& catalog,
                                                         const FilesystemMagic& magic_of) {
  const auto magic = magic_of(path);
  if (!magic) return tl::unexpected(magic.error());
  const auto objection = objection_to(*magic, catalog);
  if (!objection) return {};
  return tl::unexpected(
      "data directory " + path + " is on " + *objection +
      ": a SQLite database in WAL mode is not safe there. Remedy: give --data-dir a directory on a "
      "local disk (ext4, xfs, btrfs) or on tmpfs");
}

}  // namespace walguard::controller
