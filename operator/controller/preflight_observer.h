/// Reads from the API server what core::next_actions wants to know. Internal to cluster_preflights.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/controller/cluster_preflights.h"
#include "operator/core/preflight_world.h"
#include "operator/kube/client.h"
#include "operator/kube/resource.h"

namespace walguard::controller {

namespace api {
inline const kube::ResourceType kVolumePreflights{"walguard.dev", "v1alpha1", "volumepreflights", false};
inline const kube::ResourceType kClaimPreflights{"walguard.dev", "v1alpha1", "claimpreflights", true};
inline const kube::ResourceType kJobs{"batch", "v1", "jobs", true};
inline const kube::ResourceType kPods{"", "v1", "pods", true};
inline const kube::ResourceType kClaims{"", "v1", "persistentvolumeclaims", true};
inline const kube::ResourceType kVolumes{"", "v1", "persistentvolumes", false};
inline const kube::ResourceType kStorageClasses{"storage.k8s.io", "v1", "storageclasses", false};
inline const kube::ResourceType kNodes{"", "v1", "nodes", false};
inline const kube::ResourceType kServices{"", "v1", "services", true};
inline const kube::ResourceType kSecrets{"", "v1", "secrets", true};
inline const kube::ResourceType kEvents{"", "v1", "events", true};
inline const kube::ResourceType kNetworkPolicies{"networking.k8s.io", "v1", "networkpolicies", true};
}  // namespace api

/// One look. Used once, on one thread; blocks for its requests.
class PreflightObserver {
 public:
  PreflightObserver(const kube::Client& client, const ClusterPreflightParts& parts,
                    const ClusterPreflightOptions& options, const std::stop_token& stop)
      : client_(client), parts_(parts), options_(options), stop_(stop) {}

  /// All of it or an error: half a picture would have objects taken for orphans. `sweep`: also volumes whose
  /// claim is gone, and every node.
  [[nodiscard]] tl::expected<core::PreflightWorld, std::string> observe(bool sweep);

 private:
  struct Failed {
    std::string what;
  };
  using TakeItem = std::function<void(std::string_view json)>;

  void list(const kube::ResourceType& type, const kube::Selection& selection, const TakeItem& take) const;
  [[nodiscard]] std::optional<std::string> get(const kube::ResourceType& type,
                                               const std::string& namespace_name,
                                               const std::string& name) const;
  [[nodiscard]] core::RunObjects* objects_of(const std::string& preflight_uid,
                                             const std::string& namespace_name);

  void read_preflights();
  void read_objects(const std::string& namespace_name);
  void read_subject(core::ObservedPreflight& observed) const;
  void read_volumes(std::set<std::string> names, core::RunObjects& objects) const;
  void read_lost_volumes();
  void read_nodes(bool all);
  void read_obstacles(core::ObservedPreflight& observed) const;

  const kube::Client& client_;
  const ClusterPreflightParts& parts_;
  const ClusterPreflightOptions& options_;
  const std::stop_token& stop_;
  core::PreflightWorld world_;
  std::map<std::string, std::size_t, std::less<>> index_of_uid_;
};

}  // namespace walguard::controller
