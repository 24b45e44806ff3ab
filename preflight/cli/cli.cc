#include "preflight/cli/cli.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <stdio.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/agent.h"
#include "preflight/checks/check.h"
#include "preflight/cli/exit_code.h"
#include "preflight/cli/output_file.h"
#include "preflight/cli/pair.h"
#include "preflight/cli/progress.h"
#include "preflight/cli/scan_command.h"
#include "preflight/cli/two_hosts.h"
#include "preflight/conductor/launch.h"
#include "preflight/conductor/run.h"
#include "preflight/conductor/session.h"
#include "preflight/link/errno_name.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/unique_fd.h"
#include "preflight/render/html.h"
#include "preflight/render/text.h"
#include "preflight/render/words.h"
#include "preflight/report/compact.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "preflight/text/terminal.h"

namespace walguard::preflight {
namespace {

constexpr Seconds kAgentStart{10};

struct Arguments {
  std::string dir;
  std::string dir2;
  std::string profile = "quick";
  std::string strategy = "wal";
  std::string scope;
  std::string output = "text";
  std::string report_file;
  std::string compact_file;
  std::string html_file;
  HostArguments hosts;
  PairArguments pair;
  int agent_fd = -1;
};

int complain(int exit_code, const std::string& message) {
  (void)::fprintf(stderr, "walguard-preflight: %s\n", message.c_str());
  return exit_code;
}

void add_run_options(CLI::App& run, Arguments& arguments) {
  run.add_option("DIR", arguments.dir, "Directory on the storage to be judged")->required();
  run.add_option("DIR2", arguments.dir2, "A second view (another mount) of the same directory, for agent B");
  run.add_option(
         "--profile", arguments.profile,
         "quick: under 10 s; standard: about a minute; soak: two hours, with --strategy all nearly four")
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
  run.add_option("--compact", arguments.compact_file,
                 "Also write it as JSON of at most 4096 bytes, as for /dev/termination-log");
  run.add_option("--html", arguments.html_file, "Also write it to this file as a page with plots");
  add_host_options(run, arguments.hosts);
  add_pair_options(run, arguments.pair);
}

// With --pair, the rank says which side of a run between two hosts this one is.
tl::expected<void, std::string> settle_part(Arguments& arguments) {
  if (!arguments.pair.given()) return {};
  if (arguments.hosts.two_hosts()) {
    return tl::unexpected<std::string>(
        "--pair says who listens and who connects; leave out --listen and --connect");
  }
  auto part = part_of(arguments.pair);
  if (!part) return tl::unexpected(std::move(part).error());
  arguments.hosts.listen = std::move(part->listen);
  arguments.hosts.connect = std::move(part->connect);
  return {};
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

// It goes to the other host, and into reports.
std::optional<std::string> problem_of_node_name(const std::string& name) {
  constexpr std::size_t kMaxBytes = 253;  // of a DNS name
  const bool plain = std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
  if (plain && name.size() <= kMaxBytes) return std::nullopt;
  return "--node-name must be at most " + std::to_string(kMaxBytes) +
         " printable ASCII characters without spaces";
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
  if (arguments.hosts.two_hosts() && !arguments.dir2.empty()) {
    return tl::unexpected<std::string>(
        "DIR2 is for the other host to name; leave it out with --listen, --connect and --pair");
  }
  if (const auto problem = problem_of_node_name(arguments.hosts.node_name)) return tl::unexpected(*problem);
  options.node_a = options.node_b = arguments.hosts.node_name;
  options.trust_node_names = arguments.hosts.trust_node_names;
  return options;
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

// Where the report goes beside stdout.
struct OutputFiles {
  OutputFile report;
  OutputFile compact;
  OutputFile html;
};

tl::expected<OutputFiles, std::string> open_outputs(const Arguments& arguments) {
  OutputFiles files;
  struct Wish {
    OutputFile& file;
    std::string option;
    const std::string& path;
  };
  for (const Wish& wish : {Wish{files.report, "--report", arguments.report_file},
                           Wish{files.compact, "--compact", arguments.compact_file},
                           Wish{files.html, "--html", arguments.html_file}}) {
    auto opened = OutputFile::open(wish.option, wish.path);
    if (!opened) return tl::unexpected(opened.error());
    wish.file = *std::move(opened);
  }
  return files;
}

int deliver(const RunResult& result, const Arguments& arguments, OutputFiles& files) {
  const report::Report& report = result.report;
  const std::string json = encode_report(report, 2) + "\n";
  auto written = files.report.write(json);
  if (written) written = files.compact.write(encode_compact(report));
  if (written && files.html.wanted()) written = files.html.write(report_html(report, result.strategies));
  if (!written) return complain(kExitInternal, written.error());
  const std::string out = arguments.output == "json"
                              ? json
                              : report_text(report, result.strategies, text::style_for(STDOUT_FILENO));
  if (!write_all(STDOUT_FILENO, out))
    return complain(kExitInternal, "cannot write to stdout: " + errno_name(errno));
  return exit_code_of(worst_verdict(report, result.strategies));
}

tl::expected<RunResult, RunProblem> run_on_this_host(const RunOptions& options, Progress& progress) {
  const Interrupts interrupts;
  auto agent_a = LocalAgent::start();
  if (!agent_a) return tl::unexpected(RunProblem{kExitInternal, agent_a.error()});
  auto agent_b = LocalAgent::start();
  if (!agent_b) return tl::unexpected(RunProblem{kExitInternal, agent_b.error()});
  Session session(LineChannel(agent_a->take_link()), LineChannel(agent_b->take_link()), interrupts.fd());
  if (const auto greeted = session.await_agents(kAgentStart); !greeted) {
    return tl::unexpected(RunProblem{kExitInternal, greeted.error().what});
  }
  auto report = run_preflight(session, options, progress);
  if (!report) return tl::unexpected(RunProblem{kExitBadInput, report.error()});
  return RunResult{*std::move(report), options.strategies};
}

int run_command(Arguments arguments) {
  if (const auto settled = settle_part(arguments); !settled) return complain(kExitBadInput, settled.error());
  const auto options = options_from(arguments);
  if (!options) return complain(kExitBadInput, options.error());
  auto files = open_outputs(arguments);
  if (!files) return complain(kExitBadInput, files.error());

  const std::unique_ptr<Progress> progress = make_progress();
  const auto result = arguments.hosts.two_hosts() ? run_on_two_hosts(arguments.hosts, *options, *progress)
                                                  : run_on_this_host(*options, *progress);
  if (!result) return complain(result.error().exit_code, result.error().message);
  return deliver(*result, arguments, *files);
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
  ScanArguments scan_arguments;
  CLI::App* const scan = app.add_subcommand("scan", "Find the SQLite databases below DIR");
  add_scan_options(*scan, scan_arguments);
  CLI::App* const version = app.add_subcommand("version", "Print the versions of this probe and its SQLite");
  CLI::App* const agent = app.add_subcommand("agent", "")->group("");  // started by run, not by people
  agent->add_option("--fd", arguments.agent_fd)->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return complain(kExitBadInput, std::string(error.what()) + " (see walguard-preflight --help)");
  }
  if (scan->parsed()) {
    const auto scanned = run_scan(scan_arguments);
    return scanned ? kExitSafe : complain(kExitBadInput, scanned.error());
  }
  if (version->parsed()) return print_version();
  if (agent->parsed()) return run_agent(UniqueFd(arguments.agent_fd));
  return run_command(std::move(arguments));
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
