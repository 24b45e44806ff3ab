/// `walguard open-gates`: takes walguard's scheduling gate off pods, so that nothing waits for a walguard
/// that is gone. The chart runs it before an uninstall; a person may at any time.
#pragma once

#include <string>

namespace walguard::cli {

struct OpenGatesOptions {
  std::string namespace_name;  ///< one namespace; "" with `all`
  bool all = false;            ///< every namespace
  std::string kubeconfig;      ///< "": $KUBECONFIG, the pod's service account, or ~/.kube/config
  std::string context;
};

/// Blocks until every gate is open or the API server has refused. Needs nothing of walguard running; of the
/// API: pods list and patch. Prints how many were opened to stdout and returns an exit code.
[[nodiscard]] int open_gates(const OpenGatesOptions& options);

}  // namespace walguard::cli
