#ifndef WALGUARD_PREFLIGHT_RENDER_WORDS_H_
#define WALGUARD_PREFLIGHT_RENDER_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"

/// What a report means, in words that the text and the page share. Pure and thread-safe.
namespace walguard::preflight {

/// The worst verdict of the strategies asked for.
[[nodiscard]] report::Verdict worst_verdict(const report::Report& report,
                                            const std::vector<report::Strategy>& asked);

/// "SQLite in WAL mode".
[[nodiscard]] std::string_view describe(report::Strategy strategy);

/// What the verdict on `strategy` means for who shares the database: one sentence.
[[nodiscard]] std::string meaning(const report::Report& report, report::Strategy strategy);

/// The directories and what is mounted there: "/mnt/a (nfs4) and /mnt/b (nfs4)".
[[nodiscard]] std::string places(const report::Report& report);

/// What the person should do now, first things first: sentences, some with a command to paste.
[[nodiscard]] std::vector<std::string> next_steps(const report::Report& report,
                                                  const std::vector<report::Strategy>& asked);

/// What no verdict here speaks of.
[[nodiscard]] std::string not_measured(const report::Report& report);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_WORDS_H_
