#include "operator/core/evidence.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

class KeyHash {
 public:
  void add(std::string_view text) {
    // The boost::hash_combine constant; any odd mix would do, equality is checked afterwards.
    value_ ^= std::hash<std::string_view>{}(text) + 0x9e3779b97f4a7c15ULL + (value_ << 6U) + (value_ >> 2U);
  }
  [[nodiscard]] std::size_t value() const { return value_; }

 private:
  std::size_t value_ = 0;
};

std::size_t hash_of(const EvidenceKey& key) {
  KeyHash hash;
  for (const std::string_view part : {std::string_view{key.storage_class}, std::string_view{key.volume},
                                      std::string_view{key.driver}, std::string_view{key.parameters},
                                      std::string_view{key.fs_type}, std::string_view{key.runtime_handler}}) {
    hash.add(part);
  }
  if (key.access_mode) hash.add(name(*key.access_mode));
  for (const std::string& option : key.mount_options) hash.add(option);
  return hash.value();
}

/// Whether a measurement as far as `measured` says anything about sharing as far as `asked`.
bool speaks_for(Verdict verdict, Scope measured, Scope asked) {
  switch (verdict) {
    case Verdict::kSafe:
      return measured >= asked;
    case Verdict::kUnsafe:
      return measured <= asked;
    case Verdict::kUnproven:
    case Verdict::kNotApplicable:
      return false;
  }
  return false;
}

void append_field(std::string& text, std::string_view field, std::string_view value) {
  if (value.empty()) return;
  if (!text.empty()) text += ' ';
  text.append(field).append("=").append(value);
}

}  // namespace

std::optional<AccessMode> access_in_key(const std::vector<AccessMode>& modes) {
  const auto has = [&](AccessMode mode) { return std::ranges::find(modes, mode) != modes.end(); };
  if (has(AccessMode::kReadWriteMany)) return AccessMode::kReadWriteMany;
  if (has(AccessMode::kReadWriteOnce) || has(AccessMode::kReadWriteOncePod))
    return AccessMode::kReadWriteOnce;
  return std::nullopt;
}

std::string EvidenceKey::text() const {
  std::string text;
  append_field(text, "class", storage_class);
  append_field(text, "volume", volume);
  append_field(text, "driver", driver);
  append_field(text, "fsType", fs_type);
  append_field(text, "runtime", runtime_handler);
  // Not the parameters and mount options, which say nothing to people here.
  return text;
}

EvidenceBook::EvidenceBook(std::vector<Evidence> all) : all_(std::move(all)) {
  std::ranges::stable_sort(all_, std::greater{}, &Evidence::measured_at);
  for (std::size_t i = 0; i < all_.size(); ++i) by_key_[hash_of(all_[i].key)].push_back(i);
}

EvidenceAnswer EvidenceBook::ask(const EvidenceKey& key, Strategy strategy, std::optional<Scope> scope,
                                 UtcSeconds now, UtcSeconds max_age, UtcSeconds grace) const {
  // A driver alone is no storage: every volume that is written into a pod would share one measurement.
  if (key.storage_class.empty() && key.volume.empty()) return {};
  const auto found = by_key_.find(hash_of(key));
  if (found == by_key_.end()) return {};
  const Evidence* newest_pass = nullptr;
  const Evidence* newest = nullptr;
  std::vector<std::string_view> passed_on;
  for (const std::size_t index : found->second) {
    const Evidence& evidence = all_[index];
    if (evidence.key != key) continue;
    if (newest == nullptr) newest = &evidence;
    const Verdict verdict = evidence.verdicts[strategy];
    if (!speaks_for(verdict, evidence.scope, scope.value_or(Scope::kCluster))) continue;
    if (std::ranges::find(passed_on, evidence.placement) != passed_on.end()) continue;
    if (verdict == Verdict::kUnsafe) return {verdict, &evidence};
    passed_on.push_back(evidence.placement);
    if (newest_pass == nullptr) newest_pass = &evidence;
  }
  EvidenceAnswer answer;
  const bool is_open = newest != nullptr && newest->verdicts[strategy] == Verdict::kUnproven;
  if (is_open && now - newest->measured_at <= max_age) answer.inconclusive = newest;
  if (newest_pass == nullptr) return answer;
  answer.evidence = newest_pass;
  const UtcSeconds age = now - newest_pass->measured_at;
  if (age <= max_age) {
    answer.verdict = Verdict::kSafe;
  } else if (age <= max_age + grace) {
    answer.verdict = Verdict::kSafe;
    answer.age = EvidenceAnswer::Age::kInGrace;
  } else {
    answer.age = EvidenceAnswer::Age::kStale;
  }
  return answer;
}

std::vector<const Evidence*> EvidenceBook::latest_everywhere(const EvidenceKey& key) const {
  std::vector<const Evidence*> latest;
  const auto found = by_key_.find(hash_of(key));
  if (found == by_key_.end()) return latest;
  for (const std::size_t index : found->second) {
    const Evidence& evidence = all_[index];
    const bool has_newer = std::ranges::any_of(
        latest, [&](const Evidence* newer) { return newer->placement == evidence.placement; });
    if (!has_newer && evidence.key == key) latest.push_back(&evidence);
  }
  return latest;
}

const Evidence* EvidenceBook::latest(const EvidenceKey& key) const {
  const auto found = by_key_.find(hash_of(key));
  if (found == by_key_.end()) return nullptr;
  for (const std::size_t index : found->second) {
    if (all_[index].key == key) return &all_[index];
  }
  return nullptr;
}

}  // namespace walguard::core
