/// Any bytes into the readers of Kubernetes YAML and of compose files: never a crash, never without bound, an
/// error that says something, and the same answer twice.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "operator/core/cluster_state.h"
#include "operator/wire/compose.h"
#include "operator/wire/kube_objects.h"
#include "operator/wire/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  for (const auto& other : walguard::wire::read_manifest(yaml, "fuzz.yaml").others) {
    const auto compose = walguard::wire::read_compose(other, "fuzz.yaml");
    if (!compose && compose.error().message.empty()) {
      std::abort();
    }
  }
  walguard::core::ClusterState state;
  const auto counts = walguard::wire::add_kube_objects(yaml, "fuzz.yaml", state);
  if (!counts) {
    if (counts.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  walguard::core::ClusterState again;
  const auto second = walguard::wire::add_kube_objects(yaml, "fuzz.yaml", again);
  if (!second || second->added != counts->added || again.size() != state.size()) {
    std::abort();
  }
  return 0;
}
