/// The Lease that the replicas elect a leader by, as JSON.
/// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::wire {

struct LeaseRecord {
  std::string holder;  ///< "": given back by its last holder
  std::chrono::seconds duration{0};
  std::string acquired;          ///< MicroTime; compared, never computed with: clocks of nodes differ
  std::string renewed;           ///< MicroTime; likewise
  std::int64_t transitions = 0;  ///< how often the holder has changed
  std::string resource_version;  ///< of the object that was read; guards the next write

  friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

/// A field that is missing or null is left as it is in LeaseRecord{}, as a Lease made by hand may lack all.
[[nodiscard]] tl::expected<LeaseRecord, std::string> read_lease(std::string_view json);

[[nodiscard]] std::string lease_object(std::string_view namespace_name, std::string_view name,
                                       const LeaseRecord& record);

/// A merge patch (RFC 7386) that the server refuses with 409 where the object is no longer in
/// `record.resource_version`.
[[nodiscard]] std::string lease_patch(const LeaseRecord& record);

}  // namespace walguard::wire
