/// Reads compose files, as far as they say where containers keep their files and how they are started.
/// https://github.com/compose-spec/compose-spec/blob/main/spec.md
///
/// Pure, thread-safe. What a variable stands for is known only by its default; `docker compose config` writes
/// everything out. Secrets, configs and the files of env_file are not read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/wire/manifest.h"

namespace walguard::wire {

struct ComposeMount {
  enum class Kind : std::uint8_t {
    kVolume,  ///< `source` names it; empty: an anonymous one
    kBind,    ///< `source` is a path of the engine's host
    kTmpfs,
    kUnknown,  ///< another type, or a source that only a variable tells
  };
  Kind kind = Kind::kUnknown;
  std::string source;
  std::string target;  ///< path in the container, as core::normalised_path makes it
  std::string sub_path;
  std::string service;  ///< that it is written at
  /// It is written with variables: the shell or .env may make it another than these defaults.
  bool has_variables = false;
  bool read_only = false;
  int line = 0;
};

struct ComposeVolumesFrom {
  std::string service;
  bool read_only = false;
};

struct ComposeService {
  std::string name;
  int line = 0;
  std::vector<ComposeMount> mounts;
  std::vector<ComposeVolumesFrom> volumes_from;
  bool volumes_from_outside = false;  ///< of a container that is not in the file
  std::string runtime;                ///< empty: the engine's default
  std::int64_t replicas = 1;
  bool extends_another = false;   ///< what it takes over from that is not followed
  bool on_every_node = false;     ///< deploy.mode global
  core::Annotations annotations;  ///< labels that begin with walguard. or walguard/
  core::Launch launch;
};

struct ComposeVolume {
  std::string name;
  int line = 0;
  std::string driver;       ///< empty: local
  core::StringMap options;  ///< driver_opts
  bool external = false;    ///< made elsewhere: what it is does not stand here
  /// As the engine knows it; empty: Compose makes it of the project and `name`.
  std::string engines_name;
  bool has_variables = false;  ///< as of a mount
};

struct ComposeFile {
  std::string project;  ///< empty: not told by the file
  std::vector<ComposeService> services;
  std::vector<ComposeVolume> volumes;
  bool has_parts_elsewhere = false;  ///< include, or a service that extends another: not followed
};

/// Whether a document that is no Kubernetes object is a compose file: it has services.
[[nodiscard]] bool is_compose(const OtherDocument& document);

/// `file` is for the error.
[[nodiscard]] tl::expected<ComposeFile, LoadError> read_compose(const OtherDocument& document,
                                                                std::string_view file);

}  // namespace walguard::wire
