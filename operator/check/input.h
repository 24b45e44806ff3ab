/// The files that a person names, found and read within bounds.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace walguard::check {

/// How standard input is named, on the command line and in answers.
inline constexpr const char* kStdin = "-";

struct InputFile {
  std::string path;
  bool named = true;  ///< by the person; false: it lay in a folder, where other files may lie too
};

/// The files behind `paths`: each as it is, and of a folder `*.yaml`, `*.yml` and `*.json` however deep, in
/// the order of their names. Hidden ones, and folders behind symbolic links, are left out. A file that is
/// reached twice is listed once, and one that is not there is listed too: its reading fails. Blocks on the
/// disk. The error is of a folder, and names it.
[[nodiscard]] tl::expected<std::vector<InputFile>, std::string> list_files(
    const std::vector<std::string>& paths);

/// The file's text, standard input for kStdin. A larger one is refused, and no more of it is read than the
/// limit. Blocks on the disk or on who writes to standard input. The error does not name the path.
[[nodiscard]] tl::expected<std::string, std::string> read_input(const std::string& path,
                                                                std::size_t most_bytes);

}  // namespace walguard::check
