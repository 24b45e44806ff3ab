#include "operator/docker/docker_facts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/databases.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/sharing.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/docker/container_mounts.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/sharing_facts.h"
#include "operator/docker/storage_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {
namespace {

using core::VolumeFacts;
using wire::DockerContainer;
using wire::DockerMount;

/// "web:/data/app.db" -> "/data/app.db"
std::string_view path_of(std::string_view shown) {
  const std::size_t slash = shown.find('/');
  return slash == std::string_view::npos ? std::string_view() : shown.substr(slash);
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

/// The mount of a container that a path is on: the one furthest down.
const DockerMount* mount_above(const DockerContainer& container, std::string_view path) {
  const DockerMount* best = nullptr;
  for (const DockerMount& mount : container.mounts) {
    const bool longer = best == nullptr || mount.target.size() > best->target.size();
    if (is_within(path, mount.target) && longer) best = &mount;
  }
  return best;
}

std::string below(const DockerMount& mount, std::string_view path) {
  if (mount.target == "/") return std::string(path);
  return std::string(path.substr(std::min(mount.target.size(), path.size())));
}

/// Which places are looked at for the databases on a volume: where each lies, as far as its path is told.
DatabasePlaces places_of(const DockerContainer& container, const std::string& volume,
                         const std::vector<std::string>& paths) {
  DatabasePlaces places;
  bool all_told = !paths.empty();
  for (const std::string& shown : paths) {
    const std::string_view path = path_of(shown);
    const std::string_view fixed = path.substr(0, path.find('*'));
    const DockerMount* const mount = path.empty() ? nullptr : mount_above(container, fixed);
    if (mount == nullptr || name_of(*mount) != volume) {
      all_told = false;
      continue;
    }
    const bool is_file = fixed.size() == path.size();
    if (is_file) places.files.push_back({mount, below(*mount, path)});
    const std::string_view folder = folder_of(fixed);
    const bool in_mount = is_within(folder, mount->target);
    places.folders.push_back({mount, in_mount ? below(*mount, folder) : std::string()});
  }
  if (all_told) return places;
  places.folders.clear();
  for (const DockerMount& mount : container.mounts) {
    if (name_of(mount) == volume) places.folders.push_back({&mount, {}});
  }
  return places;
}

void add_databases(VolumeFacts& facts, core::DatabasesOnVolume databases, const core::Workload& workload,
                   const core::Volume& volume) {
  facts.certainty = databases.certainty;
  facts.databases = std::move(databases.paths);
  facts.strategy = databases.strategy;
  facts.usage = std::move(databases.usage);
  facts.single_file_mount = databases.single_file_mount;
  const core::PodMounts mounts(workload.pod);
  facts.read_only_consumers = core::read_only_consumers(mounts, volume);
  facts.only_read_in_pod =
      !facts.read_only_consumers.empty() &&
      std::ranges::all_of(mounts.of(volume.name), [](const auto& entry) { return entry.mount->read_only; });
}

std::vector<std::string> inside_of_first(const DatabasePlaces& places) {
  std::vector<std::string> inside;
  for (const PlaceInMount& place : places.folders) {
    if (place.mount == places.folders.front().mount) inside.push_back(place.inside);
  }
  return inside;
}

DockerVolumeFacts facts_of_volume(const DockerContainer& container, const core::Workload& workload,
                                  const core::Volume& volume, core::DatabasesOnVolume databases,
                                  const DockerView& view) {
  DockerVolumeFacts out;
  VolumeFacts& facts = out.facts;
  facts.volume = volume.name;
  const DatabasePlaces places = places_of(container, volume.name, databases.paths);
  add_databases(facts, std::move(databases), workload, volume);
  out.mount = *places.folders.front().mount;
  const MountSource source = source_of(out.mount, view);
  out.host_path = source.path.value_or("");
  describe_storage(facts, out.mount, source, inside_of_first(places), view);
  add_sharing(facts, container, out.mount, places, view);
  return out;
}

DockerContainer as_container(const wire::DockerService& service) {
  DockerContainer container;
  container.name = service.name;
  container.labels = service.labels;
  container.mounts = service.mounts;
  container.launch = service.launch;
  return container;
}

/// Its tasks go where the swarm likes: a volume of the engine's own is another one on each machine.
void spread(VolumeFacts& facts, const wire::DockerService& service, const DockerView& view) {
  facts.workload = service.on_every_node ? core::WorkloadKind::kDaemonSet : core::WorkloadKind::kDeployment;
  facts.replicas = service.replicas ? service.replicas : std::optional<std::int64_t>(1);
  if (service.is_job && !service.replicas) facts.replicas = std::nullopt;
  const bool several = service.on_every_node || facts.replicas.value_or(2) > 1;
  const bool stays =
      facts.transport == core::Transport::kLocalDisk || facts.transport == core::Transport::kMemory;
  const bool one_machine = view.engine.current && view.host.swarm_nodes <= 1;
  if (facts.per_replica_claim) return;
  if (one_machine) {
    if (several && facts.scope) facts.scope = std::max(*facts.scope, core::Scope::kNode);
    return;
  }
  facts.other_kernels_known = std::nullopt;  // of the other machines nothing is seen
  if (stays) {
    facts.differs_per_node = true;
    facts.scope = core::Scope::kNode;
  } else {
    facts.scope = several ? std::optional(core::Scope::kCluster) : std::nullopt;
  }
}

}  // namespace

std::vector<DockerVolumeFacts> facts_of(const DockerContainer& container, const core::Workload& workload,
                                        const DockerView& view) {
  std::vector<DockerVolumeFacts> all;
  std::vector<core::DatabasesOnVolume> databases = core::find_databases(workload, view.catalog);
  for (std::size_t i = 0; i < databases.size(); ++i) {
    if (databases[i].certainty == core::Certainty::kNone) continue;
    all.push_back(
        facts_of_volume(container, workload, workload.pod.volumes[i], std::move(databases[i]), view));
  }
  return all;
}

std::vector<DockerVolumeFacts> facts_of_service(const wire::DockerService& service,
                                                const core::Workload& workload, const DockerView& view) {
  std::vector<DockerVolumeFacts> all = facts_of(as_container(service), workload, view);
  for (DockerVolumeFacts& volume : all) spread(volume.facts, service, view);
  return all;
}

}  // namespace walguard::docker
