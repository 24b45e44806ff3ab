// Which nodes a wish leaves, and what is left of it where two nodes are needed.
#include "operator/core/placement.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

NodeRequirement label_in(std::string key, std::vector<std::string> values) {
  return {.key = std::move(key), .op = "In", .values = std::move(values)};
}
NodeRequirement host(std::string name) { return label_in(std::string(kHostnameLabel), {std::move(name)}); }
NodeRequirement node(std::string name) { return label_in("metadata.name", {std::move(name)}); }
NodeSelectorTerm labels(std::vector<NodeRequirement> requirements) {
  return {.match_expressions = std::move(requirements), .match_fields = {}};
}
NodeSelectorTerm fields(std::vector<NodeRequirement> requirements) {
  return {.match_expressions = {}, .match_fields = std::move(requirements)};
}
std::vector<NodeSelectorTerm> kept(std::vector<NodeSelectorTerm> terms) {
  return on_any_node_of_its_kind({.node_selector = {}, .node_terms = std::move(terms), .tolerations = {}})
      .node_terms;
}

TEST(Placement, HasOneHostnameWhereEveryTermLeavesJustThat) {
  EXPECT_EQ(single_hostname({}), std::nullopt);
  EXPECT_EQ(single_hostname({labels({host("a"), label_in("zone", {"z"})})}), "a");
  EXPECT_EQ(single_hostname({labels({host("a")}), fields({node("a")})}), "a");
  EXPECT_EQ(single_hostname({labels({host("a")}), labels({host("b")})}), std::nullopt);
  EXPECT_EQ(single_hostname({labels({host("a")}), labels({label_in("zone", {"z"})})}), std::nullopt);
}

TEST(Placement, LosesWhatNamesOneNodeAndKeepsTheRest) {
  const Placement placement =
      on_any_node_of_its_kind({.node_selector = {{std::string(kHostnameLabel), "a"}, {"disk", "ssd"}},
                               .node_terms = {labels({host("a"), label_in("zone", {"z"})}),
                                              labels({label_in(std::string(kHostnameLabel), {"b", "c"})})},
                               .tolerations = {{.key = "db", .op = "Exists", .value = "", .effect = ""}}});
  EXPECT_EQ(placement.node_selector, (StringMap{{"disk", "ssd"}}));
  EXPECT_EQ(placement.node_terms, (std::vector{labels({label_in("zone", {"z"})}),
                                               labels({label_in(std::string(kHostnameLabel), {"b", "c"})})}));
  EXPECT_EQ(placement.tolerations.size(), 1U);
}

TEST(Placement, ATermThatNamedOneNodeOnlyLeavesAllOfThemAndNotNone) {
  EXPECT_TRUE(kept({labels({host("a")})}).empty());
  EXPECT_TRUE(kept({labels({label_in("zone", {"z"})}), fields({node("a")})}).empty());
}

}  // namespace
}  // namespace walguard::core
