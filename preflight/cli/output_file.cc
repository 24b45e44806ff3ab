#include "preflight/cli/output_file.h"

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

tl::expected<OutputFile, std::string> OutputFile::open(const std::string& option, const std::string& path) {
  OutputFile output;
  if (path.empty()) return output;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC;
  output.name_ = option + " \"" + path + "\"";
  int fd = ::open(path.c_str(), kFlags | O_EXCL, 0644);
  if (fd >= 0) output.unwritten_ = path;
  if (fd < 0 && errno == EEXIST) fd = ::open(path.c_str(), kFlags, 0644);
  if (fd < 0) {
    return tl::unexpected(output.name_ + " cannot be written: " + errno_name(errno) +
                          "; name a file in a directory you may write to");
  }
  output.file_ = UniqueFd(fd);
  return output;
}

OutputFile::~OutputFile() {
  if (file_.valid() && !unwritten_.empty()) ::unlink(unwritten_.c_str());
}

tl::expected<void, std::string> OutputFile::write(std::string_view text) {
  if (!wanted()) return {};
  unwritten_.clear();
  (void)::ftruncate(file_.get(), 0);  // a pipe or a terminal has nothing to cut
  if (write_all(file_.get(), text)) return {};
  return tl::unexpected(name_ + ": " + errno_name(errno));
}

}  // namespace walguard::preflight
