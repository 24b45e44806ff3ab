#include "operator/check/compose_sharing.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/check/compose_facts.h"
#include "operator/check/compose_storage.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/compose.h"

namespace walguard::check {
namespace {

using core::KernelDomain;
using core::Scope;
using core::Transport;
using core::VolumeFacts;
using engine::DockerHost;
using wire::ComposeFile;
using wire::ComposeMount;
using wire::ComposeService;
using wire::ComposeVolume;
using MountKind = wire::ComposeMount::Kind;

/// An engine whose runtime nobody has changed runs runc.
std::string_view runtime_of(const ComposeService& service, const DockerHost& host) {
  if (!service.runtime.empty()) return service.runtime;
  return host.default_runtime.empty() ? std::string_view("runc") : std::string_view(host.default_runtime);
}

void add_kernels(VolumeFacts& facts, const std::vector<const ComposeService*>& consumers,
                 const ComposeService& own, const DockerHost& host) {
  const bool runtime_elsewhere = own.extends_another && own.runtime.empty();
  if (!runtime_elsewhere) facts.kernel_domain = engine::kernel_of_runtime(runtime_of(own, host));
  facts.other_kernels_known = true;
  facts.key.runtime_handler =
      facts.kernel_domain == KernelDomain::kShared ? std::string() : std::string(runtime_of(own, host));
  for (const ComposeService* other : consumers) {
    const auto domain = engine::kernel_of_runtime(runtime_of(*other, host));
    if (!domain) facts.other_kernels_known = false;
    if (domain && facts.kernel_domain && *domain != *facts.kernel_domain) {
      facts.kernel_domain = KernelDomain::kMixed;
      return;
    }
  }
}

bool runs_on_several_machines(const ComposeService& service, const DockerHost& host) {
  return host.swarm_nodes > 1 && (service.replicas > 1 || service.on_every_node);
}

enum class Shares : std::uint8_t { kNo, kMaybe, kYes };

/// Whether two mounts lead to the same files; kMaybe where a variable settles it.
Shares shares(const ComposeMount& ours, const ComposeMount& theirs, const ComposeFile& compose,
              const std::string& folder) {
  if (same_storage(ours, theirs, compose, folder)) return Shares::kYes;
  const bool of_one_container = ours.kind == MountKind::kTmpfs || theirs.kind == MountKind::kTmpfs ||
                                is_anonymous(ours) || is_anonymous(theirs);
  const bool open = may_be_another(ours, compose) || may_be_another(theirs, compose);
  return open && !of_one_container ? Shares::kMaybe : Shares::kNo;
}

/// Whether two services share the volume of `mount`, of which the first may have several folders mounted.
Shares shares_with(const ComposeUse& use, const ComposeMount& mount, const ComposeUse& other,
                   const ComposeFile& compose) {
  Shares most = Shares::kNo;
  for (const ComposeMount& ours : use.mounts) {
    if (volume_name(ours) != volume_name(mount)) continue;
    for (const ComposeMount& theirs : other.mounts) {
      most = std::max(most, shares(ours, theirs, compose, use.folder));
    }
  }
  return most;
}

/// Everybody in the file who has a volume mounted, or may have.
struct Consumers {
  std::vector<const ComposeService*> sure;  ///< the service itself among them
  std::vector<const ComposeService*> possible;
};

Consumers consumers_of(const ComposeMount& mount, const ComposeUse& use, const std::vector<ComposeUse>& all,
                       const ComposeFile& compose) {
  Consumers consumers;
  for (const ComposeUse& other : all) {
    const Shares shared = &other == &use ? Shares::kYes : shares_with(use, mount, other, compose);
    if (shared == Shares::kYes) consumers.sure.push_back(other.service);
    if (shared == Shares::kMaybe) consumers.possible.push_back(other.service);
  }
  return consumers;
}

/// By another project, or by hand. `docker compose config` names every volume: those of the project after it.
bool is_open_to_others(const ComposeMount& mount, const ComposeFile& compose) {
  const ComposeVolume* const volume = find_volume(compose, mount.source);
  if (mount.kind != MountKind::kVolume || volume == nullptr) return false;
  const std::string name = engines_name(volume);
  return !name.empty() && (volume->external || name != compose.project + "_" + volume->name);
}

/// Who may be there beside those in view. Under a kernel of its own a container is not said to share what it
/// only may share: that its kernel and another meet is then an open question.
void add_unseen(VolumeFacts& facts, const std::vector<const ComposeService*>& possible, bool anybody,
                const DockerHost& host) {
  const auto has_hosts_kernel = [&](const ComposeService* service) {
    return engine::kernel_of_runtime(runtime_of(*service, host)) == KernelDomain::kShared;
  };
  const bool all_on_the_host = std::ranges::all_of(possible, has_hosts_kernel);
  if (!anybody && possible.empty()) return;
  const bool own_on_the_host = facts.kernel_domain == KernelDomain::kShared;
  if (anybody || !all_on_the_host || !own_on_the_host) facts.other_kernels_known = false;
  if (own_on_the_host && facts.scope) facts.scope = std::max(*facts.scope, Scope::kNode);
}

}  // namespace

// The engine names volumes and hosts; nobody else is in view.
void add_sharing(VolumeFacts& facts, const ComposeMount& mount, const ComposeUse& use,
                 const std::vector<ComposeUse>& all, const ComposeFile& compose, const DockerHost& host) {
  const Consumers consumers = consumers_of(mount, use, all, compose);
  std::int64_t containers = 0;
  bool several_machines = false;
  for (const ComposeService* consumer : consumers.sure) {
    containers += std::max<std::int64_t>(consumer->replicas, 1);
    several_machines = several_machines || runs_on_several_machines(*consumer, host);
  }
  const bool is_tmpfs = mount.kind == MountKind::kTmpfs;
  const bool of_one_container = is_tmpfs || (is_anonymous(mount) && consumers.sure.size() == 1);
  facts.consumers_in_pod = 1;
  facts.workload =
      use.service->on_every_node ? core::WorkloadKind::kDaemonSet : core::WorkloadKind::kDeployment;
  facts.replicas = use.service->replicas;
  facts.other_pods = static_cast<int>(consumers.sure.size()) - 1;
  facts.per_replica_claim = of_one_container;
  const bool shared = containers > 1 || is_open_to_others(mount, compose);
  facts.scope = shared && !of_one_container ? Scope::kNode : Scope::kContainer;
  const bool follows_the_container =
      facts.transport != Transport::kLocalDisk && facts.transport != Transport::kMemory;
  if (several_machines && follows_the_container) facts.scope = Scope::kCluster;
  facts.differs_per_node = several_machines && !follows_the_container && !of_one_container;
  add_kernels(facts, consumers.sure, *use.service, host);
  if (!is_tmpfs) add_unseen(facts, consumers.possible, depends_on_the_unseen(compose), host);
}

}  // namespace walguard::check
