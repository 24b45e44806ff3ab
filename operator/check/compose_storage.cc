#include "operator/check/compose_storage.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/sharing.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/compose.h"

namespace walguard::check {
namespace {

using wire::ComposeFile;
using wire::ComposeMount;
using wire::ComposeVolume;
using MountKind = wire::ComposeMount::Kind;

/// The device that the local driver mounts; each tmpfs is one of its own.
std::string device_of(const ComposeVolume* volume) {
  const bool is_local = volume != nullptr && (volume->driver.empty() || volume->driver == "local");
  if (!is_local || volume->external || engine::option_of(volume->options, "type") == "tmpfs") return {};
  return engine::option_of(volume->options, "device");
}

bool is_one_volume(const std::string& a, const std::string& b, const ComposeFile& compose) {
  if (a == b) return true;
  const ComposeVolume* const volume_a = find_volume(compose, a);
  const ComposeVolume* const volume_b = find_volume(compose, b);
  const std::string device = device_of(volume_a);
  if (!device.empty() && device == device_of(volume_b)) return true;
  const std::string name_a = engines_name(volume_a);
  const std::string name_b = engines_name(volume_b);
  if (!name_a.empty() && !name_b.empty()) return name_a == name_b;
  // Of which project the file is, is settled by whoever starts it.
  return name_a.ends_with("_" + b) || name_b.ends_with("_" + a);
}

bool within(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) &&
         (inner.size() == outer.size() || inner[outer.size()] == '/' || outer == "/");
}

}  // namespace

std::string absolute_path(const std::string& path, const std::string& folder) {
  const bool relative =
      !path.starts_with('/') && !path.starts_with('~') && !engine::is_path_outside_of_the_machine(path);
  std::string full = std::filesystem::path(relative ? folder + "/" + path : path).lexically_normal().string();
  if (full.size() > 1 && full.ends_with('/')) full.pop_back();
  return full;
}

const ComposeVolume* find_volume(const ComposeFile& compose, const std::string& name) {
  const auto found = std::ranges::find(compose.volumes, name, &ComposeVolume::name);
  return found == compose.volumes.end() ? nullptr : &*found;
}

std::optional<std::string> host_path_of(const ComposeMount& mount, const ComposeFile& compose,
                                        const std::string& folder) {
  if (mount.kind == MountKind::kBind) return absolute_path(mount.source, folder);
  if (mount.kind != MountKind::kVolume) return std::nullopt;
  const ComposeVolume* volume = find_volume(compose, mount.source);
  if (volume == nullptr || volume->external || (!volume->driver.empty() && volume->driver != "local")) {
    return std::nullopt;
  }
  if (!engine::is_bind(volume->options)) return std::nullopt;
  return absolute_path(engine::option_of(volume->options, "device"), folder);
}

std::string engines_name(const ComposeVolume* volume) {
  if (volume == nullptr) return {};
  return volume->engines_name.empty() && volume->external ? volume->name : volume->engines_name;
}

bool is_anonymous(const ComposeMount& mount) {
  return mount.kind == MountKind::kVolume && mount.source.empty() && !mount.has_variables;
}

bool may_be_another(const ComposeMount& mount, const ComposeFile& compose) {
  const ComposeVolume* const volume =
      mount.kind == MountKind::kVolume ? find_volume(compose, mount.source) : nullptr;
  return mount.has_variables || (volume != nullptr && volume->has_variables);
}

bool same_storage(const ComposeMount& a, const ComposeMount& b, const ComposeFile& compose,
                  const std::string& folder) {
  const auto path_a = host_path_of(a, compose, folder);
  const auto path_b = host_path_of(b, compose, folder);
  if (path_a && path_b) return within(*path_a, *path_b) || within(*path_b, *path_a);
  if (a.kind != b.kind || a.kind == MountKind::kTmpfs) return false;
  if (is_anonymous(a) && is_anonymous(b)) return a.service == b.service && a.target == b.target;
  if (a.source.empty() || b.source.empty()) return false;
  const bool one_source =
      a.kind == MountKind::kVolume ? is_one_volume(a.source, b.source, compose) : a.source == b.source;
  const auto folder_in = [](const ComposeMount& mount) {
    return core::VolumeMount{.volume = {}, .path = {}, .sub_path = mount.sub_path};
  };
  return one_source && core::may_show_the_same({}, folder_in(a), {}, folder_in(b));
}

std::string volume_name(const ComposeMount& mount) {
  constexpr std::string_view kFirst = "./~\\$";
  const bool is_path = mount.source.empty() || kFirst.find(mount.source.front()) != std::string_view::npos ||
                       engine::is_path_outside_of_the_machine(mount.source);
  switch (mount.kind) {
    case MountKind::kTmpfs:
      return "tmpfs " + mount.target;
    case MountKind::kVolume:
      return mount.source.empty() ? "anonymous " + mount.target : mount.source;
    case MountKind::kBind:  // "data" in the long form is a folder, and no volume of that name
      return is_path ? mount.source : "./" + mount.source;
    case MountKind::kUnknown:
      return mount.source.find('$') == std::string::npos ? "unknown " + mount.source : mount.source;
  }
  return mount.source;
}

}  // namespace walguard::check
