#include "operator/wire/policy.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/catalog.h"
#include "operator/core/policy.h"
#include "operator/core/policy_object.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/wire/policy_field.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

using core::LabelRequirement;
using core::UtcSeconds;
using nlohmann::json;
using policy::Field;
using policy::PolicyError;

constexpr std::string_view kApiVersion = "walguard.dev/v1alpha1";
constexpr std::string_view kKind = "WalguardPolicy";
constexpr UtcSeconds kShortestAge = 3600;  // a preflight takes seconds: below this, nothing would stay proven
constexpr std::int64_t kMostAtOnce = 100;
constexpr std::int64_t kMostPerHour = 10'000;

core::Mode read_mode(const Field& field) {
  const auto mode = core::parse<core::Mode>(field.text());
  if (!mode) field.fail(field.quoted() + " is no mode; use off, audit, warn, gate or enforce");
  return *mode;
}

LabelRequirement::Operator read_operator(const Field& field) {
  const std::string text = field.text();
  if (text == "In") return LabelRequirement::Operator::kIn;
  if (text == "NotIn") return LabelRequirement::Operator::kNotIn;
  if (text == "Exists") return LabelRequirement::Operator::kExists;
  if (text == "DoesNotExist") return LabelRequirement::Operator::kDoesNotExist;
  field.fail(field.quoted() + " is no operator; use In, NotIn, Exists or DoesNotExist");
}

LabelRequirement read_expression(const Field& field) {
  field.allow({"key", "operator", "values"});
  LabelRequirement requirement{
      .key = field.required("key").text(), .is = read_operator(field.required("operator")), .values = {}};
  if (const auto values = field.optional("values")) requirement.values = values->texts();
  const bool needs_values = requirement.is == LabelRequirement::Operator::kIn ||
                            requirement.is == LabelRequirement::Operator::kNotIn;
  if (needs_values == requirement.values.empty()) {
    field.fail(needs_values ? "has no values; In and NotIn need at least one"
                            : "has values; Exists and DoesNotExist take none");
  }
  return requirement;
}

core::LabelSelector read_selector(const Field& field) {
  field.allow({"matchLabels", "matchExpressions"});
  core::LabelSelector selector;
  if (const auto labels = field.optional("matchLabels")) {
    for (const auto& [key, value] : labels->entries()) {
      selector.requirements.push_back({key, LabelRequirement::Operator::kIn, {value.text()}});
    }
  }
  if (const auto expressions = field.optional("matchExpressions")) {
    for (const Field& expression : expressions->items()) {
      selector.requirements.push_back(read_expression(expression));
    }
  }
  return selector;
}

core::Exemption read_exemption(const Field& field) {
  field.allow({"namespaces", "rules", "reason"});
  core::Exemption exemption{.namespaces = field.required("namespaces").texts(),
                            .rules = {},
                            .reason = field.required("reason").text()};
  for (const Field& rule : field.required("rules").items()) {
    if (rule.text() != "*" && core::find_rule(rule.text()) == nullptr) {
      rule.fail(rule.quoted() + " is no rule; `walguard explain` lists them");
    }
    exemption.rules.push_back(rule.text());
  }
  return exemption;
}

bool read_one_node_choice(const Field& field) {
  const std::string text = field.text();
  if (text == "accept-with-evidence") return true;
  if (text == "refuse") return false;
  field.fail(field.quoted() + " is no choice; use refuse or accept-with-evidence");
}

void read_preflights(const Field& field, core::PolicyObject& object) {
  field.allow({"enabled", "atOnce", "perHour", "costlyDrivers"});
  if (const auto value = field.optional("enabled")) object.automatic_preflights = value->flag();
  if (const auto value = field.optional("atOnce")) {
    object.preflights_at_once = static_cast<int>(value->integer(1, kMostAtOnce));
  }
  if (const auto value = field.optional("perHour")) {
    object.preflights_per_hour = static_cast<int>(value->integer(1, kMostPerHour));
  }
  if (const auto value = field.optional("costlyDrivers")) object.probe_costly_drivers = value->flag();
}

std::vector<core::Driver> read_driver_facts(const Field& field, const DriverReader& read_drivers) {
  auto drivers = read_drivers(json{{"drivers", field.value()}}.dump());
  if (!drivers) field.fail(drivers.error());
  return *std::move(drivers);
}

void read_spec(const Field& spec, const DriverReader& read_drivers, core::PolicyObject& object) {
  spec.allow({"priority", "defaultMode", "namespaceSelector", "evidenceMaxAge", "staleGrace",
              "networkFilesystemOnOneNode", "acceptRiskNamespaces", "automaticPreflights", "exemptions",
              "drivers"});
  if (const auto value = spec.optional("priority")) {
    object.priority =
        value->integer(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  }
  if (const auto value = spec.optional("defaultMode")) object.default_mode = read_mode(*value);
  if (const auto value = spec.optional("namespaceSelector")) {
    if (!object.default_mode)
      value->fail("selects the namespaces of defaultMode, which is not there; add it");
    object.namespaces = read_selector(*value);
  }
  if (const auto value = spec.optional("evidenceMaxAge")) {
    object.evidence_max_age = value->duration();
    if (*object.evidence_max_age < kShortestAge)
      value->fail(value->quoted() + " is too short; use 1h or more");
  }
  if (const auto value = spec.optional("staleGrace")) object.stale_grace = value->duration();
  if (const auto value = spec.optional("networkFilesystemOnOneNode")) {
    object.accept_network_filesystem_on_one_node = read_one_node_choice(*value);
  }
  if (const auto value = spec.optional("acceptRiskNamespaces"))
    object.accept_risk_namespaces = value->texts();
  if (const auto value = spec.optional("automaticPreflights")) read_preflights(*value, object);
  if (const auto value = spec.optional("exemptions")) {
    for (const Field& entry : value->items()) object.exemptions.push_back(read_exemption(entry));
  }
  if (const auto value = spec.optional("drivers")) object.drivers = read_driver_facts(*value, read_drivers);
}

core::PolicyObject read_object(const json& document, const DriverReader& read_drivers) {
  const Field root(document, "");
  root.allow({"apiVersion", "kind", "metadata", "spec", "status"});
  const Field version = root.required("apiVersion");
  const Field kind = root.required("kind");
  if (kind.text() != kKind) kind.fail(kind.quoted() + " is no policy; use " + std::string(kKind));
  if (version.text() != kApiVersion) {
    version.fail(version.quoted() + " is not known; use " + std::string(kApiVersion));
  }
  core::PolicyObject object;
  object.name = root.required("metadata").required("name").text();
  read_spec(root.required("spec"), read_drivers, object);
  return object;
}

/// The items of a List, as `kubectl get -o yaml` prints several objects; else the document itself.
std::vector<std::string> items_of(const std::string& document) {
  const json object = json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("items") || !object["items"].is_array()) return {document};
  std::vector<std::string> items;
  for (const json& item : object["items"]) items.push_back(item.dump());
  return items;
}

}  // namespace

tl::expected<core::PolicyObject, std::string> read_policy(std::string_view text,
                                                          const DriverReader& read_drivers) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return tl::make_unexpected<std::string>("not valid JSON");
  try {
    return read_object(document, read_drivers);
  } catch (const PolicyError& error) {
    return tl::make_unexpected<std::string>(error.what());
  }
}

tl::expected<std::vector<core::PolicyObject>, std::string> read_policy_file(
    std::string_view yaml, std::string_view file, const DriverReader& read_drivers) {
  const auto at = [&](int line) { return std::string(file) + ":" + std::to_string(line) + ": "; };
  const auto documents = yaml_to_json(yaml, {});
  if (!documents) return tl::make_unexpected(at(documents.error().line) + documents.error().message);
  std::vector<core::PolicyObject> objects;
  for (const JsonDocument& document : *documents) {
    for (const std::string& item : items_of(document.json)) {
      auto object = read_policy(item, read_drivers);
      if (!object) return tl::make_unexpected(at(document.line) + object.error());
      objects.push_back(*std::move(object));
    }
  }
  return objects;
}

}  // namespace walguard::wire
