#include "operator/core/consumers.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/sharing.h"
#include "operator/core/storage.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using Pods = std::vector<const RunningPod*>;

/// More mounts than these, of a volume or of another pod, are not compared: anyone may send a pod with tens
/// of thousands, and no real one has as many. Who has the storage then counts.
constexpr std::size_t kMostCompared = 256;

/// What the workload mounts of a volume, and where on the storage that begins: the path on its node, or empty
/// for the whole of it.
struct View {
  std::span<const PodMounts::Entry> mounts;
  std::string_view base;
};

std::string_view path_of_claim(std::string_view namespace_name, std::string_view claim_name,
                               const ClusterState& cluster) {
  const PersistentVolumeClaim* claim = cluster.claim(namespace_name, claim_name);
  if (claim == nullptr || claim->spec.volume_name.empty()) return {};
  const PersistentVolume* volume = cluster.persistent_volume(claim->spec.volume_name);
  return volume == nullptr ? std::string_view{} : std::string_view{volume->path};
}

std::string_view base_of(std::string_view namespace_name, const Volume& volume, const ClusterState& cluster) {
  if (volume.kind == VolumeKind::kHostPath) return volume.host_path;
  if (volume.kind != VolumeKind::kClaim || volume.from_template) return {};
  return path_of_claim(namespace_name, volume.claim, cluster);
}

template <typename Use>
void each_mount_of(const PodSpec& spec, Use use) {
  for (const Container& container : spec.containers) {
    for (const VolumeMount& mount : container.mounts) use(mount);
  }
}

bool has_too_many_mounts(const PodSpec& spec) {
  std::size_t count = 0;
  for (const Container& container : spec.containers) count += container.mounts.size();
  return count > kMostCompared;
}

using Names = std::unordered_set<std::string_view>;

Names volumes_written_by(const PodSpec& spec) {
  Names written;
  each_mount_of(spec, [&](const VolumeMount& mount) {
    if (!mount.read_only) written.insert(mount.volume);
  });
  return written;
}

/// `bases`: the volumes of the pod in question, and where on the storage they begin. One that no container
/// mounts is counted: an ephemeral one may still.
bool may_share(const View& own, const PodSpec& other,
               const std::unordered_map<std::string_view, std::string_view>& bases) {
  if (bases.empty() || own.mounts.empty()) return !bases.empty();
  MountedFolders folders;
  for (const PodMounts::Entry& entry : own.mounts) folders.add(own.base, *entry.mount, 0);
  Names mounted;
  each_mount_of(other, [&](const VolumeMount& mount) {
    const auto base = bases.find(mount.volume);
    if (base == bases.end()) return;
    mounted.insert(mount.volume);
    folders.add(base->second, mount, 1);
  });
  return mounted.size() < bases.size() || folders.most_owners_of_one() > 1;
}

class Search {
 public:
  Search(View own, const ClusterState& cluster) : own_(own), cluster_(cluster) {}

  void add_claim(std::string_view namespace_name, std::string_view claim) {
    for (const RunningPod* pod : cluster_.pods_of_claim(namespace_name, claim)) {
      add_if(*pod, [&](const Volume& volume) {
        return volume.kind == VolumeKind::kClaim && volume.claim == claim;
      });
    }
  }

  void add_host_path(std::string_view path) {
    for (const RunningPod* pod : cluster_.pods_of_host_path(path)) {
      add_if(*pod, [&](const Volume& volume) { return volume.kind == VolumeKind::kHostPath; });
    }
  }

  /// Who only reads the folders above (agents that watch the whole node) opens no database there.
  void add_writers_of_host_path(std::string_view path) {
    for (const RunningPod* pod : cluster_.pods_of_host_path(path)) {
      const Names written = volumes_written_by(pod->spec);
      add_if(*pod, [&](const Volume& volume) {
        return volume.kind == VolumeKind::kHostPath && written.contains(volume.name);
      });
    }
  }

  [[nodiscard]] Consumers take() { return std::move(found_); }

 private:
  template <typename Matches>
  void add_if(const RunningPod& pod, Matches matches) {
    if (known_.contains(&pod)) return;
    bool shares = is_beyond_comparing(pod);
    if (!shares) {
      const auto bases = bases_of(pod, matches);
      if (bases.empty()) return;
      shares = may_share(own_, pod.spec, bases);
    }
    if (on_volume_.insert(&pod).second) found_.of_volume.push_back(&pod);
    if (!shares) return;
    known_.insert(&pod);
    found_.of_files.push_back(&pod);
  }

  [[nodiscard]] bool is_beyond_comparing(const RunningPod& pod) const {
    return own_.mounts.size() > kMostCompared || has_too_many_mounts(pod.spec);
  }

  template <typename Matches>
  [[nodiscard]] std::unordered_map<std::string_view, std::string_view> bases_of(const RunningPod& pod,
                                                                                Matches matches) const {
    std::unordered_map<std::string_view, std::string_view> bases;
    for (const Volume& volume : pod.spec.volumes) {
      if (matches(volume)) bases.emplace(volume.name, base_of(pod.namespace_name, volume, cluster_));
    }
    return bases;
  }

  View own_;
  const ClusterState& cluster_;
  Consumers found_;
  std::unordered_set<const RunningPod*> on_volume_;
  std::unordered_set<const RunningPod*> known_;
};

}  // namespace

Consumers consumers_of(const Workload& workload, const PodMounts& mounts, const Volume& volume,
                       const StorageView& storage, const ClusterState& cluster) {
  if (volume.from_template) {
    Pods pods =
        cluster.pods_of_numbered_claims(workload.namespace_name, volume.name + "-" + workload.name + "-");
    return {.of_volume = pods, .of_files = pods};
  }
  const View own{mounts.of(volume.name), base_of(workload.namespace_name, volume, cluster)};
  Search search(own, cluster);
  if (volume.kind == VolumeKind::kHostPath) {
    search.add_host_path(volume.host_path);
    for (const PersistentVolume* twin : cluster.volumes_at_path(volume.host_path)) {
      for (const PersistentVolumeClaim* claim : cluster.claims_of_volume(twin->name)) {
        search.add_claim(claim->namespace_name, claim->name);
      }
    }
  } else if (volume.kind == VolumeKind::kClaim) {
    search.add_claim(workload.namespace_name, volume.claim);
    for (const PersistentVolumeClaim* claim : storage.other_claims) {
      search.add_claim(claim->namespace_name, claim->name);
    }
    if (!own.base.empty()) search.add_writers_of_host_path(own.base);
  }
  return search.take();
}

}  // namespace walguard::core
