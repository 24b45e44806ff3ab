/// Events (core/v1), as `kubectl describe` shows them below an object.
/// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::wire {

/// Which object an Event is about.
struct ObjectReference {
  std::string api_version;     ///< "v1", "walguard.dev/v1alpha1"
  std::string kind;            ///< "Pod"
  std::string namespace_name;  ///< "" for cluster-scoped objects
  std::string name;
  std::string uid;

  friend bool operator==(const ObjectReference&, const ObjectReference&) = default;
};

/// What there is to say about an object. The same words said again are counted, not repeated.
struct EventNote {
  enum class Type : std::uint8_t { kNormal, kWarning };
  ObjectReference object;
  Type type = Type::kNormal;
  std::string reason;   ///< UpperCamelCase, for programs: "PreflightPending"
  std::string message;  ///< for people; cut at 1024 bytes, the API's limit

  friend bool operator==(const EventNote&, const EventNote&) = default;
};

/// Where the Event of this object belongs: its own namespace, "default" for cluster-scoped objects, as the
/// API server demands.
[[nodiscard]] std::string event_namespace(const ObjectReference& object);

/// The Event's name: equal for equal notes, whoever writes them, so that no restart makes a second one.
[[nodiscard]] std::string event_name(const EventNote& note);

/// `reporter`: the pod that says so.
[[nodiscard]] std::string event_object(const EventNote& note, std::string_view reporter,
                                       std::chrono::sys_seconds now);

/// How often the Event in `json` has been counted; at least 1.
[[nodiscard]] tl::expected<std::int64_t, std::string> read_event_count(std::string_view json);

/// A merge patch that says: once more, at `now`.
[[nodiscard]] std::string event_count_patch(std::int64_t count, std::chrono::sys_seconds now);

}  // namespace walguard::wire
