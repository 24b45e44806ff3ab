/// Renders charts/walguard as a user does, with the real helm, and asks the API server's own code whom it
/// would call.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json_fwd.hpp>
#include <yaml-cpp/yaml.h>

#include "operator/process/child_process.h"
#include "tests/support/files.h"

namespace walguard::chart::testing {

using YAML::Node;

/// The rendered objects, by "Kind/name".
class Objects {
 public:
  explicit Objects(const std::string& yaml);
  /// Throws where there is none.
  [[nodiscard]] Node at(const std::string& kind_and_name) const;
  [[nodiscard]] bool has(const std::string& kind_and_name) const { return objects_.contains(kind_and_name); }
  [[nodiscard]] const std::map<std::string, Node>& all() const { return objects_; }
  /// The pod specs of everything that makes pods, hooks and tests too, by "Kind/name".
  [[nodiscard]] std::map<std::string, Node> pod_specs() const;

 private:
  std::map<std::string, Node> objects_;
};

/// An admission request, as far as it decides which webhooks are called.
struct Request {
  std::string operation = "CREATE";
  std::string resource = "pods";  ///< "deployments/scale"
  std::string object;             ///< JSON
  std::string old_object = "null";
  std::map<std::string, std::string> namespace_labels = {};
  std::string namespace_name = "shop";
  std::string user = "alice";
};

class Chart : public ::testing::Test {
 protected:
  /// Skips where helm is not to be had; with CI=true that is a failure.
  void SetUp() override;

  /// `arguments`: of helm template, such as {"--set", "replicas=3"}.
  [[nodiscard]] process::ChildEnd helm_template(const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::string render_text(const std::vector<std::string>& arguments = {}) const;
  [[nodiscard]] Objects render(const std::vector<std::string>& arguments = {}) const;
  /// What helm says where it refuses to render; "" where it renders.
  [[nodiscard]] std::string refusal(const std::vector<std::string>& arguments) const;

  /// The webhooks that a 1.28 API server would call, in order: "/validate strict.pods Fail".
  [[nodiscard]] std::vector<std::string> called(const Request& request,
                                                const std::vector<std::string>& arguments = {}) const;

  walguard::testing::TempDir folder_;

 private:
  std::string programs_;
};

}  // namespace walguard::chart::testing
