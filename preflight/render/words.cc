#include "preflight/render/words.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "preflight/report/report.h"
#include "preflight/text/printable.h"

namespace walguard::preflight {
namespace {

using report::Report;
using report::Scope;
using report::Strategy;
using report::Verdict;

std::string_view who(Scope scope) {
  switch (scope) {
    case Scope::kContainer:
      return "processes of one container";
    case Scope::kPod:
      return "containers of one pod";
    case Scope::kNode:
      return "processes and containers of one node";
    case Scope::kCluster:
      return "pods on several nodes";
  }
  return "processes";
}

std::string_view how_to_use(Strategy strategy) {
  switch (strategy) {
    case Strategy::kWal:
      return "WAL mode (PRAGMA journal_mode=WAL)";
    case Strategy::kWalExclusive:
      return "WAL mode with one process at a time (PRAGMA locking_mode=EXCLUSIVE before the first access)";
    case Strategy::kRollback:
      return "a rollback journal (PRAGMA journal_mode=DELETE)";
  }
  return "another strategy";
}

std::string quoted(const std::string& path) { return text::printable(text::shell_word(path)); }

bool was_on_two_hosts(const Report& report) {
  if (report.views.size() != 2) return false;
  const report::View& a = report.views[0];
  const report::View& b = report.views[1];
  return (!a.boot_id.empty() && !b.boot_id.empty() && a.boot_id != b.boot_id) ||
         (!a.node.empty() && !b.node.empty() && a.node != b.node);
}

// As was asked for; WAL is what a run measures unless told otherwise.
std::string strategy_option(const std::vector<Strategy>& asked) {
  if (asked.size() > 1) return " --strategy all";
  if (asked.empty() || asked.front() == Strategy::kWal) return "";
  return " --strategy " + std::string(to_string(asked.front()));
}

std::string command(const Report& report, const std::string& options) {
  std::string text = "walguard-preflight run" + options;
  if (was_on_two_hosts(report)) {
    return text + " " + quoted(report.views[0].path) +
           " --listen 0.0.0.0:7000, and on the other host: walguard-preflight run " +
           quoted(report.views[1].path) + " --connect FIRST_HOST:7000";
  }
  std::string_view above;
  for (const report::View& view : report.views) {
    if (view.path != above) text += " " + quoted(view.path);
    above = view.path;
  }
  return text;
}

// The mildest strategy that was asked for and is safe here, though others are not.
const Strategy* safe_way(const Report& report, const std::vector<Strategy>& asked) {
  const auto found = std::ranges::find_if(
      asked, [&](Strategy strategy) { return report.verdict[strategy] == Verdict::kSafe; });
  return found == asked.end() ? nullptr : &*found;
}

std::vector<std::string> after_unsafe(const Report& report, const std::vector<Strategy>& asked) {
  std::vector<std::string> steps;
  if (const Strategy* const safe = safe_way(report, asked)) {
    steps.push_back("Use " + std::string(how_to_use(*safe)) + ": that was measured safe here.");
  } else if (asked.size() < report::kAllStrategies.size()) {
    steps.push_back("See whether SQLite can journal another way here: " + command(report, " --strategy all"));
  }
  steps.emplace_back(
      "Put the database on a filesystem that is mounted once, by one kernel: a local disk, or a block volume "
      "with access mode ReadWriteOncePod.");
  steps.emplace_back(
      "Or share by replication: Litestream with one writer, LiteFS, rqlite; or a database server such as "
      "PostgreSQL.");
  return steps;
}

std::vector<std::string> after_safe(const Report& report) {
  if (report.scope == Scope::kCluster) {
    return {"Measure again when the driver, its mount options or the kernel change."};
  }
  return {"Keep it so: only " + std::string(who(report.scope)) +
              " may open the database (in Kubernetes: access mode ReadWriteOncePod with strategy Recreate).",
          "Measure again when the driver, its mount options or the kernel change."};
}

}  // namespace

Verdict worst_verdict(const Report& report, const std::vector<Strategy>& asked) {
  Verdict worst = Verdict::kSafe;
  for (const Strategy strategy : asked) worst = std::max(worst, report.verdict[strategy]);
  return worst;
}

std::string_view describe(Strategy strategy) {
  switch (strategy) {
    case Strategy::kWal:
      return "SQLite in WAL mode";
    case Strategy::kWalExclusive:
      return "SQLite in WAL mode with locking_mode=EXCLUSIVE";
    case Strategy::kRollback:
      return "SQLite with a rollback journal";
  }
  return "SQLite";
}

std::string meaning(const Report& report, Strategy strategy) {
  std::string subject = std::string(describe(strategy)) + ", shared by " + std::string(who(report.scope));
  switch (report.verdict[strategy]) {
    case Verdict::kSafe:
      return subject + ": measured, and nothing went wrong.";
    case Verdict::kUnsafe:
      return subject + ": commits can be lost or the database destroyed here. Do not.";
    case Verdict::kUnproven:
      return subject + ": not shown to be safe; treat it as unsafe until it is.";
  }
  return subject;
}

std::string places(const Report& report) {
  std::string text;
  std::string_view above;
  for (const report::View& view : report.views) {
    if (!text.empty() && view.path == above) continue;
    above = view.path;
    text += (text.empty() ? "" : " and ") + text::printable(view.path) + " (" +
            (view.fstype.empty() ? "?" : text::printable(view.fstype)) + ")";
  }
  return text;
}

std::vector<std::string> next_steps(const Report& report, const std::vector<Strategy>& asked) {
  switch (worst_verdict(report, asked)) {
    case Verdict::kSafe:
      return after_safe(report);
    case Verdict::kUnsafe:
      return after_unsafe(report, asked);
    case Verdict::kUnproven:
      break;
  }
  return {"Settle what stands under \"Why\" and measure again: " + command(report, strategy_option(asked))};
}

std::string not_measured(const Report& report) {
  std::string text = "Not measured: durability on power loss, failover of a server";
  if (report.scope != Scope::kCluster) {
    text += ", and sharing beyond scope " + std::string(to_string(report.scope));
  }
  return text + ".";
}

}  // namespace walguard::preflight
