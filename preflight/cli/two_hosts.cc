#include "preflight/cli/two_hosts.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <stdlib.h>
#include <tl/expected.hpp>

#include "preflight/agent/agent.h"
#include "preflight/cli/exit_code.h"
#include "preflight/conductor/launch.h"
#include "preflight/conductor/run.h"
#include "preflight/conductor/session.h"
#include "preflight/link/address.h"
#include "preflight/link/bounded_json.h"
#include "preflight/link/connector.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/listener.h"
#include "preflight/link/token.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"

namespace walguard::preflight {
namespace {

using Result = tl::expected<RunResult, RunProblem>;

constexpr const char* kNonsense = "the conductor ended the run with nonsense";
constexpr const char* kTokenVariable = "WALGUARD_TOKEN";
constexpr Seconds kAgentStart{10};
constexpr Seconds kFarewell{5};
constexpr std::chrono::seconds kSlack{30};  // for the conductor to say what came of a run of the longest kind
constexpr int kMostWaitSeconds = 86400;

tl::unexpected<RunProblem> bad_input(std::string message) {
  return tl::unexpected(RunProblem{kExitBadInput, std::move(message)});
}

Result inconclusive(const RunOptions& options, const std::string& why) {
  return RunResult{report_without_run(options, why), options.strategies};
}

// Out of the environment, so that no child process has it in its own.
tl::expected<Token, std::string> take_token() {
  const char* const value = std::getenv(kTokenVariable);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(kTokenVariable);
  auto token = Token::from(text);
  if (!token) {
    return tl::unexpected(std::string(kTokenVariable) + " " + token.error() +
                          "; set it to the same random text of at least " + std::to_string(Token::kMinBytes) +
                          " characters on both hosts");
  }
  return token;
}

// What the conductor hands over at the end: {"strategies":[...],"report":{...}}, or
// {"exit":2,"problem":"..."}.
std::string encode_result(const Result& result) {
  nlohmann::ordered_json json;
  if (result) {
    for (const report::Strategy strategy : result->strategies) {
      json["strategies"].push_back(report::to_string(strategy));
    }
    json["report"] = nlohmann::ordered_json::parse(report::encode_report(result->report));
  } else {
    json = {{"exit", result.error().exit_code}, {"problem", result.error().message}};
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<std::vector<report::Strategy>> strategies_of(const Json& json) {
  std::vector<report::Strategy> strategies;
  for (const Json& word : json.value("strategies", Json::array())) {
    const auto strategy = report::parse_strategy(word.get<std::string>());
    if (!strategy) return std::nullopt;
    strategies.push_back(*strategy);
  }
  if (strategies.empty()) return std::nullopt;
  return strategies;
}

Result decode_result(const std::string& text, const RunOptions& options) {
  try {
    const std::optional<Json> parsed = parse_bounded_json(text);
    if (!parsed) return inconclusive(options, kNonsense);
    const Json& json = *parsed;
    if (json.contains("problem")) {
      const auto exit_code = json.at("exit").get<std::int64_t>();
      if (exit_code != kExitBadInput && exit_code != kExitInternal) return inconclusive(options, kNonsense);
      return tl::unexpected(RunProblem{static_cast<int>(exit_code),
                                       "the other host: " + json.at("problem").get<std::string>()});
    }
    const auto strategies = strategies_of(json);
    auto report = report::parse_report(json.at("report").dump());
    if (!report) return inconclusive(options, "the conductor sent a report that is none: " + report.error());
    if (!strategies) return inconclusive(options, "the conductor sent a result without strategies");
    return RunResult{*std::move(report), *strategies};
  } catch (const Json::exception&) {
    return inconclusive(options, kNonsense);
  }
}

Result conduct(Session& session, const RunOptions& options, Progress& progress) {
  if (const auto greeted = session.await_agents(kAgentStart); !greeted) {
    return inconclusive(options, greeted.error().what);
  }
  auto report = run_preflight(session, options, progress);
  Result result =
      report ? Result(RunResult{*std::move(report), options.strategies}) : Result(bad_input(report.error()));
  session.hand_over(Side::kB, encode_result(result), kFarewell);
  return result;
}

Result listen_and_conduct(const HostArguments& arguments, const HostPort& address, const Token& token,
                          RunOptions options, Progress& progress) {
  auto listener = Listener::open(address);
  if (!listener) return bad_input("--listen \"" + arguments.listen + "\" " + listener.error());
  const Interrupts interrupts;
  progress.notice("waiting for the other host on " + listener->address());
  auto peer = listener->await_peer({.token = token,
                                    .run_at_most = longest_run(options.profile),
                                    .until = Clock::now() + std::chrono::seconds(arguments.wait_seconds),
                                    .interrupt_fd = interrupts.fd(),
                                    .on_refusal = [&progress](std::string_view refusal) {
                                      progress.notice("refused: " + std::string(refusal));
                                    }});
  if (!peer) return inconclusive(options, peer.error());
  listener =
      tl::unexpected<std::string>("");  // one peer is enough; who else knocks is turned away by the kernel
  progress.notice("the other host has come from " + peer->address);

  options.dir_b = peer->info.dir;
  options.node_b = peer->info.node;
  auto agent_a = LocalAgent::start();
  if (!agent_a) return tl::unexpected(RunProblem{kExitInternal, agent_a.error()});
  Session session(LineChannel(agent_a->take_link()), std::move(peer->channel), interrupts.fd());
  return conduct(session, options, progress);
}

Result connect_and_work(const HostArguments& arguments, const HostPort& address, const Token& token,
                        const RunOptions& options, Progress& progress) {
  const Interrupts interrupts;
  auto conductor = connect_to_conductor({.to = address,
                                         .token = token,
                                         .own = {.dir = options.dir_a, .node = options.node_a},
                                         .until = Clock::now() + std::chrono::seconds(arguments.wait_seconds),
                                         .interrupt_fd = interrupts.fd()});
  if (!conductor) return inconclusive(options, conductor.error());
  progress.notice("working for the conductor at " + conductor->address);
  const auto until = Clock::now() + conductor->run_at_most + kSlack;
  const AgentEnd end = work_for(std::move(conductor->channel), until, interrupts.fd());
  if (!end.result) return inconclusive(options, end.why);
  return decode_result(*end.result, options);
}

}  // namespace

void add_host_options(CLI::App& run, HostArguments& arguments) {
  CLI::Option* const listen = run.add_option(
      "--listen", arguments.listen,
      "ADDRESS:PORT to wait on for another host, which becomes agent B; both set WALGUARD_TOKEN");
  run.add_option("--connect", arguments.connect,
                 "HOST:PORT of the host that listens: work for it in DIR, and end with its report")
      ->excludes(listen);
  run.add_option("--wait", arguments.wait_seconds, "How long to wait for the other host, in seconds")
      ->check(CLI::Range(1, kMostWaitSeconds))
      ->capture_default_str();
  run.add_option("--node-name", arguments.node_name, "This node's name, for the report")
      ->envname("WALGUARD_NODE_NAME");
  run.add_flag("--trust-node-names", arguments.trust_node_names,
               "Hosts of two names are two nodes, though they run on one kernel (test clusters)");
}

tl::expected<RunResult, RunProblem> run_on_two_hosts(const HostArguments& arguments, RunOptions options,
                                                     Progress& progress) {
  const bool listens = !arguments.listen.empty();
  const std::string& text = listens ? arguments.listen : arguments.connect;
  const auto address = parse_host_port(text);
  if (!address) {
    return bad_input(std::string(listens ? "--listen" : "--connect") + " \"" + text + "\" " +
                     address.error());
  }
  const auto token = take_token();
  if (!token) return bad_input(token.error());
  options.two_hosts = true;
  options.dir_b.clear();
  options.node_b.clear();
  if (listens) return listen_and_conduct(arguments, *address, *token, std::move(options), progress);
  return connect_and_work(arguments, *address, *token, options, progress);
}

}  // namespace walguard::preflight
