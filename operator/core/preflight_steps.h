/// The parts of next_actions. Internal to the plan; pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/preflight_plan.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/preflight_world.h"
#include "operator/core/verdict.h"

namespace walguard::core {

/// One preflight within its world, and the list that its actions go to.
struct Step {
  const PreflightWorld& world;
  const ObservedPreflight& observed;
  std::size_t index;
  UtcSeconds now;
  std::vector<Action>& actions;

  [[nodiscard]] const Preflight& object() const { return observed.object; }
  [[nodiscard]] const PreflightSpec& spec() const { return observed.object.spec; }
  [[nodiscard]] const PreflightStatus& status() const { return observed.object.status; }
  [[nodiscard]] bool is_class() const { return observed.object.kind == PreflightKind::kVolume; }
  /// Where the objects of its runs are.
  [[nodiscard]] const std::string& run_namespace() const {
    return is_class() ? world.own_namespace : observed.object.namespace_name;
  }

  Action& act(ActionKind kind, std::string name = {}, std::string uid = {});
  /// Only where it says something new: an unchanged status is not written again.
  void write(PreflightStatus status);
  void tell(bool warning, std::string reason, std::string message);
};

/// Whose a volume is that a claim of ours is bound to.
enum class Origin {
  kNone,       ///< the claim has no volume yet
  kNotInView,  ///< it has one that was not seen
  kOurs,       ///< provisioned for this very claim, and not older than it
  kForeign,    ///< anything else: somebody's data
};
[[nodiscard]] Origin origin_of(const ObservedClaim& claim, const std::vector<ObservedVolume>& volumes);

/// Takes away what is in `objects`, in an order in which nothing is lost or left; true once all of it has
/// gone. `known`: the status of their preflight, which remembers volumes; nullptr where that is gone.
[[nodiscard]] bool clean_up(const PreflightWorld& world, const RunObjects& objects,
                            std::string_view namespace_name, std::optional<std::size_t> preflight,
                            const PreflightStatus* known, std::vector<Action>& actions);

// Reasons of a run with which all is well, and the one where nothing tells more.
inline constexpr std::string_view kStarted = "Started";
inline constexpr std::string_view kMeasuring = "Measuring";
inline constexpr std::string_view kNotStarted = "NotStarted";

/// One word for programs, one line for people.
struct Why {
  std::string reason;
  std::string message;
};

/// What a run that begins now would be evidence of. Only where there is no obstacle.
[[nodiscard]] EvidenceKey key_of(const Step& step);
/// A failure speaks of its own scope and wider ones; a pass has to reach as far as was asked.
[[nodiscard]] bool settles(const Measurement& measured, Scope asked);
/// Ends the run. The result stands in the status at once; cleaning up comes after.
void finish(Step& step, const Why& why, std::optional<Measurement> measured = std::nullopt);
/// What keeps the run: refusals, the scheduler, images, Events. "NotStarted" and `otherwise` where nothing
/// tells.
[[nodiscard]] Why why_it_does_not_start(const Step& step, const std::vector<const ObservedPod*>& pods,
                                        std::string_view otherwise);
/// Shows at once what the run hangs on; ends it when its time is over.
void wait_or_give_up(Step& step, Why why, UtcSeconds until);
/// A Job that is not suspended any more.
void follow(Step& step, const ObservedJob& job);

/// The phases.
void plan_start(Step& step, int& free_slots, int& starts_left);
void plan_run(Step& step);
void plan_cleanup(Step& step);

}  // namespace walguard::core
