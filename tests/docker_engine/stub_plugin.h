/// An authorization plugin that allows everything and remembers what the engine has shown it: how the engine
/// behaves, apart from what walguard makes of it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/docker_engine/machine.h"

namespace httplib {
class Server;
}

namespace walguard::docker_engine {

/// One AuthZReq.
struct ShownRequest {
  std::string method;
  std::string uri;
  std::string content_type;         ///< as the engine shows the client's header; empty: none
  std::optional<std::string> body;  ///< decoded; nullopt: the engine shows none
};

class StubPlugin {
 public:
  /// Serves on a loopback address of `machine`, and tells the engine of itself there under `name`.
  StubPlugin(const Machine& machine, const std::string& name);
  StubPlugin(const StubPlugin&) = delete;
  StubPlugin& operator=(const StubPlugin&) = delete;
  ~StubPlugin();

  /// What was shown of requests whose URI contains `words`, in order.
  [[nodiscard]] std::vector<ShownRequest> shown(const std::string& words) const;

 private:
  [[nodiscard]] std::string answer(const std::string& call);

  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<ShownRequest> requests_;
};

}  // namespace walguard::docker_engine
