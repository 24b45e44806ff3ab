/// The counters of a Docker authorization plugin, in Prometheus' text format.
///
/// Names begin with `walguard_docker_`; labels are bounded (kind, decision, rule), never an object's name.
/// Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace walguard::server {

/// What the engine is asked to do, as far as it matters.
enum class AuthzRequestKind : std::uint8_t {
  kNoStorage,
  kCreateContainer,
  kStartContainer,
  kCreateVolume,
  kRunService,
  kUnreadable,  ///< could not be judged whole, and so is refused
};

/// "no-storage", "create-container", ...
[[nodiscard]] std::string_view name_of(AuthzRequestKind kind);

/// `kFailed`: refused because walguard could not judge in time, or at all.
enum class AuthzOutcome : std::uint8_t { kAllow, kWarn, kDeny, kFailed };

/// "allow", "warn", "deny", "failed"
[[nodiscard]] std::string_view name_of(AuthzOutcome outcome);

/// What is read off the other parts when somebody asks for the metrics.
struct AuthzSample {
  bool engine_current = false;  ///< what is known of the engine is what it has
  std::size_t containers = 0;
  std::size_t volumes = 0;
  std::uint64_t engine_lists = 0;   ///< since the start
  std::uint64_t engine_events = 0;  ///< since the start
  std::size_t evidence_reports = 0;
  std::size_t stuck = 0;  ///< judgements that are overdue
};

class AuthzMetrics {
 public:
  AuthzMetrics();
  ~AuthzMetrics();
  AuthzMetrics(const AuthzMetrics&) = delete;
  AuthzMetrics& operator=(const AuthzMetrics&) = delete;

  void count(AuthzRequestKind kind, AuthzOutcome outcome, std::chrono::nanoseconds took);
  /// A rule that walguard has, else it is not counted.
  void count_rule(std::string_view rule);

  [[nodiscard]] std::string render(const AuthzSample& sample);

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace walguard::server
