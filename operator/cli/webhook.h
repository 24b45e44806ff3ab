/// The standalone webhook: state folder, evidence, preflights, admission and the two listeners, wired
/// together.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "operator/cli/logger.h"
#include "operator/cli/serve.h"

namespace walguard::cli {

/// Started on construction, stopped on destruction. The members outlive what refers to them by their order.
class Webhook {
 public:
  /// Returns once both ports answer. The error names the flag, its value and the remedy. `logger` outlives
  /// the webhook.
  [[nodiscard]] static tl::expected<std::unique_ptr<Webhook>, std::string> start(const ServeOptions& options,
                                                                                 Logger& logger);
  ~Webhook();
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  /// Stops being ready, answers what is under way, ends. False when the timeout cut something off.
  bool drain();
  void reload_certificate();

 private:
  struct Parts;
  explicit Webhook(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace walguard::cli
