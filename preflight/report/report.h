#ifndef WALGUARD_PREFLIGHT_REPORT_REPORT_H_
#define WALGUARD_PREFLIGHT_REPORT_REPORT_H_

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a preflight measured and what follows from it: the model that the probe fills and the operator reads.
///
/// Everything in this folder is pure: no clock, file, network or global state; thread-safe; nothing blocks.
/// Formats are in report_json.h, the judgement in grade.h.
namespace walguard::report {

/// How an application journals. wal-exclusive is WAL with locking_mode=EXCLUSIVE, which keeps no -shm file.
enum class Strategy { kWal, kWalExclusive, kRollback };
inline constexpr std::array kAllStrategies = {Strategy::kWal, Strategy::kWalExclusive, Strategy::kRollback};

/// Ordered from best to worst, so that std::max of two verdicts is the one that stands.
enum class Verdict { kSafe, kUnproven, kUnsafe };

/// How far apart the two agents were: what a pass may be said of. Ordered from near to far.
enum class Scope { kContainer, kPod, kNode, kCluster };

/// kUnsupported: the filesystem honestly refuses what was asked (mmap ENODEV, locks ENOSYS).
/// kNotRun: nothing was learned, whatever the cause; never a pass.
enum class CheckResult { kPass, kFail, kUnsupported, kNotRun };

struct Check {
  std::string id;  ///< stable: "byte-range-locks"
  CheckResult result = CheckResult::kNotRun;
  std::string detail;                     ///< one line for a person
  double seconds = 0;                     ///< how long the check took
  std::map<std::string, double> numbers;  ///< seconds where the name ends in _seconds, else counts

  bool operator==(const Check&) const = default;
};

/// The directory as one agent sees it. An empty text means "could not be learned".
struct View {
  std::string path;
  std::string fstype;     ///< as mountinfo names it: "ext4", "fuse.sshfs"
  std::string magic;      ///< statfs f_type: "0xef53"
  std::string device;     ///< of the mounted superblock, "major:minor"
  std::string kernel;     ///< uname release
  std::string boot_id;    ///< /proc/sys/kernel/random/boot_id
  std::string sandbox;    ///< "gvisor", "kata" or empty for none seen
  std::string node = {};  ///< the node's name, where the agent was told it

  bool operator==(const View&) const = default;
};

/// One verdict for each strategy, indexed by Strategy.
class Verdicts {
 public:
  [[nodiscard]] Verdict operator[](Strategy strategy) const { return by_strategy_[index(strategy)]; }
  [[nodiscard]] Verdict& operator[](Strategy strategy) { return by_strategy_[index(strategy)]; }
  bool operator==(const Verdicts&) const = default;

 private:
  static std::size_t index(Strategy strategy) { return static_cast<std::size_t>(strategy); }
  std::array<Verdict, kAllStrategies.size()> by_strategy_ = {Verdict::kUnproven, Verdict::kUnproven,
                                                             Verdict::kUnproven};
};

struct Report {
  Verdicts verdict;
  Scope scope = Scope::kContainer;
  std::vector<std::string> reasons;  ///< "check-id: why", worst first; empty when all asked for is safe
  std::vector<Check> checks;
  std::vector<View> views;  ///< agent A's, then agent B's
  /// The person vouches that views of two names are two nodes, though the kernel be one
  /// (`--trust-node-names`).
  bool node_names_trusted = false;
  std::string sqlite_version;
  std::string probe_version;
  std::string started;  ///< UTC, RFC 3339
  double seconds = 0;   ///< steady-clock duration of the whole run

  bool operator==(const Report&) const = default;
};

/// The words used in JSON, flags and text. The parse functions return nullopt for any other word.
[[nodiscard]] std::string_view to_string(Strategy strategy);
[[nodiscard]] std::string_view to_string(Verdict verdict);
[[nodiscard]] std::string_view to_string(Scope scope);
[[nodiscard]] std::string_view to_string(CheckResult result);
[[nodiscard]] std::optional<Strategy> parse_strategy(std::string_view word);
[[nodiscard]] std::optional<Verdict> parse_verdict(std::string_view word);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view word);
[[nodiscard]] std::optional<CheckResult> parse_check_result(std::string_view word);

}  // namespace walguard::report

#endif  // WALGUARD_PREFLIGHT_REPORT_REPORT_H_
