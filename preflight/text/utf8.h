#ifndef WALGUARD_TEXT_UTF8_H_
#define WALGUARD_TEXT_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

/// Text from outside that may hold any bytes: a path, or what another host says of itself. Pure and
/// thread-safe.
namespace walguard::text {

/// The length in bytes of the UTF-8 character that `text` begins with (RFC 3629, section 4); 0 where it
/// begins with none, or is empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

/// `text` with U+FFFD in place of each byte that belongs to no character.
[[nodiscard]] std::string to_utf8(std::string_view text);

}  // namespace walguard::text

#endif  // WALGUARD_TEXT_UTF8_H_
