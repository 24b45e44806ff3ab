/// What a check found: plain values that every form of output is written from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/decide.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/wire/manifest.h"

namespace walguard::check {

/// Why a finding does not count: somebody has taken the risk.
struct Accepted {
  bool by_policy = false;  ///< else by the object's own annotation
  std::string reason;
};

struct CheckedFinding {
  core::Finding finding;
  /// For this very place; empty: the rule's own fits. Lines that begin with two spaces are there to be
  /// pasted.
  std::string own_remedy;
  std::optional<Accepted> accepted;

  [[nodiscard]] std::string_view remedy() const { return own_remedy.empty() ? finding.remedy : own_remedy; }
};

/// One volume that holds a SQLite database.
struct CheckedVolume {
  int line = 0;  ///< of the volume in its object; 0: not known
  core::VolumeFacts facts;
  core::Verdict verdict = core::Verdict::kUnproven;  ///< as judged, whatever was accepted
  core::Basis basis = core::Basis::kNone;
  std::vector<CheckedFinding> findings;  ///< worst first
};

/// One pod, or an object that makes pods.
struct CheckedObject {
  std::string file;
  int line = 0;
  std::string kind;            ///< "ComposeService" of a compose file
  std::string namespace_name;  ///< empty of a compose file
  std::string name;
  core::Decision decision = core::Decision::kAllow;  ///< what the webhook would answer
  std::vector<CheckedVolume> volumes;
  std::vector<std::string> notes;  ///< about annotations that have no effect
};

struct CheckReport {
  std::vector<CheckedObject> objects;  ///< in the order of the input, those without databases among them
  std::vector<wire::LoadError> errors;
  /// Objects with containers, of kinds that are not understood: "Rollout (argoproj.io/v1alpha1)" and how
  /// many.
  std::map<std::string, std::size_t> not_judged;
  std::size_t objects_read = 0;  ///< of any kind, of the input alone
  bool cluster_in_view = false;  ///< there was more than the input to judge by
  bool engine_in_view = false;   ///< it was said what engine compose files are for
};

/// "Deployment shop/web", "ComposeService web".
[[nodiscard]] std::string title_of(const CheckedObject& object);

/// The worst that stands of a volume when accepted findings are left out; kInfo: nothing.
[[nodiscard]] core::Severity standing(const CheckedVolume& volume);

/// The least that fails a check.
enum class FailOn : std::uint8_t { kUnsafe, kUnproven, kWarning };

[[nodiscard]] bool fails(core::Severity severity, FailOn fail_on);
[[nodiscard]] inline bool fails(const CheckedVolume& volume, FailOn fail_on) {
  return fails(standing(volume), fail_on);
}

/// Volumes by what stands of them; `warnings` counts findings and notes.
struct Summary {
  std::size_t unsafe = 0;
  std::size_t unproven = 0;
  std::size_t warnings = 0;
  std::size_t safe = 0;
  std::size_t accepted = 0;  ///< neither unsafe nor unproven only because a risk was accepted
};

[[nodiscard]] Summary summarise(const CheckReport& report);

}  // namespace walguard::check
