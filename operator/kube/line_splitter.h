/// Cuts the pieces of a stream into lines.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace walguard::kube {

/// Readable bytes behind each line, as simdjson wants them (its SIMDJSON_PADDING); their values mean nothing.
inline constexpr std::size_t kJsonPadding = 64;

/// Used by one thread. Holds at most one line and one piece.
class LineSplitter {
 public:
  /// Without its newline; valid until it returns. False ends the splitting.
  using OnLine = std::function<bool(std::string_view line)>;

  explicit LineSplitter(std::size_t longest_line) : longest_line_(longest_line) {}

  /// False: the line under way is longer than allowed (`is_too_long`), or `on_line` said so. Nothing may be
  /// added after that.
  [[nodiscard]] bool add(std::string_view piece, const OnLine& on_line);

  [[nodiscard]] bool is_too_long() const { return too_long_; }
  /// What has come of a line whose end has not.
  [[nodiscard]] std::size_t unfinished_bytes() const { return buffer_.size(); }

 private:
  const std::size_t longest_line_;
  std::string buffer_;
  bool too_long_ = false;
};

}  // namespace walguard::kube
