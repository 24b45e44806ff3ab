#include "operator/wire/labels.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "operator/wire/workload_reader.h"

namespace walguard::wire {

std::optional<std::string> contradictory_label(const AnnotationList& labels) {
  std::map<std::string_view, std::string_view> by_name;
  for (const auto& [key, value] : labels) {
    const std::string_view name = std::string_view(key).substr(kLabelPrefix.size());
    const auto [known, is_new] = by_name.emplace(name, value);
    if (!is_new && known->second != value) return std::string(name);
  }
  return std::nullopt;
}

}  // namespace walguard::wire
