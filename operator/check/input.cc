#include "operator/check/input.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <tl/expected.hpp>
#include <unistd.h>

namespace walguard::check {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool may_hold_objects(const fs::path& path) {
  constexpr std::array<std::string_view, 3> kEndings = {".yaml", ".yml", ".json"};
  return std::ranges::find(kEndings, path.extension().string()) != kEndings.end();
}

/// Sorted, since a folder has no order of its own.
tl::expected<std::vector<std::string>, std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code
        ignored;  // what cannot be looked at is no folder; as a file it is reported when it is read
    const bool is_folder = entry->is_directory(ignored);
    if (is_folder && is_hidden(entry->path())) entry.disable_recursion_pending();
    if (is_folder || is_hidden(entry->path()) || !may_hold_objects(entry->path())) continue;
    files.push_back(entry->path().string());
  }
  if (error) return tl::unexpected(folder + ": cannot be listed: " + error.message());
  std::ranges::sort(files);
  return files;
}

std::string reason_of(int error_number) { return std::generic_category().message(error_number); }

class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : fd_(path == kStdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ > STDIN_FILENO) (void)::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string too_large(std::size_t most_bytes) {
  return "larger than " + std::to_string(most_bytes >> 20U) + " MiB; split the file";
}

}  // namespace

tl::expected<std::vector<InputFile>, std::string> list_files(const std::vector<std::string>& paths) {
  std::vector<InputFile> files;
  std::unordered_set<std::string> seen;
  const auto add = [&](const std::string& path, bool named) {
    std::error_code error;
    const fs::path real = path == kStdin ? fs::path(path) : fs::weakly_canonical(path, error);
    if (!seen.insert(error ? path : real.string()).second) return;
    files.push_back({fs::path(path).lexically_normal().string(), named});
  };
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == kStdin || !fs::is_directory(path, error)) {
      add(path, true);
      continue;
    }
    auto below = files_below(path);
    if (!below) return tl::unexpected(below.error());
    for (const std::string& file : *below) add(file, false);
  }
  return files;
}

tl::expected<std::string, std::string> read_input(const std::string& path, std::size_t most_bytes) {
  const Descriptor file(path);
  if (file.get() < 0) return tl::unexpected("cannot be opened: " + reason_of(errno));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return tl::unexpected(reason_of(errno));
  const bool of_known_size = S_ISREG(facts.st_mode);
  const bool is_stream = path == kStdin || S_ISFIFO(facts.st_mode);  // <(helm template ...) is a pipe
  if (!of_known_size && !is_stream) return tl::unexpected(std::string("it is neither a file nor a folder"));
  if (of_known_size && static_cast<std::size_t>(facts.st_size) > most_bytes) {
    return tl::unexpected(too_large(most_bytes));
  }
  if (!of_known_size) (void)::fcntl(file.get(), F_SETFL, 0);  // now its writer may be waited for
  std::string text;
  if (of_known_size) text.reserve(static_cast<std::size_t>(facts.st_size) + 1);
  std::array<char, std::size_t{64} << 10U> block;
  for (;;) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected("cannot be read: " + reason_of(errno));
    if (count == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
    if (text.size() > most_bytes) return tl::unexpected(too_large(most_bytes));
  }
}

}  // namespace walguard::check
