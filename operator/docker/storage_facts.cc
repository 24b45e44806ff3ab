#include "operator/docker/storage_facts.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/mounted_path.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/docker/container_mounts.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/storage_chain.h"
#include "operator/engine/docker_host.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {
namespace {

using core::Transport;
using core::VolumeFacts;
using engine::DockerHost;
using wire::DockerMount;
using Kind = DockerMount::Kind;

std::string joined(std::string_view folder, std::string_view below) {
  return core::normalised_path(std::string(folder) + "/" + std::string(below));
}

/// https://docs.docker.com/engine/storage/volumes/: the local driver keeps each in a folder of its own.
std::string data_root(const DockerView& view) {
  const bool told = view.engine.info && !view.engine.info->data_root.empty();
  return told ? view.engine.info->data_root : "/var/lib/docker";
}

std::string folder_of_volume(const std::string& name, const DockerView& view) {
  return data_root(view) + "/volumes/" + name + "/_data";
}

VolumeSource of_engine(const wire::DockerVolume& volume, const DockerView& view) {
  VolumeSource source;
  source.name = volume.name;
  source.driver = volume.driver.empty() ? "local" : volume.driver;
  source.options = volume.options;
  source.mountpoint = volume.mountpoint.empty() && source.driver == "local"
                          ? folder_of_volume(volume.name, view)
                          : volume.mountpoint;
  source.cluster = volume.cluster;
  return source;
}

VolumeSource wanted_volume(const DockerMount& mount, const DockerView& view) {
  const auto found = view.engine.volumes.find(mount.source);
  if (found != view.engine.volumes.end()) return of_engine(*found->second, view);
  VolumeSource source;
  source.name = mount.source;
  source.driver = mount.driver.empty() ? "local" : mount.driver;
  source.options = mount.options;
  source.mountpoint = mount.host_path;
  source.cluster = mount.kind == Kind::kCluster;
  if (source.mountpoint.empty() && source.driver == "local" && !source.name.empty()) {
    source.mountpoint = folder_of_volume(source.name, view);
  }
  return source;
}

/// The volume whose folder a path of the machine is, or lies in, with the rest of the path.
std::optional<std::pair<VolumeSource, std::string>> volume_at(const std::string& path,
                                                              const DockerView& view) {
  const std::string volumes = view.resolve(data_root(view) + "/volumes").path;
  if (!is_within(path, volumes) || path == volumes) return std::nullopt;
  const std::string rest = path.substr(volumes.size() + 1);
  const std::string name = rest.substr(0, rest.find('/'));
  const std::string data = "/_data";
  const std::string below = rest.substr(name.size());
  if (!is_within(below, data)) return std::nullopt;
  DockerMount mount;
  mount.kind = Kind::kVolume;
  mount.source = name;
  return std::pair(wanted_volume(mount, view), below.substr(data.size()));
}

/// What the local driver mounts by its options is not what lies in the volume's folder while nobody uses it.
void place_volume(MountSource& source, VolumeSource volume, const std::string& below,
                  const DockerView& view) {
  const bool local = volume.driver == "local" && !volume.cluster;
  const std::string device = engine::option_of(volume.options, "device");
  if (local && engine::is_bind(volume.options) && device.starts_with('/')) {
    const ResolvedPath resolved = view.resolve(joined(core::normalised_path(device), below));
    source.path = resolved.path;
    source.path_is_whole = resolved.whole;
  } else if (local && !engine::option_of(volume.options, "type").empty()) {
    const std::string type = engine::option_of(volume.options, "type");
    // Each tmpfs is one of its own, by the volume's name.
    source.remote = type == "tmpfs" || device.empty() ? "volume " + volume.name : "mount " + device;
  } else if (local && !volume.mountpoint.empty()) {
    source.path = view.resolve(joined(volume.mountpoint, below)).path;
  } else if (!volume.name.empty()) {
    source.remote = "volume " + volume.name;
  }
  source.volume = std::move(volume);
}

bool is_dangerous(Transport transport) {
  return transport == Transport::kNetworkFilesystem || transport == Transport::kObjectFuse ||
         transport == Transport::kVmShare;
}

/// Of several mounts below one path the worst decides; what is not known is worse than what is local.
int rank(const std::optional<Transport>& transport) {
  if (!transport) return 2;
  if (is_dangerous(*transport)) return 4;
  return *transport == Transport::kClusterFilesystem ? 3 : 1;
}

std::optional<Transport> transport_of(const Mount& mount, const core::Catalog& catalog) {
  const core::Filesystem* const known = catalog.filesystem_by_name(mount.fstype);
  return known == nullptr ? std::nullopt : known->transport;
}

/// What is looked at of a bind: the mount under each path, and those below it that the bind brings along.
const Mount* worst_mount(const std::vector<std::string>& paths, const DockerMount& mount,
                         const DockerView& view) {
  const Mount* worst = nullptr;
  const auto look = [&](const Mount* found) {
    const bool worse = found != nullptr && (worst == nullptr || rank(transport_of(*found, view.catalog)) >
                                                                    rank(transport_of(*worst, view.catalog)));
    if (worse) worst = found;
  };
  for (const std::string& path : paths) {
    look(view.mounts->find(path));
    if (mount.non_recursive) continue;
    for (const Mount* const below : view.mounts->below(path)) look(below);
  }
  return worst;
}

/// Those that walguard has something to say of: the others change with the kernel.
std::vector<std::string> known_options(const Mount& mount, const core::Catalog& catalog) {
  std::vector<std::string> options;
  for (const std::string& list : {mount.options, mount.super_options}) {
    for (std::string& option : engine::split(list)) {
      if (catalog.mount_option(option) != nullptr) options.push_back(std::move(option));
    }
  }
  std::ranges::sort(options);
  options.erase(std::unique(options.begin(), options.end()),
                options.end());  // that of ranges is none for clang 14
  return options;
}

void describe_mount(VolumeFacts& facts, const Mount& mount, const DockerView& view) {
  facts.driver += " (" + mount.fstype + ")";
  facts.key.fs_type = mount.fstype;
  facts.key.mount_options = known_options(mount, view.catalog);
  const core::Filesystem* const known = view.catalog.filesystem_by_name(mount.fstype);
  if (known != nullptr && known->transport) {
    engine::set_known(facts, *known->transport, known->verified, known->source);
  }
  const bool kernels_own = facts.transport == Transport::kLocalDisk || facts.transport == Transport::kMemory;
  if (kernels_own) facts.locks_stay_local = false;
  // Of FUSE and its like the options tell what there is to tell; a preflight tells the rest.
  if (!kernels_own && facts.transport) facts.locks_stay_local = false;
  engine::describe_mount_options(facts, view.catalog);
}

/// Nobody sees what the engine's machine has mounted: only its own word is left.
void describe_unseen(VolumeFacts& facts, const std::string& path, const DockerView& view) {
  const DockerHost& host = view.host;
  const bool outside =
      host.kind == DockerHost::Kind::kVirtualMachine ||
      (host.kind != DockerHost::Kind::kLinux && engine::is_path_outside_of_the_machine(path));
  if (outside) {
    if (!host.words.empty()) facts.driver += " into " + host.words;
    engine::set_known(facts, Transport::kVmShare, true, engine::kDesktopDoc);
    return;
  }
  facts.driver += " (walguard does not see what the engine's machine has mounted)";
  facts.proven_only_by_preflight = true;
}

std::vector<std::string> host_paths(const MountSource& source, const std::vector<std::string>& inside) {
  std::vector<std::string> paths;
  paths.reserve(inside.size());
  for (const std::string& below : inside) paths.push_back(joined(source.path.value_or(""), below));
  return paths;
}

void describe_path(VolumeFacts& facts, const DockerMount& mount, const MountSource& source,
                   const std::vector<std::string>& inside, const DockerView& view) {
  const std::string& path = source.path.value_or("");
  const bool engines_own = source.volume && !engine::is_bind(source.volume->options);
  if (view.mounts == nullptr) {
    if (!engines_own) return describe_unseen(facts, path, view);
    engine::describe_engines_own(facts, view.host, view.catalog);
    facts.driver += " (walguard does not see what the engine's machine has mounted)";
    facts.proven_only_by_preflight = true;
    return;
  }
  const Mount* const worst = worst_mount(host_paths(source, inside), mount, view);
  if (worst == nullptr) return describe_unseen(facts, path, view);
  describe_mount(facts, *worst, view);
  // Docker Desktop and its like keep what is shared from outside below paths of their own.
  const bool from_outside = view.host.kind != DockerHost::Kind::kLinux &&
                            view.host.kind != DockerHost::Kind::kUnknown &&
                            engine::is_path_outside_of_the_machine(mount.source);
  if (from_outside && !engines_own) {
    facts.driver += " into " + view.host.words;
    engine::set_known(facts, Transport::kVmShare, true, engine::kDesktopDoc);
  }
  // Where symlinks were not followed it may be another place than it looks.
  if (!source.path_is_whole) facts.transport_verified = false;
}

void describe_volume(VolumeFacts& facts, const DockerMount& mount, const MountSource& source,
                     const VolumeSource& volume, const std::vector<std::string>& inside,
                     const DockerView& view) {
  facts.key.driver = volume.driver;
  facts.key.volume = volume.name.empty() ? std::string() : "docker:" + volume.name;
  if (volume.cluster) {
    facts.driver = "of the swarm's volume " + volume.name;
  } else if (volume.driver != "local") {
    engine::describe_plugin(facts, volume.driver, volume.options, view.catalog);
  } else if (engine::is_bind(volume.options)) {
    facts.driver = "local, bind of " + engine::option_of(volume.options, "device");
    describe_path(facts, mount, source, inside, view);
  } else if (!engine::option_of(volume.options, "type").empty()) {
    engine::describe_mounted(facts, volume.options, view.catalog);
  } else if (source.path) {
    facts.driver = "local";
    describe_path(facts, mount, source, inside, view);
  } else {  // one that the engine will make up: below its data root
    DockerMount unnamed = mount;
    unnamed.source.clear();
    MountSource at_root = source;
    at_root.path = view.resolve(data_root(view)).path;
    facts.driver = "local";
    unnamed.non_recursive = true;  // a folder that is not there yet has nothing mounted below it
    describe_path(facts, unnamed, at_root, {""}, view);
  }
}

}  // namespace

bool shows_the_machine(const DockerMount& mount, const DockerView& view) {
  return mount.kind == Kind::kBind && mount.read_only &&
         is_within(data_root(view) + "/volumes", mount.source);
}

MountSource source_of(const DockerMount& mount, const DockerView& view) {
  MountSource source;
  if (mount.kind == Kind::kVolume || mount.kind == Kind::kCluster) {
    place_volume(source, wanted_volume(mount, view), mount.sub_path, view);
  } else if (mount.kind == Kind::kBind) {
    const ResolvedPath resolved = view.resolve(mount.source);
    if (auto volume = volume_at(resolved.path, view)) {
      place_volume(source, std::move(volume->first), volume->second, view);
    } else {
      source.path = resolved.path;
      source.path_is_whole = resolved.whole;
    }
  }
  return source;
}

std::vector<StorageChain> chains_of(const DockerMount& mount, const MountSource& source,
                                    std::string_view inside, const DockerView& view) {
  std::vector<StorageChain> chains;
  if (!source.remote.empty()) {
    chains.push_back({.places = {{source.remote, joined("/" + mount.sub_path, inside)}}, .possible = {}});
  }
  if (!source.path) return chains;
  const std::string path = joined(*source.path, inside);
  if (view.mounts == nullptr) {  // by its name alone
    chains.push_back({.places = {{"path", path}}, .possible = {}});
    return chains;
  }
  const auto resolve = [&](const std::string& other) { return view.resolve(other).path; };
  chains.push_back(storage_chain(path, *view.mounts, resolve));
  if (chains.back().places.empty()) chains.back().places.push_back({"path", path});
  if (mount.non_recursive) return chains;
  for (const Mount* const below : view.mounts->below(path)) {
    chains.push_back(storage_chain(below->mount_point, *view.mounts, resolve));
  }
  return chains;
}

void describe_storage(VolumeFacts& facts, const DockerMount& mount, const MountSource& source,
                      const std::vector<std::string>& inside, const DockerView& view) {
  facts.volume_mode = core::VolumeMode::kFilesystem;
  switch (mount.kind) {
    case Kind::kTmpfs:
      facts.driver = "tmpfs";
      facts.locks_stay_local = false;
      engine::set_known(facts, Transport::kMemory, true, engine::kTmpfsDoc);
      return;
    case Kind::kVolume:
    case Kind::kCluster:
      if (source.volume) describe_volume(facts, mount, source, *source.volume, inside, view);
      return;
    case Kind::kBind:
      if (source.volume) return describe_volume(facts, mount, source, *source.volume, inside, view);
      facts.driver = "bind mount of " + mount.source;
      facts.key.driver = "hostPath";
      facts.key.volume = "hostPath:" + source.path.value_or(mount.source);
      describe_path(facts, mount, source, inside, view);
      return;
    case Kind::kImage:
    case Kind::kUnknown:
      facts.driver = "of " + name_of(mount);
      return;
  }
}

}  // namespace walguard::docker
