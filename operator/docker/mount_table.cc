#include "operator/docker/mount_table.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace walguard::docker {
namespace {

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

}  // namespace

// A mount that was made later on the same place lies on top of the earlier one; the kernel lists it later.
// One whose place lies below that of a later mount (B at /a/b, then A at /a) is hidden as well: what is at /a
// now is not what B was mounted on.
MountTable::MountTable(std::vector<Mount> mounts) : mounts_(std::move(mounts)) {
  std::unordered_map<int, const Mount*> by_id;
  for (const Mount& mount : mounts_) {
    at_[mount.mount_point] = &mount;
    by_id[mount.id] = &mount;
  }
  std::vector<std::string_view> hidden;
  for (const auto& [point, mount] : at_) {
    if (!is_seen(*mount, by_id)) hidden.push_back(point);
  }
  for (const std::string_view point : hidden) at_.erase(point);
}

bool MountTable::is_seen(const Mount& mount, const std::unordered_map<int, const Mount*>& by_id) const {
  const Mount* current = &mount;
  while (current->mount_point != "/") {
    auto below = by_id.find(current->parent);
    while (below != by_id.end() && below->second->mount_point == current->mount_point) {
      below = by_id.find(below->second->parent);  // of a stack the lowest tells what it stands on
    }
    if (below == by_id.end()) return true;  // a table that begins below the root, as of a container
    const Mount* const now_there = nearest(parent_of(current->mount_point));
    if (now_there != below->second) return false;
    current = now_there;
  }
  return true;
}

const Mount* MountTable::nearest(std::string_view path) const {
  while (true) {
    const auto found = at_.find(path);
    if (found != at_.end()) return found->second;
    if (path == "/" || path.empty()) return nullptr;
    path = parent_of(path);
  }
}

const Mount* MountTable::find(std::string_view path) const { return nearest(path); }

std::vector<const Mount*> MountTable::below(std::string_view path) const {
  std::vector<const Mount*> found;
  const std::string beginning = path == "/" ? "/" : std::string(path) + "/";
  for (auto it = at_.lower_bound(beginning); it != at_.end() && it->first.starts_with(beginning); ++it) {
    if (it->first != path) found.push_back(it->second);
  }
  return found;
}

std::string path_in(const Mount& mount, std::string_view path) {
  const std::string_view rest = mount.mount_point == "/" ? path : path.substr(mount.mount_point.size());
  if (rest.empty() || rest == "/") return mount.root;
  return mount.root == "/" ? std::string(rest) : mount.root + std::string(rest);
}

bool is_within(std::string_view inner, std::string_view outer) {
  return outer == "/" ||
         (inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/'));
}

}  // namespace walguard::docker
