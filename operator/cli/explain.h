/// `walguard explain`: the rules, from the one table.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace walguard::cli {

enum class ExplainFormat : std::uint8_t { kText, kMarkdown, kJson };

/// Writes one rule, or all of them when `rule` is empty, to `out`. Returns the exit code; an unknown rule is
/// named on `err` with the ones that there are.
[[nodiscard]] int explain(const std::string& rule, ExplainFormat format, std::ostream& out,
                          std::ostream& err);

}  // namespace walguard::cli
