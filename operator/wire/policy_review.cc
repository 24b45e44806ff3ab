#include "operator/wire/policy_review.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/policy.h"

namespace walguard::wire {
namespace {

using nlohmann::json;

constexpr int kUnprocessable = 422;

json answer(const json& uid, bool allowed) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"response", {{"uid", uid}, {"allowed", allowed}}}};
}

/// An object's field of this type, or nothing.
const json* field(const json& object, const char* name, json::value_t type) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->type() != type ? nullptr : &*found;
}

std::string name_of(const json& policy) {
  const json* const metadata = field(policy, "metadata", json::value_t::object);
  const json* const name = metadata == nullptr ? nullptr : field(*metadata, "name", json::value_t::string);
  return name == nullptr ? "" : name->get<std::string>();
}

}  // namespace

tl::expected<std::string, std::string> review_policy(std::string_view body,
                                                     const DriverReader& read_drivers) {
  const json review = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const json* const request = field(review, "request", json::value_t::object);
  const json* const uid = request == nullptr ? nullptr : field(*request, "uid", json::value_t::string);
  if (uid == nullptr) {
    return tl::make_unexpected<std::string>(
        "the body is no AdmissionReview admission.k8s.io/v1 with a request.uid");
  }
  const json* const object = field(*request, "object", json::value_t::object);
  if (object == nullptr) return answer(*uid, true).dump();
  const auto policy = read_policy(object->dump(), read_drivers);
  if (policy) return answer(*uid, true).dump();
  json refusal = answer(*uid, false);
  refusal["response"]["status"] = {
      {"code", kUnprocessable},
      {"message", "walguard: WalguardPolicy \"" + name_of(*object) + "\": " + policy.error()}};
  return refusal.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace walguard::wire
