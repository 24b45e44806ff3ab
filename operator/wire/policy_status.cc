#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/policy.h"

namespace walguard::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kCondition = "Accepted";

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

json part_of(const json& object, const char* key) {
  return object.is_object() ? object.value(key, json()) : json();
}

}  // namespace

tl::expected<PolicyStatus, std::string> read_policy_status(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json metadata = part_of(object, "metadata");
  if (!metadata.is_object()) return tl::make_unexpected<std::string>("the object has no metadata");
  PolicyStatus status;
  status.generation = number_in(metadata, "generation");
  for (const json& condition : part_of(part_of(object, "status"), "conditions")) {
    if (!condition.is_object() || text_in(condition, "type") != kCondition) continue;
    status.acceptance = {.accepted = text_in(condition, "status") == "True",
                         .message = text_in(condition, "message"),
                         .generation = number_in(condition, "observedGeneration")};
    status.since = text_in(condition, "lastTransitionTime");
  }
  return status;
}

std::string policy_status_patch(const PolicyAcceptance& acceptance, const PolicyStatus& former,
                                const std::string& now) {
  const bool has_turned = !former.acceptance || former.acceptance->accepted != acceptance.accepted;
  const json condition = {{"type", kCondition},
                          {"status", acceptance.accepted ? "True" : "False"},
                          {"reason", acceptance.accepted ? "InForce" : "Invalid"},
                          {"message", acceptance.message},
                          {"observedGeneration", acceptance.generation},
                          {"lastTransitionTime", has_turned ? now : former.since}};
  const json patch = {
      {"status", {{"observedGeneration", acceptance.generation}, {"conditions", json::array({condition})}}}};
  return patch.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace walguard::wire
