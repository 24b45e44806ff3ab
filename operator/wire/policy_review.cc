#include "operator/wire/policy_review.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/json_reader.h"
#include "operator/wire/policy.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

constexpr int kUnprocessable = 422;

Json answer(const Json& uid, bool allowed) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"response", {{"uid", uid}, {"allowed", allowed}}}};
}

/// An object's field of this type, or nothing.
const Json* field(const Json& object, const char* name, Json::value_t type) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->type() != type ? nullptr : &*found;
}

std::string name_of(const Json& policy) {
  const Json* const metadata = field(policy, "metadata", Json::value_t::object);
  const Json* const name = metadata == nullptr ? nullptr : field(*metadata, "name", Json::value_t::string);
  return name == nullptr ? "" : name->get<std::string>();
}

}  // namespace

tl::expected<std::string, std::string> review_policy(std::string_view body,
                                                     const DriverReader& read_drivers) {
  // nlohmann-json writes an object by recursion, and anybody in the cluster's network may send one.
  if (json::nests_deeper_than(body, json::kMaxDepth)) {
    return tl::make_unexpected("the body is nested deeper than " + std::to_string(json::kMaxDepth) +
                               " levels; no WalguardPolicy is");
  }
  const Json review = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json* const request = field(review, "request", Json::value_t::object);
  const Json* const uid = request == nullptr ? nullptr : field(*request, "uid", Json::value_t::string);
  if (uid == nullptr) {
    return tl::make_unexpected<std::string>(
        "the body is no AdmissionReview admission.k8s.io/v1 with a request.uid");
  }
  const Json* const object = field(*request, "object", Json::value_t::object);
  if (object == nullptr) return answer(*uid, true).dump();
  const auto policy = read_policy(object->dump(), read_drivers);
  if (policy) return answer(*uid, true).dump();
  Json refusal = answer(*uid, false);
  refusal["response"]["status"] = {
      {"code", kUnprocessable},
      {"message", "walguard: WalguardPolicy \"" + name_of(*object) + "\": " + policy.error()}};
  return refusal.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace walguard::wire
