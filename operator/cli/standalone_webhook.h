/// `walguard serve --standalone`: the webhook on a folder of cluster state, with preflights as child
/// processes.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"

namespace walguard::cli {

/// Started on construction, stopped on destruction. The members outlive what refers to them by their order.
class StandaloneWebhook : public RunningServer {
 public:
  /// Returns once both ports answer. The error names the flag, its value and the remedy. `logger` outlives
  /// the webhook.
  [[nodiscard]] static tl::expected<std::unique_ptr<RunningServer>, std::string> start(
      const ServeOptions& options, Logger& logger);
  ~StandaloneWebhook() override;

  bool drain() override;
  void reload_certificate() override;

 private:
  struct Parts;
  explicit StandaloneWebhook(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace walguard::cli
