/// An API server in memory, behind kube::HttpTransport: objects by kind, namespace and name; create, get,
/// list by label, JSON and merge patch, delete with a uid. What controllers do with the objects is the
/// test's.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/kube/http.h"

namespace walguard::controller::testing {

class MemoryApi : public kube::HttpTransport {
 public:
  using Json = nlohmann::json;

  struct Stored {
    std::string plural;
    std::string namespace_name;
    std::string name;
    Json json;
  };
  std::vector<Stored> objects;
  std::vector<std::string> log;  ///< "POST persistentvolumeclaims", writes only
  /// Says no to a write instead of doing it.
  std::function<std::optional<kube::HttpReply>(const std::string& method, const std::string& plural)> refuse =
      [](const std::string&, const std::string&) { return std::nullopt; };
  std::string now = "2027-01-15T08:00:00Z";

  [[nodiscard]] std::vector<Json*> all(const std::string& plural) {
    std::vector<Json*> found;
    for (Stored& each : objects) {
      if (each.plural == plural) found.push_back(&each.json);
    }
    return found;
  }
  Json& add(const std::string& plural, const std::string& namespace_name, Json json) {
    Json& meta = json["metadata"];
    meta["uid"] = digits(++counter_) + "-0000-4000-8000-000000000000";
    meta["resourceVersion"] = std::to_string(++counter_);
    meta["creationTimestamp"] = now;
    if (!namespace_name.empty()) meta["namespace"] = namespace_name;
    objects.push_back({plural, namespace_name, meta["name"], json});
    return objects.back().json;
  }
  void erase(const std::string& plural, const std::string& name) {
    std::erase_if(objects, [&](const Stored& each) { return each.plural == plural && each.name == name; });
  }
  static kube::HttpReply status(int code, const std::string& reason, const std::string& message = "") {
    return {
        .status = code,
        .retry_after = std::nullopt,
        .body = Json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", message}}.dump()};
  }

  [[nodiscard]] tl::expected<kube::HttpReply, kube::TransportError> exchange(
      const kube::HttpRequest& request, const kube::BodySink& sink, const std::stop_token& stop) override {
    if (stop.stop_requested()) {
      return tl::unexpected(kube::TransportError{kube::ExchangeFailure::kStopped, "stopped"});
    }
    kube::HttpReply reply = answer(request);
    if (sink && reply.status < 300) {
      (void)sink(reply.body);
      reply.body.clear();
    }
    return reply;
  }

 private:
  struct Target {
    std::string plural;
    std::string namespace_name;
    std::string name;
    bool by_label = false;
  };
  static std::string digits(int number) {
    std::string text = std::to_string(number);
    return std::string(8 - text.size(), '0') + text;
  }
  static Target parse(const std::string& target) {
    const std::string path = target.substr(0, target.find('?'));
    std::vector<std::string> parts;
    for (std::size_t begin = 1; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      parts.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    std::size_t at = parts.at(0) == "api" ? 2 : 3;
    Target out;
    if (parts.at(at) == "namespaces") {
      out.namespace_name = parts.at(at + 1);
      at += 2;
    }
    out.plural = parts.at(at);
    if (parts.size() > at + 1) out.name = parts.at(at + 1);
    out.by_label = target.find("labelSelector=") != std::string::npos;
    return out;
  }

  kube::HttpReply answer(const kube::HttpRequest& request) {
    const Target target = parse(request.target);
    if (request.method != "GET") {
      log.push_back(request.method + " " + target.plural);
      if (auto refused = refuse(request.method, target.plural)) return *refused;
    }
    if (request.method == "POST") return create(target, Json::parse(request.body));
    if (target.name.empty()) return list(target);
    const auto it = std::ranges::find_if(objects, [&](const Stored& each) {
      return each.plural == target.plural && each.name == target.name &&
             each.namespace_name == target.namespace_name;
    });
    if (it == objects.end()) return status(404, "NotFound");
    if (request.method == "GET") return ok(it->json);
    if (request.method == "DELETE") return remove(it, request.body);
    return patch(*it, request);
  }
  static kube::HttpReply ok(const Json& json) {
    return {.status = 200, .retry_after = std::nullopt, .body = json.dump()};
  }
  kube::HttpReply create(const Target& target, const Json& json) {
    const std::string name = json["metadata"]["name"];
    const bool there = std::ranges::any_of(objects, [&](const Stored& each) {
      return each.plural == target.plural && each.name == name &&
             each.namespace_name == target.namespace_name;
    });
    return there ? status(409, "AlreadyExists") : ok(add(target.plural, target.namespace_name, json));
  }
  kube::HttpReply list(const Target& target) {
    Json items = Json::array();
    for (const Stored& each : objects) {
      if (each.plural != target.plural) continue;
      if (!target.namespace_name.empty() && each.namespace_name != target.namespace_name) continue;
      const bool ours = each.json["metadata"].contains("labels") &&
                        each.json["metadata"]["labels"].contains("walguard.dev/run");
      if (!target.by_label || ours) items.push_back(each.json);
    }
    return ok({{"kind", "List"}, {"metadata", {{"resourceVersion", "1"}}}, {"items", items}});
  }
  kube::HttpReply remove(std::vector<Stored>::iterator it, const std::string& body) {
    const Json options = body.empty() ? Json::object() : Json::parse(body);
    if (options.contains("preconditions") && options["preconditions"]["uid"] != it->json["metadata"]["uid"]) {
      return status(409, "Conflict");
    }
    const bool lingers = it->plural == "persistentvolumeclaims" ||
                         (it->plural == "pods" && options.value("gracePeriodSeconds", 1) != 0);
    const Json json = it->json;
    if (lingers)
      it->json["metadata"]["deletionTimestamp"] = now;
    else
      objects.erase(it);
    return ok(json);
  }
  kube::HttpReply patch(Stored& object, const kube::HttpRequest& request) {
    try {
      const Json body = Json::parse(request.body);
      if (request.content_type == "application/json-patch+json") {
        object.json = object.json.patch(body);
      } else {
        object.json.merge_patch(body);
      }
    } catch (const Json::exception& error) {
      return status(422, "Invalid", error.what());
    }
    object.json["metadata"]["resourceVersion"] = std::to_string(++counter_);
    return ok(object.json);
  }

  int counter_ = 0;
};

}  // namespace walguard::controller::testing
