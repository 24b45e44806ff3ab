/// What a request to the Docker engine would do to the storage of containers, read whole or refused.
///
/// The engine's own decoder (Go's encoding/json) takes keys in any case, folds two letters of Unicode into
/// ASCII (U+017F is an s, U+212A a k), merges keys that come twice, and ignores what it does not know.
/// Whatever could be read otherwise there than here is refused, with one line that names the field and the
/// remedy:
///   - no body where one is needed: the engine shows a plugin only bodies up to 1 MiB whose length is
///   announced
///     and whose Content-Type is application/json (Docker 20.10 also with a parameter such as charset);
///   - a key in another case, twice, or of HostConfig beside HostConfig (API before 1.15);
///   - a start with a body, which API versions before 1.24 took the HostConfig from;
///   - a path that is not written as clients write it, an unknown version of the API (`docker_target`);
///   - wrong types, a mount in a form that is not known, a volume subpath where the API has none
///   (before 1.45).
/// null is absent, as it is to the engine.
///
/// Pure, thread-safe; bounded by the 1 MiB of a body.
#pragma once

#include <string>
#include <variant>

#include <tl/expected.hpp>

#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_container.h"

namespace walguard::wire {

struct NoStorage {};

struct CreateContainer {
  DockerContainer container;  ///< kWanted
};

/// The container is there already and is judged as it is.
struct StartContainer {
  std::string container;  ///< a name, an id, or how an id begins, as it is written
};

struct CreateVolume {
  DockerVolume volume;
};

struct RunService {
  DockerService service;
};

using DockerRequest = std::variant<NoStorage, CreateContainer, StartContainer, CreateVolume, RunService>;

/// The error is what a user sees of `docker run`: one line, without values that may be secret.
[[nodiscard]] tl::expected<DockerRequest, std::string> read_docker_request(const AuthzRequest& request);

}  // namespace walguard::wire
