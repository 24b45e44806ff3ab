/// Any bytes into the readers of an authorization plugin, as a call, as a body to each route, as a URI and as
/// the engine's own answers: never a crash, an error of one line that makes a JSON answer, and of what is
/// accepted no path that the engine would take for another.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include "operator/core/mounted_path.h"
#include "operator/wire/authz_plugin.h"
#include "operator/wire/docker_api.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"
#include "operator/wire/docker_request.h"
#include "operator/wire/docker_target.h"

namespace {

using walguard::wire::AuthzRequest;
using walguard::wire::DockerMount;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_error(const std::string& error) {
  require(!error.empty());
  require(std::ranges::none_of(error, [](char c) { return static_cast<unsigned char>(c) < ' '; }));
  require(nlohmann::json::accept(walguard::wire::deny_answer(error)));
}

void check_mount(const DockerMount& mount) {
  require(mount.kind != DockerMount::Kind::kUnknown);
  require(mount.target.starts_with('/') && mount.target != "/");
  require(walguard::core::normalised_path(mount.target) == mount.target);
  require(mount.kind != DockerMount::Kind::kBind || mount.source.starts_with('/'));
  require(!mount.anonymous || mount.kind == DockerMount::Kind::kVolume);
}

void check_request(const AuthzRequest& request) {
  const auto read = walguard::wire::read_docker_request(request);
  if (!read) {
    check_error(read.error());
    return;
  }
  if (const auto* const create = std::get_if<walguard::wire::CreateContainer>(&*read)) {
    std::ranges::for_each(create->container.mounts, check_mount);
  }
  if (const auto* const run = std::get_if<walguard::wire::RunService>(&*read)) {
    std::ranges::for_each(run->service.mounts, check_mount);
  }
}

/// A route with storage that is accepted is written as it is matched.
void check_target(std::string_view uri) {
  const auto target = walguard::wire::read_docker_target("POST", uri);
  if (!target) {
    check_error(target.error());
  } else if (target->route != walguard::wire::DockerRoute::kNoStorage) {
    const std::string_view path = uri.substr(0, uri.find('?'));
    require(path.starts_with('/') && path.find('%') == std::string_view::npos);
    require(walguard::core::normalised_path(path) == path);
  }
  require(walguard::wire::read_docker_target("GET", uri).has_value());
}

void check_body(std::string_view body) {
  constexpr std::array<const char*, 5> kRoutes = {"/v1.41/containers/create",
                                                  "/v1.47/containers/create?name=a", "/v1.41/volumes/create",
                                                  "/services/create", "/v1.23/containers/a/start"};
  for (const char* const route : kRoutes) {
    AuthzRequest request;
    request.method = "POST";
    request.uri = route;
    request.content_type = "application/json";
    request.body = body;
    request.body_present = !body.empty();
    check_request(request);
  }
}

template <typename Read>
void check_answer(const Read& read) {
  if (!read) {
    check_error(read.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto call = walguard::wire::read_authz_request(bytes)) {
    check_request(*call);
  } else {
    check_error(call.error());
  }
  check_target(bytes);
  check_body(bytes);
  check_answer(walguard::wire::read_docker_containers(bytes));
  check_answer(walguard::wire::read_docker_container(bytes));
  check_answer(walguard::wire::read_docker_volumes(bytes));
  check_answer(walguard::wire::read_docker_volume(bytes));
  check_answer(walguard::wire::read_docker_version(bytes));
  check_answer(walguard::wire::read_docker_event(bytes));
  check_answer(walguard::wire::read_docker_info(bytes));
  static_cast<void>(walguard::wire::read_docker_error(bytes));
  return 0;
}
