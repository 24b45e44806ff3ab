/// Judges the workloads of files, as the webhook would judge them on their way into a cluster.
///
/// Pure, thread-safe.
#pragma once

#include <vector>

#include "operator/check/manifests.h"
#include "operator/check/report.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/engine/docker_host.h"

namespace walguard::check {

/// What is judged by. Outlives the call.
struct CheckBasis {
  const core::Catalog& catalog;
  const core::EvidenceBook& evidence;
  const core::Policy& policy;
  core::Mode mode = core::Mode::kEnforce;  ///< of every namespace, whatever its labels and the policy say
  core::UtcSeconds now = 0;
  engine::DockerHost host = {};  ///< the engine that compose files are for
};

/// Judges each pod and each workload of `input`, and each service of its compose files. The cluster is taken
/// to hold all objects of `cluster` and, in place of those of the same name, all of `input`; a workload of
/// the input also stands for pods that it would make, so that two of them on one claim are seen to share it.
[[nodiscard]] CheckReport check(std::vector<ReadFile> input, std::vector<ReadFile> cluster,
                                const CheckBasis& basis);

}  // namespace walguard::check
