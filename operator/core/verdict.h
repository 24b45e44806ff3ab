/// The words every part of walguard shares: verdicts, strategies, scopes, transports, modes, and their
/// spelling.
///
/// Pure values, thread-safe. Spellings are those of the CLI, annotations, metrics and reports; `parse`
/// accepts exactly what `name` gives and returns nullopt for anything else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace walguard::core {

/// Seconds since 1970-01-01T00:00:00Z. Always passed in: core reads no clock.
using UtcSeconds = std::int64_t;

/// May SQLite keep its database here? `kUnproven` is the default of everything that is not known.
enum class Verdict : std::uint8_t { kNotApplicable, kSafe, kUnproven, kUnsafe };

/// How SQLite keeps its journal, https://sqlite.org/wal.html: WAL with a shared -shm, WAL under
/// locking_mode=EXCLUSIVE (no -shm), or a rollback journal (DELETE, TRUNCATE, PERSIST).
enum class Strategy : std::uint8_t { kWal, kWalExclusive, kRollback };
inline constexpr std::size_t kStrategyCount = 3;
inline constexpr std::array<Strategy, kStrategyCount> kStrategies = {Strategy::kWal, Strategy::kWalExclusive,
                                                                     Strategy::kRollback};

/// One value for each strategy.
template <typename T>
struct PerStrategy {
  std::array<T, kStrategyCount> values{};
  constexpr T& operator[](Strategy s) { return values[static_cast<std::size_t>(s)]; }
  constexpr const T& operator[](Strategy s) const { return values[static_cast<std::size_t>(s)]; }
  friend bool operator==(const PerStrategy&, const PerStrategy&) = default;
};

/// A set of strategies, as a rule names those that it touches.
struct StrategySet {
  std::uint8_t bits = 0;
  static constexpr StrategySet of(Strategy s) {
    return {static_cast<std::uint8_t>(1U << static_cast<unsigned>(s))};
  }
  [[nodiscard]] constexpr bool contains(Strategy s) const { return (bits & of(s).bits) != 0; }
  friend constexpr StrategySet operator|(StrategySet a, StrategySet b) {
    return {static_cast<std::uint8_t>(a.bits | b.bits)};
  }
  friend constexpr bool operator==(StrategySet, StrategySet) = default;
};

/// Why a verdict may be given: a cited guarantee, a measurement, or both.
enum class Basis : std::uint8_t { kNone, kDocumented, kMeasured, kBoth };

enum class Severity : std::uint8_t { kInfo, kWarning, kUnproven, kUnsafe };

/// How far the sharing of a volume can reach. Ordered: a wider scope compares greater.
enum class Scope : std::uint8_t { kContainer, kPod, kNode, kCluster };

/// Whether the consumers share one kernel. `kPerPod`: a virtual machine each (Kata). `kPerSandbox`: an
/// application kernel each (gVisor).
enum class KernelDomain : std::uint8_t { kShared, kPerPod, kPerSandbox, kMixed };

/// What lies between the container and the bytes.
enum class Transport : std::uint8_t {
  kLocalDisk,
  kNetworkBlock,
  kNetworkFilesystem,
  kClusterFilesystem,
  kObjectFuse,
  kVmShare,
  kMemory,
};

/// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
enum class AccessMode : std::uint8_t { kReadWriteOnce, kReadOnlyMany, kReadWriteMany, kReadWriteOncePod };

/// PRAGMA synchronous, https://sqlite.org/pragma.html#pragma_synchronous. Under WAL, kNormal gives up the
/// commits since the last sync of the log on a power loss; kOff more than that.
enum class Synchronous : std::uint8_t { kOff, kNormal, kFull, kExtra };

enum class VolumeMode : std::uint8_t { kFilesystem, kBlock };

/// What walguard does about a finding. Ordered: a stricter mode compares greater.
enum class Mode : std::uint8_t { kOff, kAudit, kWarn, kGate, kEnforce };

enum class Decision : std::uint8_t { kAllow, kWarn, kGate, kDeny };

/// How sure it is that a volume holds a SQLite database.
enum class Certainty : std::uint8_t { kNone, kRecognised, kFound, kDeclared };

[[nodiscard]] std::string_view name(Verdict v);
[[nodiscard]] std::string_view name(Strategy v);
[[nodiscard]] std::string_view name(Basis v);
[[nodiscard]] std::string_view name(Severity v);
[[nodiscard]] std::string_view name(Scope v);
[[nodiscard]] std::string_view name(KernelDomain v);
[[nodiscard]] std::string_view name(Transport v);
[[nodiscard]] std::string_view name(AccessMode v);
[[nodiscard]] std::string_view name(Mode v);
[[nodiscard]] std::string_view name(Decision v);
[[nodiscard]] std::string_view name(Certainty v);

/// `parse<Mode>("warn")`. Defined for Verdict, Strategy, Scope, Transport, AccessMode and Mode.
template <typename Enum>
[[nodiscard]] std::optional<Enum> parse(std::string_view text);

// Declared here so that every user sees the definitions of verdict.cc.
template <>
std::optional<Verdict> parse<Verdict>(std::string_view text);
template <>
std::optional<Strategy> parse<Strategy>(std::string_view text);
template <>
std::optional<Scope> parse<Scope>(std::string_view text);
template <>
std::optional<Transport> parse<Transport>(std::string_view text);
template <>
std::optional<AccessMode> parse<AccessMode>(std::string_view text);
template <>
std::optional<Mode> parse<Mode>(std::string_view text);

}  // namespace walguard::core
