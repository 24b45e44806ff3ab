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
#include "operator/check/docker_host.h"
#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/wire/compose.h"
#include "operator/wire/text_forms.h"

namespace walguard::check {
namespace {

using core::Transport;
using core::VolumeFacts;
using wire::ComposeFile;
using wire::ComposeMount;
using wire::ComposeService;
using wire::ComposeVolume;
using MountKind = wire::ComposeMount::Kind;

constexpr std::string_view kVolumesDoc = "https://docs.docker.com/engine/storage/volumes/";
constexpr std::string_view kTmpfsDoc = "https://docs.docker.com/engine/storage/tmpfs/";
constexpr std::string_view kDesktopDoc =
    "https://docs.docker.com/desktop/settings-and-maintenance/settings/#file-sharing";

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

void set_known(VolumeFacts& facts, Transport transport, bool verified, std::string_view source) {
  facts.transport = transport;
  facts.transport_verified = verified;
  facts.source = source;
}

/// `written`: the path as the author knows it.
void describe_path(VolumeFacts& facts, const std::string& written, const std::string& path,
                   const DockerHost& host) {
  facts.driver = "bind mount of " + written;
  facts.key.driver = "hostPath";
  facts.key.volume = "hostPath:" + path;
  const bool comes_from_outside =
      host.kind == DockerHost::Kind::kVirtualMachine ||
      (host.kind != DockerHost::Kind::kLinux && is_path_outside_of_the_machine(path));
  if (comes_from_outside) {
    if (!host.words.empty()) facts.driver += " into " + host.words;
    set_known(facts, Transport::kVmShare, true, kDesktopDoc);
    return;
  }
  facts.locks_stay_local = false;
  facts.proven_only_by_preflight = true;  // it is whatever is mounted there
  if (host.kind != DockerHost::Kind::kUnknown) set_known(facts, Transport::kLocalDisk, false, kVolumesDoc);
}

/// driver_opts of the local driver are those of mount(8).
void describe_mounted(VolumeFacts& facts, const ComposeVolume& volume, const core::Catalog& catalog) {
  const std::string type = option_of(volume, "type");
  facts.driver = "local, type " + type;
  facts.key.fs_type = type;
  facts.key.mount_options = wire::without_secrets(split(option_of(volume, "o")));
  std::ranges::sort(facts.key.mount_options);
  const core::Filesystem* filesystem = catalog.filesystem_by_name(type);
  if (filesystem != nullptr && filesystem->transport) {
    set_known(facts, *filesystem->transport, filesystem->verified, filesystem->source);
  }
  facts.locks_stay_local = false;
  for (const std::string& option : facts.key.mount_options) {
    using Effect = core::MountOptionFact::Effect;
    const core::MountOptionFact* fact = catalog.mount_option(option);
    if (fact == nullptr) continue;
    if (fact->effect == Effect::kLocksStayLocal) {
      facts.locks_stay_local = true;
      facts.locks_because = "mount option " + fact->option;
    } else if (fact->effect == Effect::kSplitPageCache) {
      facts.split_page_cache = true;
      facts.split_because = "mount option " + fact->option;
    } else if (facts.risky_option.empty()) {
      facts.risky_option = fact->option;
    }
  }
}

/// A folder below the engine's data root.
void describe_engines_own(VolumeFacts& facts, const DockerHost& host, const core::Catalog& catalog) {
  facts.driver = "local";
  facts.locks_stay_local = false;
  if (host.volumes_are_local == false) {  // the engine's own word: on something else
    facts.driver += " on " + host.data_root_filesystem;
    const core::Filesystem* filesystem = catalog.filesystem_by_name(host.data_root_filesystem);
    if (filesystem != nullptr && filesystem->transport) {
      set_known(facts, *filesystem->transport, filesystem->verified, filesystem->source);
    }
    return;
  }
  const bool known = host.volumes_are_local.has_value();
  if (known) facts.driver += " on " + host.data_root_filesystem;
  set_known(facts, Transport::kLocalDisk, known, kVolumesDoc);
}

void describe_plugin(VolumeFacts& facts, const ComposeVolume& volume, const core::Catalog& catalog) {
  facts.driver = volume.driver;
  // The catalog has plugins under their name without its tag.
  const std::string plugin = "docker:" + volume.driver.substr(0, volume.driver.find(':'));
  core::VariantQuery query;
  query.driver = plugin;
  query.parameters = &volume.options;
  const auto match = catalog.find(query);
  if (match.variant == nullptr || !match.variant->transport) return;
  set_known(facts, *match.variant->transport, match.variant->verified, match.variant->source);
  facts.proven_only_by_preflight = match.variant->proven_only_by_preflight;
}

void describe_volume(VolumeFacts& facts, const ComposeMount& mount, const std::string& folder,
                     const ComposeFile& compose, const DockerHost& host, const core::Catalog& catalog) {
  const ComposeVolume* volume = find_volume(compose, mount.source);
  const std::string name = engines_name(volume);
  facts.key.volume = mount.source.empty() ? "" : "docker:" + (name.empty() ? mount.source : name);
  facts.key.driver = volume == nullptr || volume->driver.empty() ? "local" : volume->driver;
  if (volume == nullptr) {
    describe_engines_own(facts, host, catalog);
    return;
  }
  if (volume->external) {
    facts.driver = "of the external volume " + volume->name;
  } else if (!volume->driver.empty() && volume->driver != "local") {
    describe_plugin(facts, *volume, catalog);
  } else if (const auto path = host_path_of(mount, compose, folder)) {
    describe_path(facts, option_of(*volume, "device"), *path, host);
  } else if (!option_of(*volume, "type").empty()) {
    describe_mounted(facts, *volume, catalog);
  } else {
    describe_engines_own(facts, host, catalog);
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

/// "/data/app.db" is a file's path; a folder's name rarely has a dot behind its beginning.
bool looks_like_a_file(std::string_view path) {
  const std::string_view base = path.substr(path.rfind('/') + 1);
  return base.find('.', 1) != std::string_view::npos;
}

core::Volume volume_of(const ComposeMount& mount) {
  core::Volume volume;
  volume.name = volume_name(mount);
  switch (mount.kind) {
    case MountKind::kBind:
      volume.kind = core::VolumeKind::kHostPath;
      volume.host_path = mount.source;
      volume.host_path_type = looks_like_a_file(mount.target) ? "File" : "Directory";
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
      set_known(facts, Transport::kMemory, true, kTmpfsDoc);
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
