#include "tests/controller/upkeep/object_api.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "tests/kube/api/fake_api.h"

namespace walguard::controller::testing {

using kube::testing::FakeAnswer;
using kube::testing::FakeRequest;
using nlohmann::json;

ObjectApi::ObjectApi()
    : api_(std::make_unique<kube::testing::FakeApi>([this](const FakeRequest& r) { return answer(r); })) {}

FakeAnswer ObjectApi::status(int code, const std::string& reason) {
  const json body = {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "said by the test"}};
  return {.status = code, .body = body.dump()};
}

void ObjectApi::store(const std::string& path, json object) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_[path] = std::move(object);
}

void ObjectApi::put(const std::string& path, json object) {
  const std::lock_guard lock(mutex_);
  store(path, std::move(object));
}

void ObjectApi::erase(const std::string& path) {
  const std::lock_guard lock(mutex_);
  objects_.erase(path);
}

json ObjectApi::at(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(path);
  return found == objects_.end() ? json() : found->second;
}

std::vector<std::string> ObjectApi::paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  all.reserve(objects_.size());
  for (const auto& [path, object] : objects_) all.push_back(path);
  return all;
}

void ObjectApi::interfere(Interference interference) {
  const std::lock_guard lock(mutex_);
  interference_ = std::move(interference);
}

std::size_t ObjectApi::count(const std::string& method) const {
  const auto all = requests();
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const FakeRequest& request) { return request.method == method; }));
}

std::unique_ptr<kube::Client> ObjectApi::client(kube::ClientOptions options) {
  kube::ClusterConfig config;
  config.server = api_->url();
  transports_.push_back(
      std::make_unique<kube::CurlTransport>(config, kube::make_credential_source(config, nullptr)));
  return std::make_unique<kube::Client>(*transports_.back(), std::move(options));
}

FakeAnswer ObjectApi::answer(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  if (interference_) {
    if (auto instead = interference_(request)) return *std::move(instead);
  }
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.method == "POST") return create(path, request.body);
  if (request.method == "PATCH") return patch(path, request);
  if (request.method == "DELETE")
    return objects_.erase(path) != 0 ? status(200, "") : status(404, "NotFound");
  return read(path);
}

FakeAnswer ObjectApi::create(const std::string& collection, const std::string& body) {
  json object = json::parse(body);
  const std::string path = collection + "/" + object["metadata"]["name"].get<std::string>();
  if (objects_.contains(path)) return status(409, "AlreadyExists");
  store(path, std::move(object));
  return {.status = 201, .body = objects_[path].dump()};
}

FakeAnswer ObjectApi::patch(const std::string& path, const FakeRequest& request) {
  // The status of an object is patched at a path of its own.
  constexpr std::string_view kStatus = "/status";
  const std::string owner = path.ends_with(kStatus) ? path.substr(0, path.size() - kStatus.size()) : path;
  const auto found = objects_.find(owner);
  if (found == objects_.end()) return status(404, "NotFound");
  const json body = json::parse(request.body);
  json changed = found->second;
  if (request.content_type == "application/json-patch+json") {
    try {
      changed = changed.patch(body);
    } catch (const json::exception&) {
      return status(422, "Invalid");
    }
  } else {
    const json wanted = body.value("/metadata/resourceVersion"_json_pointer, json());
    if (!wanted.is_null() && wanted != found->second["metadata"]["resourceVersion"]) {
      return status(409, "Conflict");
    }
    changed.merge_patch(body);
  }
  store(owner, std::move(changed));
  return {.body = objects_[owner].dump()};
}

/// A collection is a path below which objects are, and which is none itself; "/api/v1/pods" is that of all
/// namespaces.
FakeAnswer ObjectApi::read(const std::string& path) const {
  if (const auto found = objects_.find(path); found != objects_.end()) return {.body = found->second.dump()};
  const std::string plural = path.substr(path.rfind('/'));
  const bool of_all_namespaces = path == "/api/v1" + plural;
  json items = json::array();
  for (const auto& [name, object] : objects_) {
    const std::string collection = name.substr(0, name.rfind('/'));
    if (collection == path || (of_all_namespaces && collection.ends_with(plural))) items.push_back(object);
  }
  if (items.empty() && !of_all_namespaces) return status(404, "NotFound");
  const json list = {{"kind", "List"},
                     {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                     {"items", std::move(items)}};
  return {.body = list.dump()};
}

}  // namespace walguard::controller::testing
