#include "preflight/agent/workspace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/ops.h"
#include "preflight/agent/proc.h"
#include "preflight/link/bounded_json.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr const char* kUnfinishedMarkerName = "wg-marker.tmp";
constexpr int kCreateAttempts = 5;
constexpr auto kRemovePatience = std::chrono::seconds(2);
constexpr auto kRemoveInterval = std::chrono::milliseconds(50);
constexpr std::int64_t kClockSkewSeconds = 3600;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

std::optional<std::vector<std::string>> list_names(int dir_fd) {
  // Opened anew, as closedir() closes what it reads from.
  const int own_fd = ::openat(dir_fd, ".", kOpenDirectory);
  const std::unique_ptr<DIR, CloseDirectory> stream(own_fd < 0 ? nullptr : ::fdopendir(own_fd));
  if (stream == nullptr) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

// Or an errno: ENOENT where there is none of ours, anything else where that cannot be told.
tl::expected<Json, int> read_marker(int folder_fd) {
  const UniqueFd file(::openat(folder_fd, kMarkerName, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::array<char, 4096> bytes;
  const ssize_t got = file.valid() ? ::pread(file.get(), bytes.data(), bytes.size(), 0) : -1;
  if (got < 0) return tl::unexpected(errno);
  // What lies on the storage may have been written by anybody.
  std::optional<Json> marker = parse_bounded_json({bytes.data(), static_cast<std::size_t>(got)});
  if (!marker || !marker->is_object() || marker->value("probe", Json()) != "walguard-preflight") {
    return tl::unexpected(ENOENT);
  }
  return *std::move(marker);
}

// Under another name first, so that a marker is either whole or not there.
bool write_marker(int folder_fd, const Json& marker) {
  const UniqueFd file(
      ::openat(folder_fd, kUnfinishedMarkerName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return false;
  const std::string text = marker.dump();
  const ssize_t written = ::pwrite(file.get(), text.data(), text.size(), 0);
  if (written >= 0 && static_cast<std::size_t>(written) != text.size()) errno = ENOSPC;
  return written == static_cast<ssize_t>(text.size()) &&
         ::renameat(folder_fd, kUnfinishedMarkerName, folder_fd, kMarkerName) == 0;
}

Json marker_of_this_run(const std::string& nonce, std::int64_t not_after) {
  const pid_t owner = ::getppid();
  return {{"probe", "walguard-preflight"},
          {"nonce", nonce},
          {"not_after", not_after},
          {"boot_id", boot_id()},
          {"pid_namespace", pid_namespace()},
          {"pid", owner},
          {"start_ticks", start_ticks(owner).value_or(0)}};
}

bool owner_is_gone(const Json& marker) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  if (marker.value("not_after", INT64_MAX) < now.count() - kClockSkewSeconds) return true;
  const bool knowable = !boot_id().empty() && marker.value("boot_id", "") == boot_id() &&
                        marker.value("pid_namespace", "") == pid_namespace();
  // As wide as parse_bounded_json asks for.
  const auto pid = static_cast<pid_t>(marker.value("pid", std::int64_t{-1}));
  return knowable && start_ticks(pid) != marker.value("start_ticks", std::uint64_t{0});
}

// An empty folder of ours lost its owner between mkdir and marker, or between unlink and rmdir. Should the
// owner be alive after all, it makes the folder anew; rmdir cannot take anything but an empty folder.
bool is_dead(int folder_fd, const std::vector<std::string>& names) {
  struct stat status{};
  if (::fstat(folder_fd, &status) != 0 || status.st_uid != ::geteuid()) return false;
  if (std::ranges::find(names, kMarkerName) == names.end()) {
    return std::ranges::all_of(names, [](const std::string& name) { return name == kUnfinishedMarkerName; });
  }
  try {
    const auto marker = read_marker(folder_fd);
    return marker && owner_is_gone(*marker);
  } catch (const Json::exception&) {
    return false;  // a marker with other types is none of ours
  }
}

// Everything of ours but the marker, which goes last: until then a later run can still tell whose folder this
// is. Returns whether nothing but the marker is left.
bool unlink_own_files(int folder_fd) {
  const std::optional<std::vector<std::string>> names = list_names(folder_fd);
  if (!names) return false;
  bool empty = true;
  for (const std::string& name : *names) {
    if (name == kMarkerName) continue;
    struct stat status{};
    const bool ours = name.starts_with(kFilePrefix) &&
                      ::fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISREG(status.st_mode);
    const bool gone = ours && ::unlinkat(folder_fd, name.c_str(), 0) == 0;
    empty = empty && gone;
  }
  return empty;
}

bool try_remove(int parent_fd, int folder_fd, const std::string& name) {
  if (!unlink_own_files(folder_fd)) {
    errno = ENOTEMPTY;
    return false;
  }
  const auto marker = read_marker(folder_fd);
  ::unlinkat(folder_fd, kMarkerName, 0);
  if (::unlinkat(parent_fd, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  // There is more in it than this view lists (overlay does that). Whoever comes next must still know it for
  // ours.
  const int error = errno;
  if (marker) (void)write_marker(folder_fd, *marker);
  errno = error;
  return false;
}

// 0, or the errno of what went wrong. ENOENT means that a sweep of another run took the folder before its
// marker was there.
int create_once(int parent_fd, const std::string& name, const Json& marker) {
  if (::mkdirat(parent_fd, name.c_str(), 0700) != 0) return errno;
  const UniqueFd folder(::openat(parent_fd, name.c_str(), kOpenDirectory));
  if (folder.valid() && write_marker(folder.get(), marker)) return 0;
  const int error = errno;
  if (folder.valid()) ::unlinkat(folder.get(), kUnfinishedMarkerName, 0);
  ::unlinkat(parent_fd, name.c_str(), AT_REMOVEDIR);
  return error;
}

}  // namespace

bool is_workspace_name(std::string_view name) {
  if (!name.starts_with(kFolderPrefix)) return false;
  name.remove_prefix(kFolderPrefix.size());
  return name.size() == kFolderRandomDigits &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

tl::expected<void, OpError> create_workspace(int parent_fd, const std::string& name, const std::string& nonce,
                                             std::int64_t not_after) {
  const Json marker = marker_of_this_run(nonce, not_after);
  int error = ENOENT;
  for (int attempt = 0; attempt < kCreateAttempts && error == ENOENT; ++attempt) {
    error = create_once(parent_fd, name, marker);
  }
  if (error != 0) return tl::unexpected(errno_error("making a folder", error));
  return {};
}

tl::expected<UniqueFd, OpError> open_workspace(int parent_fd, const std::string& name,
                                               const std::string& nonce) {
  UniqueFd folder(::openat(parent_fd, name.c_str(), kOpenDirectory));
  if (!folder.valid()) return tl::unexpected(errno_error("opening the run's folder"));
  const auto marker = read_marker(folder.get());
  const int error = !marker ? marker.error() : marker->value("nonce", Json()) != nonce ? ENOENT : 0;
  if (error != 0) {
    return tl::unexpected(errno_error("reading the run's marker file", error));
  }
  return folder;
}

tl::expected<void, OpError> remove_workspace(int parent_fd, const std::string& name) {
  const UniqueFd folder(::openat(parent_fd, name.c_str(), kOpenDirectory));
  if (!folder.valid()) {
    if (errno == ENOENT) return {};
    return tl::unexpected(errno_error("opening the run's folder to remove it"));
  }
  const auto give_up = std::chrono::steady_clock::now() + kRemovePatience;
  while (!try_remove(parent_fd, folder.get(), name)) {
    const int error = errno;
    if (std::chrono::steady_clock::now() > give_up) {
      return tl::unexpected(errno_error("removing the run's folder", error));
    }
    std::this_thread::sleep_for(kRemoveInterval);
  }
  return {};
}

int sweep_dead_workspaces(int parent_fd) {
  int removed = 0;
  for (const std::string& name : list_names(parent_fd).value_or(std::vector<std::string>())) {
    if (!is_workspace_name(name)) continue;
    const UniqueFd folder(::openat(parent_fd, name.c_str(), kOpenDirectory));
    const std::optional<std::vector<std::string>> names =
        folder.valid() ? list_names(folder.get()) : std::nullopt;
    if (!names || !is_dead(folder.get(), *names)) continue;
    ::unlinkat(folder.get(), kUnfinishedMarkerName, 0);
    if (try_remove(parent_fd, folder.get(), name)) ++removed;
  }
  return removed;
}

}  // namespace walguard::preflight
