/// `walguard serve` in a cluster: the webhook on an index of the API server's objects.
///
/// Every replica lists and watches, and answers. What only one of them may do is in cluster_duties.h.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"

namespace walguard::cli {

/// Started on construction, stopped on destruction. The members outlive what refers to them by their order.
class ClusterOperator : public RunningServer {
 public:
  /// Returns once both ports listen; the index may still be listing then, the certificate still be on its
  /// way, and /readyz says so. An API server that is away is waited for. The error names the flag, its value
  /// and the remedy. `logger` outlives the operator.
  [[nodiscard]] static tl::expected<std::unique_ptr<RunningServer>, std::string> start(
      const ServeOptions& options, Logger& logger);
  ~ClusterOperator() override;

  bool drain() override;
  void reload_certificate() override;

 private:
  struct Parts;
  explicit ClusterOperator(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace walguard::cli
