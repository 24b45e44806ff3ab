/// An API server that keeps objects as a real one does, as far as the operator's upkeep needs it: create,
/// get, list, merge and JSON patches, delete, resourceVersions and their conflicts. Built on FakeApi, so
/// through sockets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/kube/client.h"
#include "operator/kube/curl_transport.h"
#include "tests/kube/api/fake_api.h"

namespace walguard::controller::testing {

/// Thread-safe. Paths are those of the API: "/api/v1/namespaces/shop/pods/web".
class ObjectApi {
 public:
  ObjectApi();

  /// Puts an object there, whatever was there before.
  void put(const std::string& path, nlohmann::json object);
  void erase(const std::string& path);
  /// A null value where there is none.
  [[nodiscard]] nlohmann::json at(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> paths() const;

  /// What comes back is the answer in place of the real one. Called with the lock held: it must not call
  /// back.
  using Interference =
      std::function<std::optional<kube::testing::FakeAnswer>(const kube::testing::FakeRequest&)>;
  void interfere(Interference interference);

  /// A client of its own.
  [[nodiscard]] std::unique_ptr<kube::Client> client(kube::ClientOptions options = {});
  [[nodiscard]] std::vector<kube::testing::FakeRequest> requests() const { return api_->requests(); }
  /// Of one method.
  [[nodiscard]] std::size_t count(const std::string& method) const;

  /// An answer with a Status.
  static kube::testing::FakeAnswer status(int code, const std::string& reason);

 private:
  kube::testing::FakeAnswer answer(const kube::testing::FakeRequest& request);
  kube::testing::FakeAnswer create(const std::string& collection, const std::string& body);
  kube::testing::FakeAnswer patch(const std::string& path, const kube::testing::FakeRequest& request);
  kube::testing::FakeAnswer read(const std::string& path) const;
  void store(const std::string& path, nlohmann::json object);

  mutable std::mutex mutex_;
  std::map<std::string, nlohmann::json> objects_;
  Interference interference_;
  int version_ = 0;
  std::vector<std::unique_ptr<kube::CurlTransport>> transports_;
  std::unique_ptr<kube::testing::FakeApi> api_;  // last: its threads use the rest
};

}  // namespace walguard::controller::testing
