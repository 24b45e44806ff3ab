#include "preflight/cli/pair.h"

#include <string>

#include <CLI/CLI.hpp>
#include <sys/socket.h>
#include <tl/expected.hpp>

#include "preflight/link/address.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

// A socket on [::] takes IPv4 as well; a kernel started with ipv6.disable=1 has none.
std::string every_address(const std::string& port) {
  const UniqueFd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return (probe.valid() ? "[::]:" : "0.0.0.0:") + port;
}

}  // namespace

void add_pair_options(CLI::App& run, PairArguments& arguments) {
  run.add_option("--pair", arguments.pair,
                 "HOST:PORT of rank 0, for two hosts with one command line: rank 0 listens on PORT, rank 1 "
                 "connects to it");
  run.add_option("--rank", arguments.rank, "0 or 1; in an Indexed Job $(JOB_COMPLETION_INDEX)");
}

tl::expected<PairPart, std::string> part_of(const PairArguments& arguments) {
  if (arguments.pair.empty()) return tl::unexpected<std::string>("--rank needs --pair HOST:PORT");
  if (arguments.rank.empty()) return tl::unexpected<std::string>("--pair needs --rank 0 or --rank 1");
  if (arguments.rank.starts_with("$(")) {
    return tl::unexpected("--rank is still \"" + arguments.rank +
                          "\": Kubernetes fills it in only in a Job with completionMode: Indexed");
  }
  if (arguments.rank != "0" && arguments.rank != "1") {
    return tl::unexpected("--rank \"" + arguments.rank +
                          "\" is neither 0 nor 1; the Job needs completions: 2 and parallelism: 2");
  }
  const auto address = parse_host_port(arguments.pair);
  if (!address) return tl::unexpected("--pair \"" + arguments.pair + "\" " + address.error());
  if (address->port == "0") {
    return tl::unexpected("--pair \"" + arguments.pair + "\" must name the port: rank 1 has to know it");
  }
  if (arguments.rank == "1") return PairPart{.listen = "", .connect = arguments.pair};
  const bool is_an_address = numeric_address(*address).has_value();
  return PairPart{.listen = is_an_address ? arguments.pair : every_address(address->port), .connect = ""};
}

}  // namespace walguard::preflight
