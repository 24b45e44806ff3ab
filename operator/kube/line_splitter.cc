#include "operator/kube/line_splitter.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace walguard::kube {

bool LineSplitter::add(std::string_view piece, const OnLine& on_line) {
  std::size_t search_from = buffer_.size();
  buffer_.append(piece);
  buffer_.append(kJsonPadding,
                 '\0');  // in the string, not only its capacity: the bytes are then ours to read
  const std::size_t end = buffer_.size() - kJsonPadding;

  std::size_t begin = 0;
  while (true) {
    const std::size_t newline = buffer_.find('\n', search_from);
    const std::size_t line_end = newline == std::string::npos ? end : newline;
    if (line_end - begin > longest_line_) {
      too_long_ = true;
      return false;
    }
    if (newline == std::string::npos) break;
    const std::string_view line(buffer_.data() + begin, newline - begin);
    begin = newline + 1;
    search_from = begin;
    if (!line.empty() && !on_line(line)) return false;
  }
  buffer_.resize(end);
  buffer_.erase(0, begin);
  return true;
}

}  // namespace walguard::kube
