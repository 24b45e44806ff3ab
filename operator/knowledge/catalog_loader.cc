#include "operator/knowledge/catalog_loader.h"

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/core/catalog.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {

tl::expected<core::Catalog, std::string> load_catalog(const Sources& sources) {
  try {
    auto drivers = read_drivers(sources.drivers);
    auto options = read_mount_options(sources.mount_options);
    auto filesystems = read_filesystems(sources.filesystems);
    return core::Catalog(std::move(drivers), std::move(options), std::move(filesystems));
  } catch (const DataError& error) {
    return tl::unexpected<std::string>(error.what());
  }
}

tl::expected<core::Catalog, std::string> load_embedded_catalog() { return load_catalog(embedded_sources()); }

}  // namespace walguard::knowledge
