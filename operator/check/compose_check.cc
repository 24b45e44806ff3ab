#include "operator/check/compose_check.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "operator/check/check.h"
#include "operator/check/compose_facts.h"
#include "operator/check/compose_remedy.h"
#include "operator/check/compose_storage.h"
#include "operator/check/judged.h"
#include "operator/check/report.h"
#include "operator/core/accepted_risk.h"
#include "operator/core/catalog.h"
#include "operator/core/databases.h"
#include "operator/core/decide.h"
#include "operator/core/pod_mounts.h"
#include "operator/core/policy.h"
#include "operator/core/response.h"
#include "operator/core/sharing.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/compose.h"

namespace walguard::check {
namespace {

using engine::DockerHost;
using wire::ComposeFile;
using wire::ComposeMount;

CheckedVolume judge_volume(core::VolumeFacts facts, const ComposeMountPlace& place,
                           const core::Workload& workload, const DockerHost& host, const CheckBasis& basis) {
  core::learn_from_identity(facts, basis.evidence, basis.catalog);
  core::Judgement judgement = core::decide(facts, basis.evidence, basis.policy, basis.now);
  // What passes on a desktop's own disk is a share for the containers of its virtual machine.
  const bool may_be_shared_in = host.kind == DockerHost::Kind::kUnknown && facts.key.driver == "hostPath";
  if (may_be_shared_in && judgement.verdict == core::Verdict::kSafe) {
    facts.key = {};
    judgement = core::decide(facts, basis.evidence, basis.policy, basis.now);
  }
  CheckedVolume volume =
      checked_volume({std::move(facts), std::move(judgement)}, workload, place.mount.line, basis.policy);
  for (CheckedFinding& found : volume.findings) {
    if (auto remedy = compose_remedy(found.finding, place)) found.own_remedy = *std::move(remedy);
  }
  return volume;
}

/// What an engine with walguard's plugin would do; it has no gate to hold a container at.
core::Decision decision_of(const CheckedObject& object, core::Mode mode) {
  if (mode <= core::Mode::kAudit) return core::Decision::kAllow;
  const auto sure = [](const CheckedVolume& volume) {
    return volume.facts.certainty >= core::Certainty::kFound && standing(volume) == core::Severity::kUnsafe;
  };
  if (mode == core::Mode::kEnforce && std::ranges::any_of(object.volumes, sure)) return core::Decision::kDeny;
  const bool any_finding = std::ranges::any_of(object.volumes, [](const CheckedVolume& volume) {
    return std::ranges::any_of(volume.findings, [](const CheckedFinding& found) {
      return found.finding.severity > core::Severity::kInfo;
    });
  });
  return any_finding || !object.notes.empty() ? core::Decision::kWarn : core::Decision::kAllow;
}

/// One service with what is on each of its volumes.
struct FoundInService {
  const ComposeUse* use;
  core::Workload workload;
  std::vector<core::DatabasesOnVolume> databases;  ///< of workload.pod.volumes
};

FoundInService find_in(const ComposeUse& use, const core::Catalog& catalog) {
  FoundInService found{.use = &use, .workload = workload_of(use), .databases = {}};
  found.databases = core::find_databases(found.workload, catalog);
  return found;
}

/// The first mount of a volume.
const ComposeMount* mount_of(const FoundInService& service, std::size_t volume) {
  const std::string& name = service.workload.pod.volumes[volume].name;
  return &*std::ranges::find(service.use->mounts, name, volume_name);
}

void add_databases(core::VolumeFacts& facts, FoundInService& service, std::size_t volume) {
  core::DatabasesOnVolume& databases = service.databases[volume];
  const core::PodSpec& pod = service.workload.pod;
  facts.certainty = databases.certainty;
  facts.databases = std::move(databases.paths);
  facts.strategy = databases.strategy;
  facts.usage = std::move(databases.usage);
  facts.single_file_mount = databases.single_file_mount;
  facts.read_only_consumers = core::read_only_consumers(core::PodMounts(pod), pod.volumes[volume]);
}

/// In a compose file Litestream is a service of its own, beside the one whose databases it replicates.
void take_over_replicators(FoundInService& service, const std::vector<FoundInService>& all,
                           const ComposeFile& compose) {
  for (std::size_t i = 0; i < service.databases.size(); ++i) {
    core::DatabasesOnVolume& databases = service.databases[i];
    if (databases.certainty == core::Certainty::kNone || !databases.usage.replicator.empty()) continue;
    for (const FoundInService& other : all) {
      for (std::size_t j = 0; j < other.databases.size() && &other != &service; ++j) {
        const core::DatabaseUsage& usage = other.databases[j].usage;
        const bool replicates =
            usage.replicator == other.use->service->name &&
            same_storage(*mount_of(service, i), *mount_of(other, j), compose, service.use->folder);
        if (!replicates) continue;
        databases.usage.replicator = usage.replicator;
        if (databases.strategy == core::Strategy::kWal) continue;
        databases.strategy = core::Strategy::kWal;
        databases.usage.journal_contradicted =
            "service \"" + usage.replicator + "\" replicates it, which needs WAL and a connection of its own";
      }
    }
  }
}

void add_notes(CheckedObject& object, const core::Workload& workload, const wire::ComposeService& service,
               const ComposeFile& compose, const core::Policy& policy) {
  object.notes = core::annotation_complaints(workload);
  std::ranges::move(core::accept_risk_complaints(workload, policy), std::back_inserter(object.notes));
  if (service.volumes_from_outside) {
    object.notes.emplace_back("volumes_from a container outside of the file: what that mounts is not judged");
  }
  if (compose.has_parts_elsewhere) {
    object.notes.emplace_back(
        "the file includes or extends others, which are not followed; check what \"docker compose config\" "
        "prints");
  }
}

}  // namespace

std::vector<CheckedObject> check_compose(const ComposeFile& compose, const ComposePlace& place,
                                         const engine::DockerHost& host, const CheckBasis& basis) {
  std::vector<CheckedObject> objects;
  const std::vector<ComposeUse> uses = resolve_uses(compose, place.folder);
  std::vector<FoundInService> services;
  services.reserve(uses.size());
  for (const ComposeUse& use : uses) services.push_back(find_in(use, basis.catalog));
  for (FoundInService& service : services) take_over_replicators(service, services, compose);
  for (FoundInService& service : services) {
    const ComposeUse& use = *service.use;
    const core::Workload& workload = service.workload;
    CheckedObject object;
    object.file = place.file;
    object.line = use.service->line;
    object.kind = "ComposeService";
    object.name = use.service->name;
    for (std::size_t i = 0; i < service.databases.size(); ++i) {
      if (service.databases[i].certainty == core::Certainty::kNone) continue;
      const ComposeMount* const mount = mount_of(service, i);
      core::VolumeFacts facts = facts_of(*mount, use, uses, compose, host, basis.catalog);
      add_databases(facts, service, i);
      const bool merged_tells_more =
          compose.has_parts_elsewhere || is_settled_by_variables(*mount, use, compose);
      object.volumes.push_back(judge_volume(std::move(facts),
                                            {use.service->name, *mount, place.file, merged_tells_more},
                                            workload, host, basis));
    }
    add_notes(object, workload, *use.service, compose, basis.policy);
    object.decision = decision_of(object, basis.mode);
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace walguard::check
