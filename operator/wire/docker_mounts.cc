#include "operator/wire/docker_mounts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/mounted_path.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/strict_json.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using json::Path;
using json::ReadError;
using Kind = DockerMount::Kind;

/// API versions that brought what older ones leave out unseen.
constexpr int kSubpathSince = 45;
constexpr int kNonRecursiveSince = 40;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "C:\data" and "C:/data"; a Linux engine reads the latter as a volume named C.
bool begins_with_drive(std::string_view text) {
  return text.size() > 2 && std::isalpha(static_cast<unsigned char>(text[0])) != 0 && text[1] == ':' &&
         (text[2] == '\\' || text[2] == '/');
}

/// Whether the options say read-only; what they say otherwise decides nothing here, but is known.
bool read_options(std::string_view options, const Path& at) {
  constexpr std::array<std::string_view, 16> kKnown = {
      "rw",        "ro",      "z",       "Z",        "copy",  "nocopy", "consistent", "cached",
      "delegated", "default", "private", "rprivate", "slave", "rslave", "shared",     "rshared"};
  if (options.empty()) return false;
  bool read_only = false;
  for (const std::string_view option : split(options, ',')) {
    if (std::ranges::find(kKnown, option) == kKnown.end()) {
      throw ReadError(at, "an option behind the last colon is not known; \"ro\" and \"rw\" are");
    }
    read_only = read_only || option == "ro";
  }
  return read_only;
}

Kind kind_of(const std::string& type, MountOwner owner, const Path& at) {
  if (type == "bind") return Kind::kBind;
  if (type == "volume") return Kind::kVolume;
  if (type == "tmpfs") return Kind::kTmpfs;
  if (type == "image") return Kind::kImage;
  if (type == "cluster" && owner == MountOwner::kService) return Kind::kCluster;
  throw ReadError(at, "expected \"bind\", \"volume\", \"tmpfs\" or \"image\", in lower case");
}

std::string bind_source(const std::string& text, const Path& at) {
  if (!text.starts_with('/')) {
    throw ReadError(at, "expected a path of the engine's host that begins with /");
  }
  return core::normalised_path(text);
}

void read_driver(const Json& value, const Path& at, DockerMount& mount) {
  const StrictObject driver(value, at, {"Name", "Options"});
  driver.refuse_others();
  mount.driver = driver.text("Name");
  mount.options = driver.text_map("Options");
}

void read_volume_options(const Json& value, const Path& at, MountOwner owner, std::optional<int> api_minor,
                         DockerMount& mount) {
  const StrictObject options(value, at, {"NoCopy", "Labels", "Subpath", "DriverConfig"});
  options.refuse_others();
  options.inside("DriverConfig",
                 [&](const Json& driver, const Path& here) { read_driver(driver, here, mount); });
  const std::string sub_path = options.text("Subpath");
  // Most swarms drop it: what is mounted is the whole volume, in the worst case.
  if (sub_path.empty() || owner == MountOwner::kService) return;
  if (api_minor.value_or(0) < kSubpathSince) {
    throw ReadError(at.child("Subpath"),
                    "engines leave it out, and mount the whole volume, where the request's path does not "
                    "begin with /v1.45 or later; write that, or mount the whole volume");
  }
  mount.sub_path = core::normalised_path(sub_path);
}

void read_bind_options(const Json& value, const Path& at, std::optional<int> api_minor, DockerMount& mount) {
  const StrictObject options(
      value, at,
      {"Propagation", "NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive"});
  options.refuse_others();
  mount.non_recursive =
      options.flag("NonRecursive") && api_minor.value_or(kNonRecursiveSince) >= kNonRecursiveSince;
}

void read_image_options(const Json& value, const Path& at) {
  StrictObject(value, at, {"Subpath"}).refuse_others();
}

}  // namespace

std::string read_docker_target_path(const std::string& text, const Path& at) {
  std::string path = core::normalised_path(text);
  if (!text.starts_with('/') || path == "/") {
    throw ReadError(at, "expected a path in the container that begins with / and is not / itself");
  }
  return path;
}

DockerMount read_docker_mount(const Json& value, const Path& at, MountOwner owner,
                              std::optional<int> api_minor) {
  const StrictObject object(value, at,
                            {"Type", "Source", "Target", "ReadOnly", "Consistency", "BindOptions",
                             "VolumeOptions", "ImageOptions", "TmpfsOptions", "ClusterOptions"});
  object.refuse_others();
  DockerMount mount;
  mount.kind = kind_of(object.text("Type"), owner, at.child("Type"));
  mount.source = object.text("Source");
  mount.target = read_docker_target_path(object.text("Target"), at.child("Target"));
  mount.read_only = object.flag("ReadOnly") || mount.kind == Kind::kImage;
  object.inside("VolumeOptions", [&](const Json& options, const Path& here) {
    read_volume_options(options, here, owner, api_minor, mount);
  });
  object.inside("BindOptions", [&](const Json& options, const Path& here) {
    read_bind_options(options, here, api_minor, mount);
  });
  object.inside("ImageOptions", read_image_options);
  if (mount.kind == Kind::kBind) mount.source = bind_source(mount.source, at.child("Source"));
  mount.anonymous = mount.kind == Kind::kVolume && mount.source.empty();
  return mount;
}

DockerMount read_docker_bind(std::string_view text, const Path& at, const std::string& volume_driver) {
  if (begins_with_drive(text)) {
    throw ReadError(at,
                    "begins with a drive letter, which this engine's host does not have; write the path "
                    "as the engine sees it");
  }
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() > 3 || parts.front().empty()) {
    throw ReadError(at, "expected \"SOURCE:TARGET\" or \"SOURCE:TARGET:OPTIONS\"");
  }
  DockerMount mount;
  const std::string target(parts.size() == 1 ? parts[0] : parts[1]);
  mount.target = read_docker_target_path(target, at);
  if (parts.size() > 1) mount.source = parts[0];
  if (parts.size() == 3) mount.read_only = read_options(parts[2], at);
  mount.kind = mount.source.starts_with('/') ? Kind::kBind : Kind::kVolume;
  if (mount.kind == Kind::kBind) {
    mount.source = core::normalised_path(mount.source);
  } else {
    mount.driver = volume_driver;
    mount.anonymous = mount.source.empty();
  }
  return mount;
}

DockerVolumesFrom read_docker_volumes_from(std::string_view text, const Path& at) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  if (colon == 0) throw ReadError(at, "expected \"CONTAINER\" or \"CONTAINER:ro\"");
  const std::string_view options = text.substr(std::min(colon + 1, text.size()));
  return {.container = std::string(text.substr(0, colon)), .read_only = read_options(options, at)};
}

}  // namespace walguard::wire
