#include "operator/kube/api_error.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "operator/kube/http.h"

namespace walguard::kube {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestPage = 200;  // of a page that is no Status: enough to know whose it is

ApiError::Kind kind_of(ExchangeFailure failure) {
  switch (failure) {
    case ExchangeFailure::kUnreachable:
      return ApiError::Kind::kUnreachable;
    case ExchangeFailure::kCut:
      return ApiError::Kind::kCut;
    case ExchangeFailure::kSilent:
      return ApiError::Kind::kSilent;
    case ExchangeFailure::kTooLarge:
      return ApiError::Kind::kTooLarge;
    case ExchangeFailure::kCredentials:
      return ApiError::Kind::kCredentials;
    case ExchangeFailure::kStopped:
      return ApiError::Kind::kStopped;
  }
  return ApiError::Kind::kCut;
}

std::string text_of(const json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

std::optional<std::int64_t> number_of(const json& object, const char* key) {
  const auto value = object.find(key);
  if (value == object.end() || !value->is_number_integer()) return std::nullopt;
  return value->get<std::int64_t>();
}

/// The beginning of a page, on one line.
std::string beginning_of(std::string_view page) {
  std::string text(page.substr(0, kLongestPage));
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

}  // namespace

std::string ApiError::text() const {
  std::string line = request.empty() ? "" : request + ": ";
  if (kind == Kind::kStatus) line += std::to_string(code) + " " + (reason.empty() ? "" : reason + ": ");
  return line + message;
}

ApiError error_of(TransportError error) {
  return {kind_of(error.failure), 0, {}, std::move(error.message), std::nullopt, {}};
}

ApiError parse_status(std::string_view text) {
  const json status = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!status.is_object() || text_of(status, "kind") != "Status") {
    return {ApiError::Kind::kMalformed, 0, {}, "not a Status: " + beginning_of(text), std::nullopt, {}};
  }
  ApiError error;
  error.code = static_cast<int>(std::clamp<std::int64_t>(number_of(status, "code").value_or(0), 0, 999));
  error.reason = text_of(status, "reason");
  error.message = text_of(status, "message");
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return error;
  if (const auto seconds = number_of(*details, "retryAfterSeconds"); seconds && *seconds > 0) {
    error.retry_after = std::chrono::seconds(*seconds);
  }
  return error;
}

ApiError error_of(const HttpReply& reply) {
  ApiError error = parse_status(reply.body);
  if (error.kind == ApiError::Kind::kMalformed) {
    error.kind = ApiError::Kind::kStatus;
    error.message = reply.body.empty() ? "an answer without a body" : beginning_of(reply.body);
  }
  error.code = reply.status;  // what HTTP says is what was done; a Status should say the same
  if (!error.retry_after) error.retry_after = reply.retry_after;
  return error;
}

}  // namespace walguard::kube
