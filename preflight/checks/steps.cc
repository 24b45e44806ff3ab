#include "preflight/checks/steps.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

// What a filesystem answers to mmap(MAP_SHARED) when it does not know shared mappings.
bool means_unsupported(const Failure& failure) {
  constexpr std::array<std::string_view, 6> kRefusals = {"ENODEV", "EINVAL", "EACCES",
                                                         "EPERM",  "ENOSYS", "EOPNOTSUPP"};
  return failure.kind == Failure::Kind::kRefused &&
         std::ranges::find(kRefusals, failure.error) != kRefusals.end();
}

}  // namespace

std::string name_of(Side side) { return side == Side::kA ? "A" : "B"; }

Side other(Side side) { return side == Side::kA ? Side::kB : Side::kA; }

int rounds_for(Profile profile, int quick) {
  if (profile == Profile::kQuick) return quick;
  return quick * (profile == Profile::kStandard ? 10 : 100);
}

void map_shared(Hand& hand, int file, std::size_t bytes) {
  const Outcome<Json> mapped = hand.try_call("map", {{"file", file}, {"bytes", bytes}});
  if (!mapped) {
    throw CheckStopped{means_unsupported(mapped.error())
                           ? unsupported("a shared mapping is refused: " + mapped.error().what)
                           : outcome_of(mapped.error())};
  }
  const auto size = mapped->at("size").get<std::size_t>();
  if (size < bytes) {
    throw CheckStopped{fail(name_of(hand.side()) + " sees " + std::to_string(size) + " of the " +
                            std::to_string(bytes) + " bytes that the other wrote")};
  }
}

void take_lock(Hand& hand, int file, std::string_view type, long start, long length) {
  const Json lock = {{"file", file}, {"ofd", false}, {"type", type}, {"start", start}, {"length", length}};
  if (hand.call("lock", lock).at("granted").get<bool>()) return;
  throw CheckStopped{fail(name_of(hand.side()) + " was refused a lock that nobody held")};
}

void add_percentiles(Numbers& numbers, const std::string& what, std::vector<double> samples) {
  if (samples.empty()) return;
  std::ranges::sort(samples);
  constexpr std::array<std::pair<std::string_view, double>, 4> kFigures = {
      {{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"max", 1.0}}};
  for (const auto& [figure, share] : kFigures) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1));
    numbers[what + "_" + std::string(figure) + "_seconds"] = samples.at(index);
  }
}

}  // namespace walguard::preflight
