/// From judgements to the answer that Docker gets: let it, or refuse it with the rule and the way out. Pure,
/// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "operator/core/decide.h"
#include "operator/core/policy.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/plugin_judge.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {

struct JudgedDockerVolume {
  DockerVolumeFacts volume;
  core::Judgement judgement;
};

/// A database of another container that is worse off with the one that comes.
struct EndangeredVolume {
  JudgedDockerVolume volume;
  const wire::DockerContainer* container = nullptr;  ///< whose database it is
  core::Workload workload;                           ///< that container as one
};

/// Outlives the call.
struct AnswerBasis {
  const core::Policy& policy;
  core::Mode mode = core::Mode::kEnforce;  ///< where the container's label is not stricter
  const std::string& engine_trouble;       ///< why the engine's state is not current; empty: it is
};

/// Leaves the unsafe findings that `before` does not have.
void keep_what_is_worse(core::Judgement& after, const core::Judgement& before);

[[nodiscard]] PluginAnswer docker_answer(const wire::DockerContainer& container,
                                         const core::Workload& workload,
                                         const std::vector<JudgedDockerVolume>& volumes,
                                         const std::vector<EndangeredVolume>& endangered,
                                         const AnswerBasis& basis);

/// Of a request that cannot be judged whole.
[[nodiscard]] PluginAnswer not_judged(const core::Annotations& labels, const std::string& why,
                                      const AnswerBasis& basis);

}  // namespace walguard::docker
