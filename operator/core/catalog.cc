#include "operator/core/catalog.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using Field = DriverVariant::Condition::Field;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool any_equal(const std::vector<std::string>& values, std::string_view text) {
  return std::ranges::any_of(values,
                             [&](const std::string& value) { return equal_ignoring_case(value, text); });
}

enum class Holds : std::uint8_t { kNo, kYes, kUnknown };

Holds when_present(const DriverVariant::Condition& condition, std::optional<std::string_view> value) {
  if (!value || value->empty()) return condition.or_absent ? Holds::kYes : Holds::kNo;
  return any_equal(condition.values, *value) ? Holds::kYes : Holds::kNo;
}

/// A parameter may stand in the class or, copied by the provisioner, in the volume's attributes. It is absent
/// only when the class is in view; of a volume alone nobody can tell what the class once said.
Holds parameter_holds(const DriverVariant::Condition& condition, const VariantQuery& query) {
  for (const StringMap* map : {query.attributes, query.parameters}) {
    if (map == nullptr) continue;
    const auto it = std::ranges::find_if(
        *map, [&](const auto& entry) { return equal_ignoring_case(entry.first, condition.key); });
    if (it != map->end()) return when_present(condition, it->second);
  }
  return query.parameters == nullptr ? Holds::kUnknown : when_present(condition, std::nullopt);
}

Holds condition_holds(const DriverVariant::Condition& condition, const VariantQuery& query) {
  switch (condition.field) {
    case Field::kParameter:
      return parameter_holds(condition, query);
    case Field::kAccessMode:
      if (!query.widest_access) return Holds::kUnknown;
      return any_equal(condition.values, name(*query.widest_access)) ? Holds::kYes : Holds::kNo;
    case Field::kVolumeHandlePrefix:
      // A claim that is not bound has no handle yet; the prefixes in the data mark volumes made by hand.
      if (!query.volume_handle) return Holds::kNo;
      return std::ranges::any_of(
                 condition.values,
                 [&](const std::string& prefix) { return query.volume_handle->starts_with(prefix); })
                 ? Holds::kYes
                 : Holds::kNo;
    case Field::kFsType:
      if (!query.fs_type) return Holds::kUnknown;
      return when_present(condition, query.fs_type);
  }
  return Holds::kUnknown;
}

Holds variant_holds(const DriverVariant& variant, const VariantQuery& query) {
  Holds all = Holds::kYes;
  for (const auto& condition : variant.when) {
    const Holds one = condition_holds(condition, query);
    if (one == Holds::kNo) return Holds::kNo;
    if (one == Holds::kUnknown) all = Holds::kUnknown;
  }
  return all;
}

bool judged_alike(const DriverVariant& a, const DriverVariant& b) {
  return a.transport == b.transport && a.per_pod_cache == b.per_pod_cache &&
         a.locks_stay_local == b.locks_stay_local && a.differs_per_node == b.differs_per_node &&
         a.proven_only_by_preflight == b.proven_only_by_preflight;
}

/// Of two variants that are judged alike, the one that claims less.
const DriverVariant* more_careful(const DriverVariant* a, const DriverVariant* b) {
  return a->verified ? b : a;
}

}  // namespace

Catalog::Catalog(std::vector<Driver> drivers, std::vector<MountOptionFact> options,
                 std::vector<Filesystem> filesystems)
    : drivers_(std::move(drivers)), options_(std::move(options)), filesystems_(std::move(filesystems)) {
  for (const Driver& driver : drivers_) {
    for (const std::string& driver_name : driver.names) by_name_.emplace(driver_name, &driver);
  }
}

const Driver* Catalog::find_driver(std::string_view name) const {
  if (const auto it = by_name_.find(name); it != by_name_.end()) return it->second;
  const auto has_suffix = [&](const Driver& driver) {
    return std::ranges::any_of(driver.suffixes,
                               [&](const std::string& suffix) { return name.ends_with(suffix); });
  };
  const auto it = std::ranges::find_if(drivers_, has_suffix);
  return it == drivers_.end() ? nullptr : &*it;
}

Catalog::Match Catalog::find(const VariantQuery& query) const {
  const Driver* driver = find_driver(query.driver);
  if (driver == nullptr) return {};
  const DriverVariant* candidate = nullptr;  // of the variants that may be the one, all judged alike so far
  for (const DriverVariant& variant : driver->variants) {
    const Holds holds = variant_holds(variant, query);
    if (holds == Holds::kNo) continue;
    if (candidate != nullptr && !judged_alike(*candidate, variant)) return {driver, nullptr};
    candidate = candidate == nullptr ? &variant : more_careful(candidate, &variant);
    if (holds == Holds::kYes) return {driver, candidate};
  }
  return {driver,
          nullptr};  // what only may hold is not the one: the data leaves out what is not safe to name
}

const MountOptionFact* Catalog::mount_option(std::string_view option) const {
  const auto it = std::ranges::find(options_, option, &MountOptionFact::option);
  return it == options_.end() ? nullptr : &*it;
}

const Filesystem* Catalog::filesystem_by_name(std::string_view name) const {
  const auto it = std::ranges::find_if(filesystems_, [&](const Filesystem& fs) {
    return std::ranges::find(fs.names, name) != fs.names.end();
  });
  return it == filesystems_.end() ? nullptr : &*it;
}

const Filesystem* Catalog::filesystem_by_magic(std::uint64_t magic) const {
  const auto it = std::ranges::find(filesystems_, std::optional<std::uint64_t>{magic}, &Filesystem::magic);
  return it == filesystems_.end() ? nullptr : &*it;
}

}  // namespace walguard::core
