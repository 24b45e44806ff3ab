/// Text in the forms that configuration and URLs need. Pure, thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace walguard::kube {

/// RFC 4648 base64 with padding, white space ignored; nullopt for anything else. An empty text is no base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

[[nodiscard]] std::string encode_base64(std::string_view bytes);

/// Everything but RFC 3986's unreserved characters as %XX: safe as a path segment and as a query value.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// "2026-01-31T23:59:59Z", with a fraction (cut off) or an offset ("+01:00") too; nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text);

}  // namespace walguard::kube
