#include "operator/core/preflight_resource.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "operator/core/cluster_objects.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

/// Under the two keys in use: the CSI sidecars' own, and the older in-tree one.
std::string fs_type_of(const StorageClass& storage_class) {
  for (const std::string_view key : {"csi.storage.k8s.io/fstype", "fsType", "fstype"}) {
    if (const auto it = storage_class.parameters.find(key); it != storage_class.parameters.end()) {
      return it->second;
    }
  }
  return {};
}

}  // namespace

bool Measurement::has_verdict() const {
  return std::ranges::any_of(evidence.verdicts.values,
                             [](Verdict verdict) { return verdict != Verdict::kUnproven; });
}

std::string_view name(PreflightKind kind) {
  return kind == PreflightKind::kVolume ? "VolumePreflight" : "ClaimPreflight";
}

std::string_view name(ProbeProfile profile) {
  switch (profile) {
    case ProbeProfile::kQuick:
      return "quick";
    case ProbeProfile::kStandard:
      return "standard";
    case ProbeProfile::kSoak:
      break;
  }
  return "soak";
}

std::string_view name(PreflightPhase phase) {
  switch (phase) {
    case PreflightPhase::kWaiting:
      return "Waiting";
    case PreflightPhase::kRunning:
      return "Running";
    case PreflightPhase::kCleaningUp:
      return "CleaningUp";
    case PreflightPhase::kDone:
      return "Done";
    case PreflightPhase::kInconclusive:
      break;
  }
  return "Inconclusive";
}

std::optional<ProbeProfile> parse_profile(std::string_view text) {
  for (const auto profile : {ProbeProfile::kQuick, ProbeProfile::kStandard, ProbeProfile::kSoak}) {
    if (name(profile) == text) return profile;
  }
  return std::nullopt;
}

std::optional<PreflightPhase> parse_phase(std::string_view text) {
  for (const auto phase : {PreflightPhase::kWaiting, PreflightPhase::kRunning, PreflightPhase::kCleaningUp,
                           PreflightPhase::kDone, PreflightPhase::kInconclusive}) {
    if (name(phase) == text) return phase;
  }
  return std::nullopt;
}

EvidenceKey class_key(const StorageClass& storage_class, std::string_view runtime_handler,
                      AccessMode access_mode) {
  EvidenceKey key;
  key.storage_class = storage_class.name;
  key.driver = storage_class.provisioner;
  key.parameters = storage_class.parameters_digest;
  key.mount_options = storage_class.mount_options;
  std::ranges::sort(key.mount_options);
  key.fs_type = fs_type_of(storage_class);
  key.access_mode = access_in_key({access_mode});
  key.runtime_handler = runtime_handler;
  return key;
}

const Evidence* evidence_of(const PreflightStatus& status) {
  return status.measured ? &status.measured->evidence : nullptr;
}

void set_condition(PreflightStatus& status, std::string_view type, bool is_true, std::string reason,
                   std::string message, UtcSeconds now) {
  auto it = std::ranges::find(status.conditions, type, &Condition::type);
  if (it == status.conditions.end()) {
    it = status.conditions.insert(
        it,
        Condition{.type = std::string(type), .is_true = is_true, .reason = {}, .message = {}, .since = now});
  }
  if (it->is_true != is_true) it->since = now;
  it->is_true = is_true;
  it->reason = std::move(reason);
  it->message = std::move(message);
}

}  // namespace walguard::core
