/// Any bytes into the webhook's decoder: never a crash, never an object that was not there, always an answer
/// that is JSON, and a patch that is settled after one application.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "operator/core/response.h"
#include "operator/wire/admission_response.h"
#include "operator/wire/admission_review.h"
#include "operator/wire/json_patch.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

walguard::core::Answer annotated_and_gated() {
  walguard::core::Answer answer;
  answer.annotations = {{"walguard/verdict", "safe"}};
  answer.add_gate = true;
  return answer;
}

/// What was accepted must be JSON for another parser too, as far as it was read; then its patch must apply.
void check_patch(const walguard::wire::Request& request, const std::string& body) {
  const nlohmann::json review = nlohmann::json::parse(body, nullptr, false);
  if (review.is_discarded() || !request.object) {
    return;  // skipped values are not checked beyond their brackets, quotes and UTF-8
  }
  const std::string patch = walguard::wire::make_json_patch(request, annotated_and_gated());
  const nlohmann::json& object = review["request"]["object"];
  const nlohmann::json patched = patch.empty() ? object : object.patch(nlohmann::json::parse(patch));
  require(patched["metadata"]["annotations"]["walguard/verdict"] == "safe");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static walguard::wire::AdmissionReader reader;
  std::string body(reinterpret_cast<const char*>(data), size);
  const auto request = reader.decode(walguard::wire::PaddedView::of(body));
  if (!request) {
    require(!request.error().message.empty());
    require((request.error().kind == walguard::wire::DecodeError::Kind::kNotAReview) ==
            request.error().uid.empty());
    require(nlohmann::json::accept(
        walguard::wire::encode_refusal(request.error().uid, 400, request.error().message)));
    return 0;
  }
  require(!request->uid.empty());
  require(nlohmann::json::accept(walguard::wire::encode_response(*request, annotated_and_gated())));
  check_patch(*request, body);
  return 0;
}
