#ifndef WALGUARD_PREFLIGHT_CHECKS_STEPS_H_
#define WALGUARD_PREFLIGHT_CHECKS_STEPS_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"

/// Steps that several checks take alike. Like Hand's calls they throw CheckStopped where a step brings no
/// result.
namespace walguard::preflight {

using Numbers = std::map<std::string, double>;

/// "A" or "B".
[[nodiscard]] std::string name_of(Side side);
[[nodiscard]] Side other(Side side);

/// More work for the longer profiles: `quick` times 1, 10 or 100.
[[nodiscard]] int rounds_for(Profile profile, int quick);

/// Maps the first `bytes` of a file shared. Ends the check as `unsupported` where the filesystem refuses
/// shared mappings, and as failed where this side sees the file too short.
void map_shared(Hand& hand, int file, std::size_t bytes);

/// Takes ("read", "write") or gives back ("none") a POSIX lock that nobody else may hold now; a refusal ends
/// the check.
void take_lock(Hand& hand, int file, std::string_view type, long start, long length);

/// Enters WHAT_p50_seconds, WHAT_p90_seconds, WHAT_p99_seconds and WHAT_max_seconds; nothing where there are
/// no samples.
void add_percentiles(Numbers& numbers, const std::string& what, std::vector<double> samples);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_STEPS_H_
