/// Times and digests as text. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/verdict.h"

namespace walguard::wire {

/// RFC 3339 in UTC, "2026-01-31T12:00:00Z"; a fraction of a second is dropped. nullopt for anything else.
[[nodiscard]] std::optional<core::UtcSeconds> parse_utc(std::string_view text);
[[nodiscard]] std::string utc_text(core::UtcSeconds time);

/// The first `count` bytes of the SHA-256, in hex digits; "" only where OpenSSL has no SHA-256, which a
/// broken configuration can bring about.
[[nodiscard]] std::string short_digest(std::string_view bytes, std::size_t count);

}  // namespace walguard::wire
