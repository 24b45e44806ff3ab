/// Decodes AdmissionReview admission.k8s.io/v1 into the workload that is to be judged.
///
/// One forward pass over the body with simdjson On-Demand: no tree of the whole object is built, and env,
/// args and images are never copied. Field order does not matter; the order of the API server (kind before
/// object) is the fast one. Format:
/// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/core/response.h"
#include "operator/core/workload.h"

namespace walguard::wire {

/// A body with room behind it: simdjson reads up to `kPadding` bytes past the end, and never uses them.
class PaddedView {
 public:
  static constexpr std::size_t kPadding = 64;

  /// `data` has `capacity` bytes, at least `size + kPadding`. Nothing is copied; the caller keeps it alive.
  PaddedView(const char* data, std::size_t size, std::size_t capacity)
      : data_(data), size_(size), capacity_(capacity) {}
  /// Reserves the room in `body` (which may move its bytes once) and views it.
  [[nodiscard]] static PaddedView of(std::string& body) {
    body.reserve(body.size() + kPadding);
    return {body.data(), body.size(), body.capacity()};
  }

  [[nodiscard]] std::string_view text() const { return {data_, size_}; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  const char* data_;
  std::size_t size_;
  std::size_t capacity_;
};

/// group, version and kind, or group, version and resource.
struct GroupVersionName {
  std::string group;
  std::string version;
  std::string name;
  /// "apps/v1 Deployment"
  [[nodiscard]] std::string text() const;
};

/// What a JSON Patch of the object has to know about it.
struct PatchTarget {
  bool has_metadata = false;
  bool has_annotations = false;                                  ///< at least one, whoever's
  std::vector<std::pair<std::string, std::string>> annotations;  ///< those beginning with "walguard/"
};

/// What came. Names are the request's: an object may say anything of itself.
struct Request {
  std::string uid;
  GroupVersionName kind;
  GroupVersionName resource;
  std::string sub_resource;  ///< "", "scale", "status", "ephemeralcontainers", "resize", ...
  std::string name;          ///< empty when the API server has yet to make one up (generateName)
  std::string namespace_name;
  core::Operation operation = core::Operation::kCreate;
  bool dry_run = false;

  /// What is to be judged. Empty where nothing is: DELETE, CONNECT and `status` never change a volume.
  /// A Scale has the kind of the workload it scales and the wanted replicas, and no pod.
  std::optional<core::Workload> object;
  std::optional<core::Workload> old_object;  ///< UPDATE
  PatchTarget patch_target;                  ///< of `object`
};

struct DecodeError {
  enum class Kind : std::uint8_t {
    /// Not JSON, not an AdmissionReview, another version, no uid: HTTP 400, there is nobody to answer to.
    kNotAReview,
    /// The review is sound, its object or another part of the request is not: answer it with allowed=false
    /// and code 400 (`encode_refusal`). What could not be read is not let through.
    kBadObject,
    /// An object of a kind that walguard does not judge: answer it with allowed=true and the message as a
    /// warning (`encode_warning`). Refusing would break `kubectl` for kinds that somebody put into the
    /// webhook's rules by mistake, and opens nothing: whatever made a pod, the pod itself is judged when it
    /// is created. Never silent.
    kUnknownKind,
  };
  Kind kind = Kind::kNotAReview;
  std::string message;  ///< the field, what it holds, and the way out
  std::string uid;      ///< the rest only where it could be read
  std::string namespace_name;
  std::string name;
};

/// Reusable and not thread-safe: one for each thread. It keeps its buffers between bodies, except after one
/// that is far larger than a pod.
class AdmissionReader {
 public:
  AdmissionReader();
  ~AdmissionReader();
  AdmissionReader(AdmissionReader&&) noexcept;
  AdmissionReader& operator=(AdmissionReader&&) noexcept;

  /// Copies what it keeps: `body` may go away afterwards. Never throws for what the body says.
  [[nodiscard]] tl::expected<Request, DecodeError> decode(PaddedView body);

 private:
  struct Parser;  // keeps simdjson out of this header
  std::unique_ptr<Parser> parser_;
};

}  // namespace walguard::wire
