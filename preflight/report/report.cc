#include "preflight/report/report.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace walguard::report {
namespace {

// Each list stands in the order of its enum.
constexpr std::array<std::string_view, 3> kStrategyWords = {"wal", "wal-exclusive", "rollback"};
constexpr std::array<std::string_view, 3> kVerdictWords = {"safe", "unproven", "unsafe"};
constexpr std::array<std::string_view, 4> kScopeWords = {"container", "pod", "node", "cluster"};
constexpr std::array<std::string_view, 4> kResultWords = {"pass", "fail", "unsupported", "not-run"};

template <typename Enum, std::size_t kSize>
std::optional<Enum> find_word(const std::array<std::string_view, kSize>& words, std::string_view word) {
  for (std::size_t i = 0; i < kSize; ++i) {
    if (words.at(i) == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Strategy strategy) {
  return kStrategyWords.at(static_cast<std::size_t>(strategy));
}
std::string_view to_string(Verdict verdict) { return kVerdictWords.at(static_cast<std::size_t>(verdict)); }
std::string_view to_string(Scope scope) { return kScopeWords.at(static_cast<std::size_t>(scope)); }
std::string_view to_string(CheckResult result) { return kResultWords.at(static_cast<std::size_t>(result)); }

std::optional<Strategy> parse_strategy(std::string_view word) {
  return find_word<Strategy>(kStrategyWords, word);
}
std::optional<Verdict> parse_verdict(std::string_view word) {
  return find_word<Verdict>(kVerdictWords, word);
}
std::optional<Scope> parse_scope(std::string_view word) { return find_word<Scope>(kScopeWords, word); }
std::optional<CheckResult> parse_check_result(std::string_view word) {
  return find_word<CheckResult>(kResultWords, word);
}

}  // namespace walguard::report
