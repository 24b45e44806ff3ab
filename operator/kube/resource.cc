#include "operator/kube/resource.h"

#include <string>
#include <string_view>

#include "operator/kube/encoding.h"

namespace walguard::kube {

std::string ResourceType::text() const { return (group.empty() ? "" : group + "/") + version + "/" + plural; }

std::string collection_path(const ResourceType& type, std::string_view namespace_name) {
  std::string path = type.group.empty() ? "/api/" : "/apis/" + percent_encoded(type.group) + "/";
  path += percent_encoded(type.version);
  if (type.namespaced && !namespace_name.empty()) path += "/namespaces/" + percent_encoded(namespace_name);
  return path + "/" + percent_encoded(type.plural);
}

std::string object_path(const ObjectName& object) {
  std::string path = collection_path(object.type, object.namespace_name) + "/" + percent_encoded(object.name);
  if (!object.subresource.empty()) path += "/" + percent_encoded(object.subresource);
  return path;
}

Query& Query::add(std::string_view key, std::string_view value) {
  if (value.empty()) return *this;
  text_ += text_.empty() ? '?' : '&';
  text_ += percent_encoded(key) + "=" + percent_encoded(value);
  return *this;
}

}  // namespace walguard::kube
