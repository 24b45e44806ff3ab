/// What can be asked of the API server, and the URLs of it. Pure.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
#pragma once

#include <string>
#include <string_view>

namespace walguard::kube {

struct ResourceType {
  std::string group;    ///< "" for the core group
  std::string version;  ///< "v1"
  std::string plural;   ///< "pods"
  bool namespaced = true;
  /// "storage.k8s.io/v1/storageclasses", for messages.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const ResourceType&, const ResourceType&) = default;
};

/// One object, or with `subresource` a part of it.
struct ObjectName {
  ResourceType type;
  std::string namespace_name;  ///< "" for cluster-scoped types
  std::string name;
  std::string subresource;  ///< "status", "scale", ...; usually ""
};

/// `namespace_name` "": all namespaces, or a cluster-scoped type.
[[nodiscard]] std::string collection_path(const ResourceType& type, std::string_view namespace_name);
[[nodiscard]] std::string object_path(const ObjectName& object);

/// Builds "?a=1&b=2"; what is empty is left out.
class Query {
 public:
  Query& add(std::string_view key, std::string_view value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace walguard::kube
