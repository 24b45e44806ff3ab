/// How the plugin knows the containers of its own preflights, which come to it for authorization as any
/// others do: by what nobody else can have said, never by a label.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_request.h"

namespace walguard::docker {

/// Every name of such a container begins so.
inline constexpr std::string_view kPreflightNamePrefix = "walguard-preflight-";

/// A create is let through for its name, of which 128 bits are random, are kept in memory alone and count
/// once: whoever reads the name of the container afterwards has nothing in hand. A start is let through for
/// the id that the engine gave to that container, once, and only between the two calls about it.
///
/// Thread-safe; no call waits for anything but the other calls.
class PreflightPass {
 public:
  /// A name for one create. Throws std::system_error where the kernel has no random numbers.
  [[nodiscard]] std::string issue();
  /// The create has come to its end, or never came to anything: its name counts no more.
  void withdraw(const std::string& name);

  /// From now on the container is known as ours, and may be started once.
  void made(const std::string& id);
  /// It is started, or is not going to be.
  void close(const std::string& id);

  /// Whether this request is ours; it is so once.
  [[nodiscard]] bool takes(const wire::DockerRequest& request);

  /// What the engine has but for our own containers: what measures a volume is no consumer of it.
  [[nodiscard]] std::shared_ptr<const EngineSnapshot> without_own(
      std::shared_ptr<const EngineSnapshot> snapshot) const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> names_;   // issued and not withdrawn: a container of this name is ours
  std::set<std::string> unused_;  // of those, what no create has carried yet
  std::set<std::string> starts_;  // ids that may be started
  std::deque<std::string> own_;   // ids, the last few: the engine tells of their end a moment late
};

}  // namespace walguard::docker
