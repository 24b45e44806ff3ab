#ifndef WALGUARD_PREFLIGHT_CLI_PAIR_H_
#define WALGUARD_PREFLIGHT_CLI_PAIR_H_

#include <string>

#include <CLI/CLI.hpp>
#include <tl/expected.hpp>

/// One command line for both hosts of a run: the pods of a Kubernetes Indexed Job share one template, and
/// differ in the number that Kubernetes puts in the place of $(JOB_COMPLETION_INDEX).
/// https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/
namespace walguard::preflight {

struct PairArguments {
  std::string pair;  ///< "HOST:PORT" where rank 0 is found
  std::string rank;  ///< text, so that a number that nobody filled in has an error of its own

  [[nodiscard]] bool given() const { return !pair.empty() || !rank.empty(); }
};

/// What the rank is to do: one of the two is set.
struct PairPart {
  std::string listen;   ///< for rank 0: "ADDRESS:PORT"
  std::string connect;  ///< for rank 1: "HOST:PORT"
};

void add_pair_options(CLI::App& run, PairArguments& arguments);

/// Rank 0 listens on HOST itself where that is an IP address, else on every address of this host: a name such
/// as that of a headless Service may not be there yet, or for others only. The error is a sentence with a
/// remedy. Opens a socket and closes it, to learn whether there is IPv6; blocks on nothing.
[[nodiscard]] tl::expected<PairPart, std::string> part_of(const PairArguments& arguments);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_PAIR_H_
