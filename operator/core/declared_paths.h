/// The entries of the annotation walguard/databases. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {

/// One entry: "/data/app.db" or "web:/cache/*.sqlite". The views are into the
/// annotation.
struct DeclaredPath {
  std::string_view entry;      ///< as it is written
  std::string_view container;  ///< empty: in any container
  std::string path;            ///< as normalised_path makes it
};

/// Entries that are read. Kubernetes lets annotations be 256 KiB, and each path is compared with each mount.
inline constexpr std::size_t kMostDeclaredPaths = 100;

struct DeclaredPaths {
  std::vector<DeclaredPath> paths;  ///< none where there are too many
  bool too_many = false;
};

[[nodiscard]] DeclaredPaths declared_paths(const Annotations& annotations);

/// The mounts that the entry leads into, of all containers that it speaks of.
[[nodiscard]] std::vector<const VolumeMount*> mounts_of(const PodSpec& pod, const DeclaredPath& declared);

/// Paths of Windows have drives, two kinds of slashes and no case, and are not compared with all of that: one
/// that leads into no mount may be on any.
[[nodiscard]] bool is_of_windows(const PodSpec& pod, std::string_view path);

/// "3.46.1": digits and dots.
[[nodiscard]] bool is_sqlite_version(std::string_view text);

}  // namespace walguard::core
