#include "operator/engine/docker_host.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "operator/wire/docker_info.h"

namespace walguard::engine {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Engines that live in a virtual machine on a desktop, by what they say of themselves.
std::string virtual_machine(const wire::DockerInfo& info) {
  if (contains(info.operating_system, "Docker Desktop")) return "Docker Desktop";
  if (contains(info.operating_system, "OrbStack") || info.name == "orbstack") return "OrbStack";
  if (contains(info.operating_system, "Rancher Desktop") || info.name == "lima-rancher-desktop") {
    return "Rancher Desktop";
  }
  if (info.name.starts_with("colima")) return "Colima";
  if (info.name.starts_with("lima-")) return "Lima";
  if (contains(info.kernel_version, "linuxkit")) return "Docker Desktop";
  return {};
}

/// As `docker info` calls the filesystems of disks ("extfs" is any ext).
bool is_local_filesystem(std::string_view name) {
  constexpr std::array<std::string_view, 5> kLocal = {"extfs", "xfs", "btrfs", "zfs", "f2fs"};
  return std::ranges::find(kLocal, name) != kLocal.end();
}

bool is_drive_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

/// "/c" or "/c/..."
bool is_drive(std::string_view path) {
  return path.size() > 1 && path[0] == '/' && is_drive_letter(path[1]) &&
         (path.size() == 2 || path[2] == '/');
}

}  // namespace

DockerHost describe_host(const wire::DockerInfo& info) {
  DockerHost host;
  host.default_runtime = info.default_runtime;
  host.data_root_filesystem = info.backing_filesystem;
  if (!info.backing_filesystem.empty()) host.volumes_are_local = is_local_filesystem(info.backing_filesystem);
  if (info.swarm_nodes) host.swarm_nodes = *info.swarm_nodes;
  if (std::string machine = virtual_machine(info); !machine.empty()) {
    host.kind = DockerHost::Kind::kVirtualMachine;
    host.words = std::move(machine);
  } else if (contains(info.kernel_version, "microsoft")) {
    host.kind = DockerHost::Kind::kWsl2;
    host.words = "WSL2";
  } else {
    host.kind = DockerHost::Kind::kLinux;
    host.words = info.operating_system;
  }
  return host;
}

bool is_path_outside_of_the_machine(std::string_view path) {
  constexpr std::array<std::string_view, 4> kShares = {"/Users/", "/host_mnt/", "/run/desktop/mnt/host/",
                                                       "/mnt/host/"};
  const bool of_windows = path.size() > 1 && is_drive_letter(path[0]) && path[1] == ':';
  const bool below_mnt = path.starts_with("/mnt/") && is_drive(path.substr(4));
  return of_windows || below_mnt || is_drive(path) || path.starts_with("\\\\") ||
         std::ranges::any_of(kShares, [&](std::string_view share) { return path.starts_with(share); });
}

}  // namespace walguard::engine
