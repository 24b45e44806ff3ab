#include "operator/docker/resolved_path.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

#include "operator/core/catalog.h"
#include "operator/core/mounted_path.h"
#include "operator/core/verdict.h"
#include "operator/docker/mount_table.h"

namespace walguard::docker {
namespace {

constexpr int kMostSymlinks = 40;  // as the kernel's MAXSYMLINKS
constexpr std::size_t kLongestTarget = 4096;

/// A look at it is answered by this kernel alone.
bool answers_at_once(const Mount* mount, const core::Catalog& catalog) {
  if (mount == nullptr) return false;
  if (mount->fstype == "overlay") return true;  // as of the engine's own containers
  const core::Filesystem* const known = catalog.filesystem_by_name(mount->fstype);
  if (known == nullptr || !known->transport) return false;
  return *known->transport == core::Transport::kLocalDisk || *known->transport == core::Transport::kMemory;
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder == "/" ? "/" + std::string(name) : folder + "/" + std::string(name);
}

/// What is still to be walked: the target of a symlink, then the rest. ".." stays, for what it leads out of
/// may be a symlink.
std::string joined_ahead(std::string_view target, std::string_view rest) {
  std::string ahead = "/";
  ahead.append(target).append(rest);
  while (ahead.find("//") != std::string::npos) ahead.erase(ahead.find("//"), 1);
  while (ahead.find("/./") != std::string::npos) ahead.erase(ahead.find("/./"), 2);
  if (ahead.ends_with("/.")) ahead.erase(ahead.size() - 2);
  return ahead;
}

}  // namespace

ResolvedPath resolve_path(std::string_view path, const MountTable& mounts, const core::Catalog& catalog,
                          const ReadLink& read_link) {
  if (!read_link) return {.path = std::string(path), .whole = false};
  std::string done = "/";
  std::string rest = core::normalised_path(path);
  int symlinks = 0;
  while (rest.size() > 1) {
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const std::string name = rest.substr(1, end - 1);
    rest.erase(0, end);
    if (name == "..") {
      done = core::normalised_path(joined(done, name));
      continue;
    }
    if (!answers_at_once(mounts.find(done), catalog))
      return {.path = joined(done, name) + rest, .whole = false};
    const std::string next = joined(done, name);
    const Mount* const mount = mounts.find(next);
    const bool is_mount_point = mount != nullptr && mount->mount_point == next;  // a symlink never is
    const auto target = is_mount_point ? std::nullopt : read_link(next);
    if (!target) {
      done = next;
      continue;
    }
    if (++symlinks > kMostSymlinks || target->empty()) return {.path = next + rest, .whole = false};
    if (target->starts_with('/')) done = "/";
    rest = joined_ahead(*target, rest);
  }
  return {.path = done, .whole = true};
}

bool leads_through_a_process(std::string_view path, const MountTable& mounts) {
  const Mount* const mount = mounts.find(path);
  if (mount == nullptr || mount->fstype != "proc") return false;
  constexpr std::array<std::string_view, 5> kLinks = {"root", "cwd", "exe", "fd", "map_files"};
  const std::string inside = path_in(*mount, path) + "/";
  return std::ranges::any_of(kLinks, [&](std::string_view link) {
    return inside.find("/" + std::string(link) + "/") != std::string::npos;
  });
}

ReadLink system_read_link() {
  return [](const std::string& path) -> std::optional<std::string> {
    std::array<char, kLongestTarget> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length <= 0 || static_cast<std::size_t>(length) >= target.size()) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(length));
  };
}

}  // namespace walguard::docker
