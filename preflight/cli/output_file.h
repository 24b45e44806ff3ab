#ifndef WALGUARD_PREFLIGHT_CLI_OUTPUT_FILE_H_
#define WALGUARD_PREFLIGHT_CLI_OUTPUT_FILE_H_

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "preflight/link/unique_fd.h"

namespace walguard::preflight {

/// Whether all of `text` went out; errno says why not. Blocks as long as the reader does.
[[nodiscard]] bool write_all(int fd, std::string_view text);

/// A file named by an option. It is opened before the run: to find out after it that there is nowhere to
/// write would be a pity.
class OutputFile {
 public:
  /// Opens or creates `path`; with an empty `path`, a file that takes nothing. What a file holds stays until
  /// write(), and one that was created for nothing is removed again. The error names `option` and the remedy.
  [[nodiscard]] static tl::expected<OutputFile, std::string> open(const std::string& option,
                                                                  const std::string& path);

  OutputFile() = default;
  OutputFile(OutputFile&& other) noexcept = default;
  OutputFile& operator=(OutputFile&& other) noexcept = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  [[nodiscard]] bool wanted() const { return file_.valid(); }
  /// Replaces what the file held. Does nothing where the option was not given.
  [[nodiscard]] tl::expected<void, std::string> write(std::string_view text);

 private:
  std::string name_;  // option and path
  UniqueFd file_;
  std::string unwritten_;  // the path, while the file is ours and holds nothing
};

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CLI_OUTPUT_FILE_H_
