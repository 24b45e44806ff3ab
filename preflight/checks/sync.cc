// sync: do fsync and fdatasync succeed, and how long do they take?
//
// SQLite syncs the journal or the -wal before the database, and the folder after it has made or removed a
// journal. A sync that fails is an error of the storage; one that succeeds and does nothing cannot be told
// from outside without cutting the power, so this says nothing about durability, and its detail says that.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr int kRounds = 24;
constexpr int kLeastRounds = 1;   // however slow it is
constexpr double kSeconds = 0.1;  // then no more, for each kind and side

std::vector<double> time_syncs(Hand& hand, int file, bool data_only, Profile profile) {
  const double seconds = rounds_for(profile, 1) * kSeconds;
  const Json answer = hand.call_for(seconds, "time-syncs",
                                    {{"file", file},
                                     {"data_only", data_only},
                                     {"least", kLeastRounds},
                                     {"rounds", rounds_for(profile, kRounds)},
                                     {"seconds", seconds}});
  return answer.get<std::vector<double>>();
}

// The refusal's name, where the filesystem knows no sync of a folder. SQLite goes on without one, and so does
// this; any other error is a failure.
std::string sync_folder(Hand& hand, bool data_only) {
  const Outcome<Json> synced = hand.try_call("sync-folder", {{"data_only", data_only}});
  if (synced) return {};
  const std::string& error = synced.error().error;
  if (error == "EINVAL" || error == "ENOSYS" || error == "EOPNOTSUPP") return synced.error().what;
  throw CheckStopped{outcome_of(synced.error())};
}

}  // namespace

CheckOutcome check_sync(CheckContext& context) {
  constexpr std::array<std::string_view, 2> kKinds = {"fsync", "fdatasync"};
  Numbers numbers = {{"folder_syncs", 0}};
  std::string folder_refusal;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    const bool data_only = kind == 1;
    std::vector<double> seconds;
    for (const Side side : {Side::kA, Side::kB}) {
      Hand hand(context, side);
      const int file = hand.open("wg-sync-" + std::string(kKinds.at(kind)) + name_of(side), /*create=*/true);
      const std::vector<double> measured = time_syncs(hand, file, data_only, context.profile);
      seconds.insert(seconds.end(), measured.begin(), measured.end());
      const std::string refusal = sync_folder(hand, data_only);
      if (refusal.empty()) numbers["folder_syncs"] += 1;
      if (!refusal.empty()) folder_refusal = refusal;
    }
    numbers[std::string(kKinds.at(kind)) + "s"] = static_cast<double>(seconds.size());
    add_percentiles(numbers, std::string(kKinds.at(kind)), std::move(seconds));
  }
  return pass("fsync and fdatasync succeed; durability across a power cut is not measured" +
                  (folder_refusal.empty() ? "" : "; a folder cannot be synced here (" + folder_refusal + ")"),
              numbers);
}

}  // namespace walguard::preflight
