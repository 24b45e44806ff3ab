#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "operator/server/unix_listener.h"

namespace walguard::cli::testing {

/// A Docker engine with one volume, `shared` on NFS, that asks its authorization plugin about each request
/// before it answers, as dockerd does. Its stream of events says nothing and lasts.
class FakeEngine {
 public:
  /// Listens at `path`; the plugin's socket is `plugin`.
  FakeEngine(const std::string& path, std::string plugin);
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  ~FakeEngine();

  /// Requests that the plugin has let pass.
  [[nodiscard]] int authorized() const { return authorized_; }
  [[nodiscard]] int refused() const { return refused_; }

 private:
  void accept_connections();
  void serve(int connection);
  [[nodiscard]] bool may(const std::string& target);

  const std::string plugin_;
  server::UnixListener listener_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> authorized_ = 0;
  std::atomic<int> refused_ = 0;
  std::vector<std::thread> connections_;  // the acceptor's, and the end's when it is over
  std::thread acceptor_;
};

}  // namespace walguard::cli::testing
