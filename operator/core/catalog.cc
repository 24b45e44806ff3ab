#include "operator/core/catalog.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
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

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// "linuxserver/sonarr" takes "mirror/linuxserver/sonarr" as well; one word alone, the name of a Docker
/// Official Image, only that image
/// (https://docs.docker.com/docker-hub/repos/manage/trusted-content/official-images/).
bool image_matches(std::string_view pattern, std::string_view repository) {
  if (pattern.find('/') == std::string_view::npos) {
    return repository == pattern || repository == "library/" + std::string(pattern) ||
           repository.ends_with("/library/" + std::string(pattern));
  }
  if (pattern.starts_with("*/")) return repository.ends_with(pattern.substr(1));
  return repository == pattern || repository.ends_with("/" + std::string(pattern));
}

/// * stands for any text; the data have one at most.
bool tag_matches(std::string_view pattern, std::string_view tag) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == tag;
  return tag.size() + 1 >= pattern.size() && tag.starts_with(pattern.substr(0, star)) &&
         tag.ends_with(pattern.substr(star + 1));
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

ImageName parse_image(std::string_view reference) {
  std::string_view repository = reference.substr(0, reference.find('@'));
  const auto slash = repository.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view first = repository.substr(0, slash);
    if (first.find_first_of(".:") != std::string_view::npos || first == "localhost") {
      repository.remove_prefix(slash + 1);
    }
  }
  const auto colon = repository.rfind(':');
  if (colon == std::string_view::npos) return {repository, {}};
  return {repository.substr(0, colon), repository.substr(colon + 1)};
}

const std::string* bundled_sqlite(const App& app, std::string_view tag) {
  const auto it = std::ranges::find_if(
      app.sqlite, [&](const BundledSqlite& bundled) { return tag_matches(bundled.tag, tag); });
  return it == app.sqlite.end() ? nullptr : &it->version;
}

Catalog::Catalog(std::vector<Driver> drivers, std::vector<MountOptionFact> options,
                 std::vector<Filesystem> filesystems, std::vector<App> apps)
    : drivers_(std::move(drivers)),
      options_(std::move(options)),
      filesystems_(std::move(filesystems)),
      apps_(std::move(apps)) {
  for (const Driver& driver : drivers_) {
    for (const std::string& driver_name : driver.names) by_name_.emplace(driver_name, &driver);
  }
  for (const App& app : apps_) {
    for (const std::string& image : app.images) {
      auto& apps_so_named = by_image_[last_component(image)];
      if (apps_so_named.empty() || apps_so_named.back() != &app) apps_so_named.push_back(&app);
    }
    for (const std::string& program : app.programs) by_program_[program].push_back(&app);
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

std::vector<const App*> Catalog::apps_of_image(std::string_view reference) const {
  const std::string_view repository = parse_image(reference).repository;
  const auto candidates = by_image_.find(last_component(repository));
  if (candidates == by_image_.end()) return {};
  std::vector<const App*> found;
  std::ranges::copy_if(candidates->second, std::back_inserter(found), [&](const App* app) {
    return std::ranges::any_of(app->images,
                               [&](const std::string& image) { return image_matches(image, repository); });
  });
  return found;
}

std::vector<const App*> Catalog::apps_of_program(std::string_view command) const {
  const auto it = by_program_.find(last_component(command));
  return it == by_program_.end() ? std::vector<const App*>{} : it->second;
}

}  // namespace walguard::core
