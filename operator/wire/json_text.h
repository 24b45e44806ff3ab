/// Writes JSON text by appending. Internal to `wire`; pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace walguard::wire {

/// `text` in quotes. Bytes that are no UTF-8 become U+FFFD: an answer that does not parse would be worse.
void append_json_string(std::string& out, std::string_view text);

}  // namespace walguard::wire
