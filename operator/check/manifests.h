/// Reads many files at once, each into the objects it holds.
#pragma once

#include <string>
#include <vector>

#include "operator/check/input.h"
#include "operator/wire/compose.h"
#include "operator/wire/manifest.h"

namespace walguard::check {

struct ReadFile {
  std::string path;
  wire::Manifest content;
  std::vector<wire::ComposeFile> compose = {};
  std::string folder = {};  ///< absolute; where relative paths of the file begin
};

/// In the order of `files`, whatever thread has read which. A document that is neither a Kubernetes object
/// nor a compose file is an error where its file was named, and left out where it lay in a folder; a Helm
/// template is told from broken YAML. Uses as many threads as there are CPUs; blocks until all is read.
[[nodiscard]] std::vector<ReadFile> read_files(const std::vector<InputFile>& files);

}  // namespace walguard::check
