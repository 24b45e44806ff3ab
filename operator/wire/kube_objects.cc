#include "operator/wire/kube_objects.h"

#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "operator/core/cluster_state.h"
#include "operator/wire/manifest.h"

namespace walguard::wire {
namespace {

LoadError error_of(OtherDocument document, std::string_view file) {
  LoadError error;
  error.file = file;
  error.document = document.number;
  error.line = document.content.line;
  error.message = std::move(document.why);
  return error;
}

}  // namespace

tl::expected<LoadCounts, LoadError> add_kube_objects(std::string_view yaml, std::string_view file,
                                                     core::ClusterState& state) {
  Manifest manifest = read_manifest(yaml, file);
  const bool other_first =
      !manifest.others.empty() &&
      (manifest.errors.empty() || manifest.others.front().number < manifest.errors.front().document);
  if (other_first) return tl::unexpected(error_of(std::move(manifest.others.front()), file));
  if (!manifest.errors.empty()) return tl::unexpected(std::move(manifest.errors.front()));
  LoadCounts counts;
  for (ManifestObject& object : manifest.objects) {
    ++(object.object ? counts.added : counts.ignored);
    if (object.object) state.add(*std::move(object.object));
  }
  return counts;
}

}  // namespace walguard::wire
