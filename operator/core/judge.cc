// From a workload and the cluster to the judgement of each volume.
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/resolve.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

/// What a volume is called tells what it is meant to be; under a sandbox `identity` sees the sandbox's own
/// transport, whatever is behind it (gVisor shows 9p for any volume).
bool identity_saw_the_volume(const VolumeFacts& facts) {
  return !facts.transport || facts.kernel_domain == KernelDomain::kShared;
}

void learn_from_key(VolumeFacts& facts, const EvidenceKey& key, const EvidenceBook& evidence,
                    const Catalog& catalog) {
  for (const Evidence* const latest : evidence.latest_everywhere(key)) {
    const Filesystem* seen = catalog.filesystem_by_name(latest->filesystem);
    if (seen == nullptr || !seen->transport) continue;
    const bool dangerous = *seen->transport == Transport::kNetworkFilesystem ||
                           *seen->transport == Transport::kObjectFuse ||
                           *seen->transport == Transport::kVmShare;
    if (!dangerous) continue;
    facts.transport = seen->transport;
    return;
  }
}

}  // namespace

void learn_from_identity(VolumeFacts& facts, const EvidenceBook& evidence, const Catalog& catalog) {
  if (!identity_saw_the_volume(facts)) return;
  learn_from_key(facts, facts.key, evidence, catalog);
  if (facts.own_key) learn_from_key(facts, *facts.own_key, evidence, catalog);
}

std::vector<JudgedVolume> judge(const Workload& workload, const ClusterState& cluster, const Catalog& catalog,
                                const EvidenceBook& evidence, const Policy& policy, UtcSeconds now) {
  std::vector<JudgedVolume> judged;
  for (VolumeFacts& facts : resolve(workload, cluster, catalog)) {
    learn_from_identity(facts, evidence, catalog);
    Judgement judgement = decide(facts, evidence, policy, now);
    judged.push_back({std::move(facts), std::move(judgement)});
  }
  return judged;
}

std::vector<JudgedVolume> judge_before_update(Workload old_object, const Workload& object,
                                              const ClusterState& cluster, const Catalog& catalog,
                                              const EvidenceBook& evidence, const Policy& policy,
                                              UtcSeconds now) {
  old_object.annotations = object.annotations;
  return judge(old_object, cluster, catalog, evidence, policy, now);
}

}  // namespace walguard::core
