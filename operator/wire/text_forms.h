/// Times, digests and what may hold a secret, as text. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::wire {

/// RFC 3339 in UTC, "2026-01-31T12:00:00Z"; a fraction of a second is dropped. nullopt for anything else.
[[nodiscard]] std::optional<core::UtcSeconds> parse_utc(std::string_view text);
[[nodiscard]] std::string utc_text(core::UtcSeconds time);

/// RFC 4648 base64 with its padding and nothing else, line ends neither; nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

/// The first `count` bytes of the SHA-256, in hex digits; "" only where OpenSSL has no SHA-256, which a
/// broken configuration can bring about.
[[nodiscard]] std::string short_digest(std::string_view bytes, std::size_t count);

/// Digest of all names and values; "" for none. Equal maps have equal ones.
[[nodiscard]] std::string digest_of(const core::StringMap& parameters);

/// Mount options with a digest in the place of each password, so that they can still be compared, and nothing
/// that is written, said or logged later can give it away. An entry may be a list: "user=x,password=y".
[[nodiscard]] std::vector<std::string> without_secrets(const std::vector<std::string>& mount_options);

}  // namespace walguard::wire
