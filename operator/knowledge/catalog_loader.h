/// Reads what walguard knows of drivers, mount options, filesystems and apps from YAML, strictly.
///
/// Form of the files: the comment at the head of each in `data/`, and docs/knowledge.md. Reads no file: the
/// text is compiled in. Pure and thread-safe; blocks for the parse, some milliseconds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/catalog.h"

namespace walguard::knowledge {

/// The text of the four data files. Only viewed, never kept.
struct Sources {
  std::string_view drivers;
  std::string_view mount_options;
  std::string_view filesystems;
  std::string_view apps;
};

/// What was compiled in from `data/`; valid for the life of the process.
[[nodiscard]] Sources embedded_sources();

/// The error is that of the first bad value, one line that names file, line, field, value and what to do:
/// `drivers.yaml:12: drivers[3].variants[0].transport: "nfs" is not a transport; use one of local-disk, ...`.
/// Refused are: text that is not one YAML document, unknown or doubled keys, wrong types, missing or empty
/// values, a fact without a source, a driver, option, filesystem or magic given twice, a variant or app that
/// can never be reached, `verified: true` where nothing is known or a preflight alone can tell, and a fact of
/// an app that would make a verdict milder where it is not verified.
[[nodiscard]] tl::expected<core::Catalog, std::string> load_catalog(const Sources& sources);

[[nodiscard]] tl::expected<core::Catalog, std::string> load_embedded_catalog();

/// Drivers that a cluster adds, in the form of `drivers.yaml` (JSON is YAML too). Errors name them "drivers".
[[nodiscard]] tl::expected<std::vector<core::Driver>, std::string> load_drivers(std::string_view yaml);

/// What was compiled in, with `added` before its drivers: of a name that both know, `added` is right.
[[nodiscard]] tl::expected<core::Catalog, std::string> load_embedded_catalog_with(
    std::vector<core::Driver> added);

}  // namespace walguard::knowledge
