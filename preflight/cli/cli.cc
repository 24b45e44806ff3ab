#include "preflight/cli/cli.h"

#include <cerrno>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <stdio.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/agent.h"
#include "preflight/checks/check.h"
#include "preflight/cli/progress.h"
#include "preflight/cli/text.h"
#include "preflight/conductor/launch.h"
#include "preflight/conductor/run.h"
#include "preflight/conductor/session.h"
#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::preflight {
namespace {

constexpr int kExitSafe = 0;
constexpr int kExitUnsafe = 1;
constexpr int kExitBadInput = 2;
constexpr int kExitUnproven = 3;
constexpr int kExitInternal = 4;
constexpr Seconds kAgentStart{10};

struct Arguments {
  std::string dir;
  std::string dir2;
  std::string profile = "quick";
  std::string strategy = "wal";
  std::string scope;
  std::string output = "text";
  std::string report_file;
  int agent_fd = -1;
};

int complain(int exit_code, const std::string& message) {
  (void)::fprintf(stderr, "walguard-preflight: %s\n", message.c_str());
  return exit_code;
}

void add_run_options(CLI::App& run, Arguments& arguments) {
  run.add_option("DIR", arguments.dir, "Directory on the storage to be judged")->required();
  run.add_option("DIR2", arguments.dir2, "A second view (another mount) of the same directory, for agent B");
  run.add_option("--profile", arguments.profile,
                 "quick: under 10 s; standard: about a minute; soak: two hours")
      ->check(CLI::IsMember({"quick", "standard", "soak"}))
      ->capture_default_str();
  run.add_option("--strategy", arguments.strategy,
                 "How SQLite will journal: wal, wal-exclusive, rollback or all")
      ->check(CLI::IsMember({"wal", "wal-exclusive", "rollback", "all"}))
      ->capture_default_str();
  run.add_option("--scope", arguments.scope,
                 "node: only this node will ever mount it, so one client is enough")
      ->check(CLI::IsMember({"node"}));
  run.add_option("-o,--output", arguments.output, "What goes to stdout: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  run.add_option("--report", arguments.report_file, "Also write the JSON report to this file");
}

// Nothing is looked up: the storage is touched by the agents alone.
tl::expected<std::string, std::string> absolute(const std::string& field, const std::string& path) {
  if (path.empty())
    return tl::unexpected(field + " is empty; name the directory where the volume is mounted");
  try {
    (void)nlohmann::json(path).dump();
  } catch (const nlohmann::json::exception&) {
    return tl::unexpected(field + " is no valid UTF-8; reach the directory by another path");
  }
  std::error_code error;
  const std::filesystem::path full = std::filesystem::absolute(path, error);
  if (error)
    return tl::unexpected(field + " \"" + path + "\": " + error.message() + "; give an absolute path");
  std::string text = full.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

tl::expected<RunOptions, std::string> options_from(const Arguments& arguments) {
  static const std::map<std::string, Profile> profiles = {
      {"quick", Profile::kQuick}, {"standard", Profile::kStandard}, {"soak", Profile::kSoak}};
  RunOptions options;
  auto dir_a = absolute("DIR", arguments.dir);
  if (!dir_a) return tl::unexpected(dir_a.error());
  options.dir_a = options.dir_b = *dir_a;
  if (!arguments.dir2.empty()) {
    auto dir_b = absolute("DIR2", arguments.dir2);
    if (!dir_b) return tl::unexpected(dir_b.error());
    options.dir_b = *dir_b;
  }
  options.profile = profiles.at(arguments.profile);
  if (arguments.strategy == "all") {
    options.strategies = {report::kAllStrategies.begin(), report::kAllStrategies.end()};
  } else {
    options.strategies = {report::parse_strategy(arguments.strategy).value_or(report::Strategy::kWal)};
  }
  options.node_scope_asked = arguments.scope == "node";
  return options;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

int exit_code_of(report::Verdict verdict) {
  switch (verdict) {
    case report::Verdict::kSafe:
      return kExitSafe;
    case report::Verdict::kUnsafe:
      return kExitUnsafe;
    case report::Verdict::kUnproven:
      return kExitUnproven;
  }
  return kExitInternal;
}

int deliver(const report::Report& report, const RunOptions& options, const Arguments& arguments,
            const UniqueFd& report_file) {
  const std::string json = encode_report(report, 2) + "\n";
  if (report_file.valid() && !write_all(report_file.get(), json)) {
    return complain(kExitInternal, "--report \"" + arguments.report_file + "\": " + errno_name(errno));
  }
  const std::string out = arguments.output == "json"
                              ? json
                              : report_text(report, options.strategies, wants_colour(STDOUT_FILENO));
  if (!write_all(STDOUT_FILENO, out))
    return complain(kExitInternal, "cannot write to stdout: " + errno_name(errno));
  return exit_code_of(worst_verdict(report, options.strategies));
}

int run_command(const Arguments& arguments) {
  const auto options = options_from(arguments);
  if (!options) return complain(kExitBadInput, options.error());
  UniqueFd report_file;
  if (!arguments.report_file.empty()) {
    // Opened first: to find out after the run that there is nowhere to write it would be a pity.
    report_file =
        UniqueFd(::open(arguments.report_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!report_file.valid()) {
      return complain(kExitBadInput, "--report \"" + arguments.report_file + "\" cannot be written: " +
                                         errno_name(errno) + "; name a file in a directory you may write to");
    }
  }

  const Interrupts interrupts;
  auto agent_a = LocalAgent::start();
  if (!agent_a) return complain(kExitInternal, agent_a.error());
  auto agent_b = LocalAgent::start();
  if (!agent_b) return complain(kExitInternal, agent_b.error());
  Session session(agent_a->take_link(), agent_b->take_link(), interrupts.fd());
  if (const auto greeted = session.await_agents(kAgentStart); !greeted) {
    return complain(kExitInternal, greeted.error().what);
  }
  const std::unique_ptr<Progress> progress = make_progress();
  const auto report = run_preflight(session, *options, *progress);
  if (!report) return complain(kExitBadInput, report.error());
  return deliver(*report, *options, arguments, report_file);
}

int print_version() {
  const std::string text = std::string("walguard-preflight ") + WALGUARD_VERSION + " (SQLite " +
                           sqlite3_libversion() + ", report " + std::string(report::kReportSchema) + ")\n";
  return write_all(STDOUT_FILENO, text) ? kExitSafe : kExitInternal;
}

int parse_and_run(int argc, const char* const* argv) {
  Arguments arguments;
  CLI::App app("Measures whether SQLite may share a directory of this storage between processes.",
               "walguard-preflight");
  app.require_subcommand(1);
  CLI::App* const run = app.add_subcommand("run", "Measure DIR and say safe, unsafe or unproven");
  add_run_options(*run, arguments);
  run->footer("Exit codes: 0 safe, 1 unsafe, 2 bad use or bad input, 3 unproven, 4 internal error.");
  CLI::App* const version = app.add_subcommand("version", "Print the versions of this probe and its SQLite");
  CLI::App* const agent = app.add_subcommand("agent", "")->group("");  // started by run, not by people
  agent->add_option("--fd", arguments.agent_fd)->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return complain(kExitBadInput, std::string(error.what()) + " (see walguard-preflight run --help)");
  }
  if (version->parsed()) return print_version();
  if (agent->parsed()) return run_agent(UniqueFd(arguments.agent_fd));
  return run_command(arguments);
}

}  // namespace

int run_cli(int argc, const char* const* argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& exception) {
    return complain(kExitInternal, std::string("internal error: ") + exception.what());
  }
}

}  // namespace walguard::preflight
