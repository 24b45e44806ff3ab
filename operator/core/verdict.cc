#include "operator/core/verdict.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace walguard::core {
namespace {

// One table per enum, in the order of its values: `name` indexes it, `parse` searches it.
constexpr std::string_view kVerdicts[] = {"not-applicable", "safe", "unproven", "unsafe"};
constexpr std::string_view kStrategyNames[] = {"wal", "wal-exclusive", "rollback"};
constexpr std::string_view kBases[] = {"none", "documented", "measured", "both"};
constexpr std::string_view kSeverities[] = {"info", "warning", "unproven", "unsafe"};
constexpr std::string_view kScopes[] = {"container", "pod", "node", "cluster"};
constexpr std::string_view kKernelDomains[] = {"shared", "per-pod", "per-sandbox", "mixed"};
constexpr std::string_view kTransports[] = {
    "local-disk", "network-block", "network-filesystem", "cluster-filesystem", "object-fuse",
    "vm-share",   "memory"};
constexpr std::string_view kAccessModes[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                             "ReadWriteOncePod"};
constexpr std::string_view kModes[] = {"off", "audit", "warn", "gate", "enforce"};
constexpr std::string_view kDecisions[] = {"allow", "warn", "gate", "deny"};
constexpr std::string_view kCertainties[] = {"none", "recognised", "found", "declared"};

template <typename Enum, std::size_t N>
constexpr std::string_view name_in(const std::string_view (&table)[N], Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? table[index] : "invalid";
}

template <typename Enum, std::size_t N>
constexpr std::optional<Enum> parse_in(const std::string_view (&table)[N], std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (table[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Verdict v) { return name_in(kVerdicts, v); }
std::string_view name(Strategy v) { return name_in(kStrategyNames, v); }
std::string_view name(Basis v) { return name_in(kBases, v); }
std::string_view name(Severity v) { return name_in(kSeverities, v); }
std::string_view name(Scope v) { return name_in(kScopes, v); }
std::string_view name(KernelDomain v) { return name_in(kKernelDomains, v); }
std::string_view name(Transport v) { return name_in(kTransports, v); }
std::string_view name(AccessMode v) { return name_in(kAccessModes, v); }
std::string_view name(Mode v) { return name_in(kModes, v); }
std::string_view name(Decision v) { return name_in(kDecisions, v); }
std::string_view name(Certainty v) { return name_in(kCertainties, v); }

template <>
std::optional<Verdict> parse<Verdict>(std::string_view text) {
  return parse_in<Verdict>(kVerdicts, text);
}
template <>
std::optional<Strategy> parse<Strategy>(std::string_view text) {
  return parse_in<Strategy>(kStrategyNames, text);
}
template <>
std::optional<Scope> parse<Scope>(std::string_view text) {
  return parse_in<Scope>(kScopes, text);
}
template <>
std::optional<Transport> parse<Transport>(std::string_view text) {
  return parse_in<Transport>(kTransports, text);
}
template <>
std::optional<AccessMode> parse<AccessMode>(std::string_view text) {
  return parse_in<AccessMode>(kAccessModes, text);
}
template <>
std::optional<Mode> parse<Mode>(std::string_view text) {
  return parse_in<Mode>(kModes, text);
}

}  // namespace walguard::core
