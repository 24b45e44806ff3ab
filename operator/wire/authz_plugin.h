/// What Docker sends to an authorization plugin, and what the plugin answers.
/// https://docs.docker.com/engine/extend/plugins_authorization/ and plugin_api; pkg/authorization of moby.
///
/// Pure, thread-safe, blocks on nothing. A body is read whole or refused: nothing is guessed of one that is
/// cut, not JSON, or has a key twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::wire {

/// The most that one call can be: the engine shows at most 1 MiB of a request's body, in base64, and the
/// request's headers, of which its HTTP server takes 1 MiB and which JSON may write six times as long.
inline constexpr std::size_t kMaxAuthzBytes = std::size_t{8} * 1024 * 1024;

/// Of each answer, and of the calls themselves.
inline constexpr std::string_view kPluginContentType = "application/vnd.docker.plugins.v1.1+json";

enum class PluginCall : std::uint8_t {
  kActivate,  ///< /Plugin.Activate: what kind of plugin this is
  kRequest,   ///< /AuthZPlugin.AuthZReq: before the engine looks at a request of its API
  kResponse,  ///< /AuthZPlugin.AuthZRes: before it answers that
  kUnknown,
};

/// `path` of the POST, without a query.
[[nodiscard]] PluginCall plugin_call(std::string_view path);

/// One request to the engine's API, as the engine describes it. May hold secrets (environment, command line):
/// never to be logged.
struct AuthzRequest {
  std::string method;  ///< "POST"
  std::string uri;     ///< as the client wrote it: neither decoded nor cleaned
  /// nullopt: the client sent none. Of two the last, while the engine itself goes by the first.
  std::optional<std::string> content_type;
  std::string body;           ///< decoded bytes
  bool body_present = false;  ///< at least one byte is shown; see `read_docker_request` for when none is
  std::string user;           ///< of the client's certificate; empty on the socket
};

/// `bytes` is the body of an AuthZReq; more than kMaxAuthzBytes is refused. The error is one line for people
/// that repeats nothing of the request.
[[nodiscard]] tl::expected<AuthzRequest, std::string> read_authz_request(std::string_view bytes);

/// The engine's answer to a request, as it describes it before it sends it. May hold secrets.
struct AuthzResponse {
  AuthzRequest request;
  std::int64_t status = 0;  ///< of HTTP
  std::string body;         ///< decoded bytes; empty where the engine shows none
};

/// `bytes` is the body of an AuthZRes; otherwise as read_authz_request.
[[nodiscard]] tl::expected<AuthzResponse, std::string> read_authz_response(std::string_view bytes);

/// The answers, as JSON. Where a message is not UTF-8 its bad bytes are replaced.
[[nodiscard]] std::string activation();
[[nodiscard]] std::string allow_answer();
/// The engine shows it as "authorization denied by plugin NAME: MESSAGE".
[[nodiscard]] std::string deny_answer(std::string_view message);
/// The plugin could not do its work; the engine refuses the request and shows "plugin NAME failed with error:
/// AuthZPlugin.AuthZReq: MESSAGE".
[[nodiscard]] std::string error_answer(std::string_view message);

}  // namespace walguard::wire
