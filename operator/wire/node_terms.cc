#include "operator/wire/node_terms.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/core/workload.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::ordered_json;

Json requirements_json(const std::vector<core::NodeRequirement>& requirements) {
  Json json = Json::array();
  for (const core::NodeRequirement& requirement : requirements) {
    Json& entry = json.emplace_back(Json{{"key", requirement.key}, {"operator", requirement.op}});
    if (!requirement.values.empty()) entry["values"] = requirement.values;
  }
  return json;
}

std::vector<core::NodeRequirement> read_requirements(const Json& term, const char* field) {
  std::vector<core::NodeRequirement> requirements;
  for (const Json& item : term.value(field, Json::array())) {
    requirements.push_back({.key = item.value("key", std::string()),
                            .op = item.value("operator", std::string()),
                            .values = item.value("values", std::vector<std::string>())});
  }
  return requirements;
}

}  // namespace

Json node_terms_json(const std::vector<core::NodeSelectorTerm>& terms) {
  Json json = Json::array();
  for (const core::NodeSelectorTerm& term : terms) {
    Json& entry = json.emplace_back(Json::object());
    if (!term.match_expressions.empty())
      entry["matchExpressions"] = requirements_json(term.match_expressions);
    if (!term.match_fields.empty()) entry["matchFields"] = requirements_json(term.match_fields);
  }
  return json;
}

std::vector<core::NodeSelectorTerm> read_node_terms(const Json& terms) {
  std::vector<core::NodeSelectorTerm> read;
  for (const Json& term : terms) {
    read.push_back({.match_expressions = read_requirements(term, "matchExpressions"),
                    .match_fields = read_requirements(term, "matchFields")});
  }
  return read;
}

}  // namespace walguard::wire
