#include "operator/docker/container_mounts.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/declared_paths.h"
#include "operator/core/mounted_path.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {
namespace {

using wire::DockerContainer;
using wire::DockerMount;
using Kind = DockerMount::Kind;

const DockerMount* mount_at(const DockerContainer& container, const std::string& target) {
  const auto found = std::ranges::find(container.mounts, target, &DockerMount::target);
  return found == container.mounts.end() ? nullptr : &*found;
}

core::Volume volume_of(const DockerMount& mount) {
  core::Volume volume;
  volume.name = name_of(mount);
  switch (mount.kind) {
    case Kind::kBind:
      volume.kind = core::VolumeKind::kHostPath;
      volume.host_path = mount.source;
      volume.host_path_type = engine::looks_like_a_file(mount.target) ? "File" : "Directory";
      break;
    case Kind::kVolume:
    case Kind::kCluster:
      volume.kind = core::VolumeKind::kInline;
      break;
    case Kind::kTmpfs:
      volume.kind = core::VolumeKind::kEmptyDirMemory;
      break;
    case Kind::kImage:
      volume.kind = core::VolumeKind::kProjection;
      break;
    case Kind::kUnknown:
      break;
  }
  return volume;
}

/// The stricter of two modes, as they are written; what cannot be read leaves the other.
void take_stricter(std::optional<std::string>& mode, const std::optional<std::string>& other) {
  const auto ours = mode ? core::parse<core::Mode>(*mode) : std::nullopt;
  const auto theirs = other ? core::parse<core::Mode>(*other) : std::nullopt;
  if (theirs && (!ours || *theirs > *ours)) mode = other;
}

/// A volume does not know where it will be mounted: its label names paths on itself.
void add_databases(core::Annotations& labels, const core::Annotations& of_volume, const DockerMount& mount) {
  for (const core::DeclaredPath& declared : core::declared_paths(of_volume).paths) {
    const std::string path = core::normalised_path(mount.target + "/" + declared.path);
    labels.databases = labels.databases ? *labels.databases + "," + path : path;
  }
}

}  // namespace

const KnownContainer* find_container(const EngineSnapshot& engine, std::string_view written) {
  if (written.starts_with('/')) written.remove_prefix(1);
  if (written.empty()) return nullptr;
  const auto by_id = engine.containers.find(written);
  if (by_id != engine.containers.end()) return by_id->second.get();
  for (const auto& [id, known] : engine.containers) {
    if (known->container.name == written) return known.get();
  }
  auto it = engine.containers.lower_bound(written);
  if (it == engine.containers.end() || !it->first.starts_with(written)) return nullptr;
  const KnownContainer* const found = it->second.get();
  ++it;
  const bool unique = it == engine.containers.end() || !it->first.starts_with(written);
  return unique ? found : nullptr;
}

tl::expected<DockerContainer, std::string> with_volumes_from(DockerContainer container,
                                                             const EngineSnapshot& engine) {
  // The engine tells the mounts of a container that is there, those that it took over among them.
  if (!container.id.empty()) return container;
  for (const wire::DockerVolumesFrom& from : container.volumes_from) {
    const KnownContainer* const other = find_container(engine, from.container);
    if (other == nullptr) {
      return tl::make_unexpected("VolumesFrom: container \"" + from.container +
                                 "\" is not in view, so what it mounts cannot be judged; try again in a "
                                 "moment, or mount the volumes by their names");
    }
    for (DockerMount mount : other->container.mounts) {
      if (mount_at(container, mount.target) != nullptr) continue;
      mount.read_only = mount.read_only || from.read_only;
      container.mounts.push_back(std::move(mount));
    }
  }
  return container;
}

std::string name_of(const DockerMount& mount) {
  switch (mount.kind) {
    case Kind::kTmpfs:
      return "tmpfs " + mount.target;
    case Kind::kVolume:
    case Kind::kCluster:
      return mount.source.empty() ? "anonymous " + mount.target : mount.source;
    case Kind::kBind:
      return mount.source;
    case Kind::kImage:
      return "image " + mount.target;
    case Kind::kUnknown:
      break;
  }
  return "unknown " + mount.target;
}

core::Workload workload_of(const DockerContainer& container, core::Annotations labels) {
  core::Workload workload;
  workload.kind = core::WorkloadKind::kPod;
  workload.name = container.name;
  workload.annotations = std::move(labels);
  core::Container inside{
      .name = container.name, .role = core::ContainerRole::kApp, .mounts = {}, .launch = container.launch};
  std::set<std::string> seen;
  for (const DockerMount& mount : container.mounts) {
    const std::string name = name_of(mount);
    if (seen.insert(name).second) workload.pod.volumes.push_back(volume_of(mount));
    inside.mounts.push_back(
        {.volume = name, .path = mount.target, .sub_path = mount.sub_path, .read_only = mount.read_only});
  }
  workload.pod.containers.push_back(std::move(inside));
  return workload;
}

core::Annotations labels_of(const DockerContainer& container, const EngineSnapshot& engine) {
  core::Annotations labels = container.labels;
  for (const DockerMount& mount : container.mounts) {
    const auto found = engine.volumes.find(mount.source);
    if (mount.kind != Kind::kVolume || found == engine.volumes.end()) continue;
    const core::Annotations& of_volume = found->second->labels;
    if (of_volume.require_local == true) labels.require_local = true;
    take_stricter(labels.mode, of_volume.mode);
    if (!labels.journal_mode) labels.journal_mode = of_volume.journal_mode;
    add_databases(labels, of_volume, mount);
  }
  return labels;
}

}  // namespace walguard::docker
