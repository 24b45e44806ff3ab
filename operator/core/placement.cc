#include "operator/core/placement.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

bool names_one(const NodeRequirement& requirement, std::string_view key) {
  return requirement.key == key && requirement.op == "In" && requirement.values.size() == 1;
}
bool names_one_hostname(const NodeRequirement& label) { return names_one(label, kHostnameLabel); }
bool names_one_node(const NodeRequirement& field) { return names_one(field, "metadata.name"); }

std::optional<std::string> hostname_of(const NodeSelectorTerm& term) {
  const auto label = std::ranges::find_if(term.match_expressions, names_one_hostname);
  if (label != term.match_expressions.end()) return label->values.front();
  const auto field = std::ranges::find_if(term.match_fields, names_one_node);
  if (field != term.match_fields.end()) return field->values.front();
  return std::nullopt;
}

}  // namespace

std::optional<std::string> single_hostname(const std::vector<NodeSelectorTerm>& terms) {
  std::optional<std::string> hostname;
  for (const NodeSelectorTerm& term : terms) {
    std::optional<std::string> of_term = hostname_of(term);
    if (!of_term || (hostname && *hostname != *of_term)) return std::nullopt;
    hostname = std::move(of_term);
  }
  return hostname;
}

Placement on_any_node_of_its_kind(Placement placement) {
  const auto pin = placement.node_selector.find(kHostnameLabel);
  if (pin != placement.node_selector.end()) placement.node_selector.erase(pin);
  for (NodeSelectorTerm& term : placement.node_terms) {
    std::erase_if(term.match_expressions, names_one_hostname);
    std::erase_if(term.match_fields, names_one_node);
  }
  // What asked for nothing but one node now takes every node, and so do the terms together. To Kubernetes a
  // term without requirements takes none.
  const bool takes_all = std::ranges::any_of(placement.node_terms, [](const NodeSelectorTerm& term) {
    return term.match_expressions.empty() && term.match_fields.empty();
  });
  if (takes_all) placement.node_terms.clear();
  return placement;
}

}  // namespace walguard::core
