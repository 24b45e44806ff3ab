#include "operator/knowledge/catalog_loader.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/catalog.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {

namespace {

tl::expected<core::Catalog, std::string> load(const Sources& sources, std::vector<core::Driver> drivers) {
  try {
    std::ranges::move(read_drivers(sources.drivers), std::back_inserter(drivers));
    auto options = read_mount_options(sources.mount_options);
    auto filesystems = read_filesystems(sources.filesystems);
    auto apps = read_apps(sources.apps);
    return core::Catalog(std::move(drivers), std::move(options), std::move(filesystems), std::move(apps));
  } catch (const DataError& error) {
    return tl::unexpected<std::string>(error.what());
  }
}

}  // namespace

tl::expected<core::Catalog, std::string> load_catalog(const Sources& sources) { return load(sources, {}); }

tl::expected<core::Catalog, std::string> load_embedded_catalog() { return load_catalog(embedded_sources()); }

tl::expected<std::vector<core::Driver>, std::string> load_drivers(std::string_view yaml) {
  try {
    return read_drivers(yaml, "drivers");
  } catch (const DataError& error) {
    return tl::unexpected<std::string>(error.what());
  }
}

tl::expected<core::Catalog, std::string> load_embedded_catalog_with(std::vector<core::Driver> added) {
  return load(embedded_sources(), std::move(added));
}

}  // namespace walguard::knowledge
