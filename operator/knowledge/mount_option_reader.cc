#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {
namespace {

using Effect = core::MountOptionFact::Effect;

Effect read_effect(const Value& value) {
  const std::string text = value.text();
  if (text == "locks-stay-local") return Effect::kLocksStayLocal;
  if (text == "split-page-cache") return Effect::kSplitPageCache;
  if (text == "risky") return Effect::kRisky;
  value.fail(value.quoted() + " is not an effect; use one of locks-stay-local, split-page-cache, risky");
}

}  // namespace

std::vector<core::MountOptionFact> read_mount_options(std::string_view yaml) {
  std::vector<core::MountOptionFact> options;
  Unique unique("mount option");
  for (const Value& entry : read_entries(yaml, "mount_options.yaml", "mount_options")) {
    const Object fields(entry, {"option", "effect", "source"});
    const Value option = fields.required("option");
    options.push_back({.option = option.text(),
                       .effect = read_effect(fields.required("effect")),
                       .source = fields.required("source").text()});
    unique.add(option);
  }
  return options;
}

}  // namespace walguard::knowledge
