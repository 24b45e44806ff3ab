#include "operator/wire/lease.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace walguard::wire {
namespace {

using nlohmann::json;

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

json spec_of(const LeaseRecord& record) {
  return {{"holderIdentity", record.holder},
          {"leaseDurationSeconds", record.duration.count()},
          {"acquireTime", record.acquired},
          {"renewTime", record.renewed},
          {"leaseTransitions", record.transitions}};
}

std::string text_of(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

tl::expected<LeaseRecord, std::string> read_lease(std::string_view text) {
  const json lease = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!lease.is_object() || !lease.contains("metadata") || !lease["metadata"].is_object()) {
    return tl::make_unexpected("not a Lease: " + std::string(text.substr(0, 100)));
  }
  LeaseRecord record;
  record.resource_version = text_in(lease["metadata"], "resourceVersion");
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return record;
  record.holder = text_in(*spec, "holderIdentity");
  record.duration = std::chrono::seconds(number_in(*spec, "leaseDurationSeconds"));
  record.acquired = text_in(*spec, "acquireTime");
  record.renewed = text_in(*spec, "renewTime");
  record.transitions = number_in(*spec, "leaseTransitions");
  return record;
}

std::string lease_object(std::string_view namespace_name, std::string_view name, const LeaseRecord& record) {
  return text_of({{"apiVersion", "coordination.k8s.io/v1"},
                  {"kind", "Lease"},
                  {"metadata",
                   {{"namespace", namespace_name},
                    {"name", name},
                    {"labels", {{"app.kubernetes.io/managed-by", "walguard"}}}}},
                  {"spec", spec_of(record)}});
}

std::string lease_patch(const LeaseRecord& record) {
  return text_of({{"metadata", {{"resourceVersion", record.resource_version}}}, {"spec", spec_of(record)}});
}

}  // namespace walguard::wire
