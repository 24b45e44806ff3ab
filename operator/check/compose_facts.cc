#include "operator/check/compose_facts.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/check/compose_sharing.h"
#include "operator/check/compose_storage.h"
#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/compose.h"

namespace walguard::check {
namespace {

using core::Transport;
using core::VolumeFacts;
using engine::DockerHost;
using wire::ComposeFile;
using wire::ComposeMount;
using wire::ComposeService;
using wire::ComposeVolume;
using MountKind = wire::ComposeMount::Kind;

const ComposeService* find_service(const ComposeFile& compose, const std::string& name) {
  const auto found = std::ranges::find(compose.services, name, &ComposeService::name);
  return found == compose.services.end() ? nullptr : &*found;
}

/// `seen`: two services may take volumes from each other.
void add_mounts(const ComposeService& service, bool read_only, const ComposeFile& compose,
                std::set<std::string>& seen, std::vector<ComposeMount>& mounts) {
  if (!seen.insert(service.name).second) return;
  for (ComposeMount mount : service.mounts) {
    mount.read_only = mount.read_only || read_only;
    mounts.push_back(std::move(mount));
  }
  for (const wire::ComposeVolumesFrom& from : service.volumes_from) {
    if (const ComposeService* other = find_service(compose, from.service)) {
      add_mounts(*other, read_only || from.read_only, compose, seen, mounts);
    }
  }
}

/// `written`: the path as the author knows it.
void describe_path(VolumeFacts& facts, const std::string& written, const std::string& path,
                   const DockerHost& host) {
  facts.driver = "bind mount of " + written;
  facts.key.driver = "hostPath";
  facts.key.volume = "hostPath:" + path;
  const bool comes_from_outside =
      host.kind == DockerHost::Kind::kVirtualMachine ||
      (host.kind != DockerHost::Kind::kLinux && engine::is_path_outside_of_the_machine(path));
  if (comes_from_outside) {
    if (!host.words.empty()) facts.driver += " into " + host.words;
    engine::set_known(facts, Transport::kVmShare, true, engine::kDesktopDoc);
    return;
  }
  facts.locks_stay_local = false;
  facts.proven_only_by_preflight = true;  // it is whatever is mounted there
  if (host.kind != DockerHost::Kind::kUnknown)
    engine::set_known(facts, Transport::kLocalDisk, false, engine::kVolumesDoc);
}

void describe_volume(VolumeFacts& facts, const ComposeMount& mount, const std::string& folder,
                     const ComposeFile& compose, const DockerHost& host, const core::Catalog& catalog) {
  const ComposeVolume* volume = find_volume(compose, mount.source);
  const std::string name = engines_name(volume);
  facts.key.volume = mount.source.empty() ? "" : "docker:" + (name.empty() ? mount.source : name);
  facts.key.driver = volume == nullptr || volume->driver.empty() ? "local" : volume->driver;
  if (volume == nullptr) {
    engine::describe_engines_own(facts, host, catalog);
    return;
  }
  if (volume->external) {
    facts.driver = "of the external volume " + volume->name;
  } else if (!volume->driver.empty() && volume->driver != "local") {
    engine::describe_plugin(facts, volume->driver, volume->options, catalog);
  } else if (const auto path = host_path_of(mount, compose, folder)) {
    describe_path(facts, engine::option_of(volume->options, "device"), *path, host);
  } else if (!engine::option_of(volume->options, "type").empty()) {
    engine::describe_mounted(facts, volume->options, catalog);
  } else {
    engine::describe_engines_own(facts, host, catalog);
  }
}

/// A default tells only what is there where nobody has set the variable: enough for `unsafe` alone.
void leave_open(VolumeFacts& facts) {
  facts.key = {};
  const bool unsafe_by_default = facts.transport == Transport::kNetworkFilesystem ||
                                 facts.transport == Transport::kObjectFuse ||
                                 facts.transport == Transport::kVmShare;
  if (unsafe_by_default) return;
  facts.transport.reset();
  facts.transport_verified = false;
  facts.source.clear();
  facts.driver = "of " + facts.volume;
  // One without a default has the variable for its name.
  if (facts.volume.find('$') == std::string::npos) facts.driver += " (or what a variable says in its place)";
}

core::Volume volume_of(const ComposeMount& mount) {
  core::Volume volume;
  volume.name = volume_name(mount);
  switch (mount.kind) {
    case MountKind::kBind:
      volume.kind = core::VolumeKind::kHostPath;
      volume.host_path = mount.source;
      volume.host_path_type = engine::looks_like_a_file(mount.target) ? "File" : "Directory";
      break;
    case MountKind::kVolume:
      volume.kind = core::VolumeKind::kInline;
      break;
    case MountKind::kTmpfs:
      volume.kind = core::VolumeKind::kEmptyDirMemory;
      break;
    case MountKind::kUnknown:
      break;
  }
  return volume;
}

}  // namespace

std::vector<ComposeUse> resolve_uses(const ComposeFile& compose, const std::string& folder) {
  std::vector<ComposeUse> uses;
  for (const ComposeService& service : compose.services) {
    ComposeUse use{.service = &service, .mounts = {}, .folder = folder};
    std::set<std::string> seen;
    add_mounts(service, false, compose, seen, use.mounts);
    // A service's own mount, which stands first, hides one that it takes over from another.
    std::set<std::string> targets;
    std::erase_if(use.mounts,
                  [&](const ComposeMount& mount) { return !targets.insert(mount.target).second; });
    uses.push_back(std::move(use));
  }
  return uses;
}

bool depends_on_the_unseen(const ComposeFile& compose) {
  return compose.has_parts_elsewhere ||
         std::ranges::any_of(compose.services, &ComposeService::volumes_from_outside);
}

bool is_settled_by_variables(const ComposeMount& mount, const ComposeUse& use, const ComposeFile& compose) {
  return std::ranges::any_of(use.mounts, [&](const ComposeMount& other) {
    return volume_name(other) == volume_name(mount) && may_be_another(other, compose);
  });
}

core::Workload workload_of(const ComposeUse& use) {
  core::Workload workload;
  workload.kind = core::WorkloadKind::kDeployment;
  workload.name = use.service->name;
  workload.annotations = use.service->annotations;
  workload.replicas = use.service->replicas;
  core::Container container{.name = use.service->name,
                            .role = core::ContainerRole::kApp,
                            .mounts = {},
                            .launch = use.service->launch};
  for (const ComposeMount& mount : use.mounts) {
    const std::string name = volume_name(mount);
    auto& volumes = workload.pod.volumes;
    if (std::ranges::find(volumes, name, &core::Volume::name) == volumes.end()) {
      volumes.push_back(volume_of(mount));
    }
    container.mounts.push_back(
        {.volume = name, .path = mount.target, .sub_path = mount.sub_path, .read_only = mount.read_only});
  }
  workload.pod.containers.push_back(std::move(container));
  return workload;
}

core::VolumeFacts facts_of(const ComposeMount& mount, const ComposeUse& use,
                           const std::vector<ComposeUse>& all, const ComposeFile& compose,
                           const DockerHost& host, const core::Catalog& catalog) {
  VolumeFacts facts;
  facts.volume = volume_name(mount);
  facts.volume_mode = core::VolumeMode::kFilesystem;
  switch (mount.kind) {
    case MountKind::kBind:
      describe_path(facts, mount.source, absolute_path(mount.source, use.folder), host);
      break;
    case MountKind::kVolume:
      describe_volume(facts, mount, use.folder, compose, host, catalog);
      break;
    case MountKind::kTmpfs:
      facts.driver = "tmpfs";
      facts.locks_stay_local = false;
      engine::set_known(facts, Transport::kMemory, true, engine::kTmpfsDoc);
      break;
    case MountKind::kUnknown:
      facts.driver = "of " + facts.volume;
      break;
  }
  if (is_settled_by_variables(mount, use, compose)) leave_open(facts);
  add_sharing(facts, mount, use, all, compose, host);
  return facts;
}

}  // namespace walguard::check
