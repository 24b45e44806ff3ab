#include "operator/cli/policy_file.h"

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/check/input.h"
#include "operator/core/policy.h"
#include "operator/core/policy_object.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/wire/policy.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::cli {

tl::expected<core::MergedPolicy, std::string> read_policy_option(const std::string& path,
                                                                 const core::Policy& defaults) {
  if (path.empty()) return core::MergedPolicy{.policy = defaults, .drivers = {}};
  const auto text = check::read_input(path, wire::YamlLimits().max_bytes);
  if (!text) return tl::unexpected("--policy: " + path + ": " + text.error());
  auto objects = wire::read_policy_file(*text, path, knowledge::load_drivers);
  if (!objects) return tl::unexpected("--policy: " + objects.error());
  return core::merge_policies(defaults, *std::move(objects));
}

}  // namespace walguard::cli
