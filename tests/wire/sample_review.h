/// AdmissionReviews for the tests, built field by field so that a test shows only what it is about.
#pragma once

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire::test {

using Json = nlohmann::ordered_json;

inline constexpr std::string_view kUid = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// A pod of 6 KB as an API server sends it.
inline std::string large_review() {
  std::ifstream file(WALGUARD_SOURCE_DIR "/tests/wire/testdata/pod_review.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Json pod(Json spec, Json metadata = Json::object()) {
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata}, {"spec", spec}};
}

struct Gvk {
  std::string group;
  std::string version;
  std::string kind;
  std::string resource;
};
inline const Gvk kPodKind{"", "v1", "Pod", "pods"};

inline Json review_of(const Json& object, const Gvk& gvk = kPodKind, std::string_view operation = "CREATE") {
  return {{"kind", "AdmissionReview"},
          {"apiVersion", "admission.k8s.io/v1"},
          {"request",
           {{"uid", kUid},
            {"kind", {{"group", gvk.group}, {"version", gvk.version}, {"kind", gvk.kind}}},
            {"resource", {{"group", gvk.group}, {"version", gvk.version}, {"resource", gvk.resource}}},
            {"name", "web-0"},
            {"namespace", "team-a"},
            {"operation", operation},
            {"object", object}}}};
}

inline tl::expected<Request, DecodeError> decode(std::string body) {
  AdmissionReader reader;
  return reader.decode(PaddedView::of(body));
}
inline tl::expected<Request, DecodeError> decode(const Json& review) { return decode(review.dump()); }

/// What a test cannot do without; throws, and so fails the test, where it is not there.
inline const core::Workload& present(const std::optional<core::Workload>& workload) {
  if (!workload) {
    throw std::runtime_error("the request has no such object");
  }
  return *workload;
}

/// The workload of a review that must decode.
inline core::Workload workload_of(const Json& review) {
  const auto request = decode(review);
  if (!request) {
    throw std::runtime_error(request.error().message);
  }
  return present(request->object);
}

inline core::PodSpec pod_of(Json spec) { return workload_of(review_of(pod(std::move(spec)))).pod; }

}  // namespace walguard::wire::test
