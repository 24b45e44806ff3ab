/// Why a request to the API server did not do what was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operator/kube/http.h"

namespace walguard::kube {

struct ApiError {
  enum class Kind : std::uint8_t {
    kUnreachable,  ///< no connection to the API server
    kCut,          ///< the connection ended before the answer did: a write may have been done or not
    kSilent,       ///< no byte for too long: likewise
    kTooLarge,     ///< an answer or a line longer than we take
    kCredentials,  ///< our own token, certificate or plugin cannot be used
    kStopped,      ///< we were asked to stop
    kMalformed,    ///< the answer is not what the API promises
    kStatus,       ///< the API server said no: code, reason and message are its own
  };
  Kind kind = Kind::kStatus;
  /// kStatus: of its Status object
  /// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/), or of HTTP where
  /// something between us and it answered.
  int code = 0;
  std::string reason;  ///< "NotFound", "Conflict", ...; may be empty. For programs
  std::string message;
  std::optional<std::chrono::seconds> retry_after;  ///< the Status' retryAfterSeconds, or the header
  std::string request;                              ///< "GET /api/v1/pods"; no query

  [[nodiscard]] bool is(int status_code) const { return kind == Kind::kStatus && code == status_code; }
  [[nodiscard]] bool is_not_found() const { return is(404); }
  [[nodiscard]] bool is_conflict() const { return is(409) && reason != "AlreadyExists"; }
  [[nodiscard]] bool is_already_exists() const { return is(409) && reason == "AlreadyExists"; }
  /// The resourceVersion or continue token is older than what the server keeps: list anew.
  [[nodiscard]] bool is_expired() const { return is(410); }
  /// One line for people: request, code, reason and message.
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] ApiError error_of(TransportError error);

/// Of a reply that is no 2xx. Its body may be a Status, or a proxy's page of which the beginning is kept.
[[nodiscard]] ApiError error_of(const HttpReply& reply);

/// Of a Status object's JSON, as an ERROR event carries it; kMalformed where it is none.
[[nodiscard]] ApiError parse_status(std::string_view json);

}  // namespace walguard::kube
