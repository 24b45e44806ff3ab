#ifndef WALGUARD_TEXT_PRINTABLE_H_
#define WALGUARD_TEXT_PRINTABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Bits of text for people. Pure and thread-safe.
namespace walguard::text {

/// `text` with control characters, and bytes that are no UTF-8, as \xHH: a name on a volume can neither break
/// a line nor send a terminal escapes.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` as one word of a shell: in single quotes where it holds more than a shell takes literally.
[[nodiscard]] std::string shell_word(std::string_view text);

/// `text` and spaces up to `width` bytes.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width);

/// `value` with so many digits after the point, as "%.*f".
[[nodiscard]] std::string decimal(double value, int digits);

/// "12.3 MiB"; below 1 KiB "512 B".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "12345678" as "12,345,678".
[[nodiscard]] std::string human_count(std::uint64_t count);

/// Three digits that matter: "3.20 µs", "45.0 ms", "1.25 s", "5 min", "2.0 h".
[[nodiscard]] std::string human_seconds(double seconds);

}  // namespace walguard::text

#endif  // WALGUARD_TEXT_PRINTABLE_H_
