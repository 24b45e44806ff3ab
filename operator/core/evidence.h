/// Evidence: the graded report of a preflight, with the key that says which volumes it speaks of.
///
/// Immutable snapshot, thread-safe. A shell builds a new `EvidenceBook` when a report arrives and swaps it
/// in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {

/// EvidenceKey::runtime_handler of a RuntimeClass that is not in view begins so; its name follows.
inline constexpr std::string_view kUnknownRuntimePrefix = "runtimeClass:";

/// What a measurement was made on, and so what it can speak of: a volume matches when every field is equal.
/// Class evidence has `storage_class`; a volume that no class provisions (static, hostPath) has `volume`
/// instead.
struct EvidenceKey {
  std::string storage_class;
  /// PersistentVolume name, or "hostPath:PATH"; with "@HOSTNAME" where each node has other files under that
  /// name. Empty for class evidence.
  std::string volume;
  std::string driver;
  std::string parameters;                  ///< of the class: StorageClass::parameters_digest
  std::vector<std::string> mount_options;  ///< sorted
  std::string fs_type;
  /// Class evidence: how the claim asked for the volume, by access_in_key(). Drivers serve ReadWriteMany by
  /// other means than ReadWriteOnce, as NFS in place of a disk.
  std::optional<AccessMode> access_mode;
  std::string runtime_handler;  ///< empty: the node's default runtime

  friend bool operator==(const EvidenceKey&, const EvidenceKey&) = default;
  /// Stable one-line form for logs, annotations and the store: "class=fast driver=x.csi.io".
  [[nodiscard]] std::string text() const;
};

/// The widest way in which one may write; nullopt: none. Both kinds of ReadWriteOnce are one: what is behind
/// the volume is the same, and scope says who shares it.
[[nodiscard]] std::optional<AccessMode> access_in_key(const std::vector<AccessMode>& modes);

/// What it is like to share the database there: numbers of the preflight's WAL workload.
struct Contention {
  double refused = 0;                  ///< of transactions, with two writers and no busy_timeout: a fraction
  std::optional<double> longest_wait;  ///< seconds for the write lock, with busy_timeout 5000

  friend bool operator==(const Contention&, const Contention&) = default;
};

struct Evidence {
  EvidenceKey key;
  /// On which nodes it was measured, as a digest of the wish for them; empty: on any, or on the only ones.
  /// Not part of the key: a volume does not tell on which nodes its pod will run.
  std::string placement;
  Scope scope = Scope::kContainer;  ///< as far as the run reached, by its own report
  PerStrategy<Verdict> verdicts{{Verdict::kUnproven, Verdict::kUnproven, Verdict::kUnproven}};
  std::vector<std::string> reasons;  ///< "byte-range-locks: both agents were granted byte 120"
  std::optional<Contention> contention;
  UtcSeconds measured_at = 0;  ///< seconds since the epoch
  std::string filesystem;      ///< what `identity` saw
  std::string kernel_release;
  std::string probe_version;
  std::string digest;  ///< short name of the report, for the annotation walguard/evidence
};

/// What the evidence in hand says of one question.
struct EvidenceAnswer {
  Verdict verdict = Verdict::kUnproven;
  const Evidence* evidence =
      nullptr;  ///< what decided; null when there is nothing that speaks of the question
  enum class Age : std::uint8_t {
    kFresh,
    kInGrace,
    kStale
  } age = Age::kFresh;  ///< a stale pass proves nothing
  /// The newest evidence of the key, whatever its scope, where it is fresh and says kUnproven of the
  /// strategy: somebody looked and could not say. Null: it is not so.
  const Evidence* inconclusive = nullptr;
};

class EvidenceBook {
 public:
  EvidenceBook() = default;
  explicit EvidenceBook(std::vector<Evidence> all);

  /// Asks whether `strategy` is proven for `key` as far as `scope` (nullopt: the widest). A pass speaks for
  /// its own scope and narrower ones; a failure for its own and wider ones. Of those that speak, the newest
  /// of each placement counts; a failure on any of them decides, else the newest. A pass older than `max_age`
  /// is in grace for `grace` more, then stale and answers kUnproven; a failure does not age. Times in
  /// seconds.
  [[nodiscard]] EvidenceAnswer ask(const EvidenceKey& key, Strategy strategy, std::optional<Scope> scope,
                                   UtcSeconds now, UtcSeconds max_age, UtcSeconds grace) const;
  /// The newest evidence of this key for each placement, whatever it says, the newest first.
  [[nodiscard]] std::vector<const Evidence*> latest_everywhere(const EvidenceKey& key) const;
  /// The newest evidence of this key, whatever it says; null when there is none.
  [[nodiscard]] const Evidence* latest(const EvidenceKey& key) const;
  [[nodiscard]] std::span<const Evidence> all() const { return all_; }

 private:
  std::vector<Evidence> all_;                                         // newest first
  std::unordered_map<std::size_t, std::vector<std::size_t>> by_key_;  // hash of the key -> indexes into all_
};

}  // namespace walguard::core
