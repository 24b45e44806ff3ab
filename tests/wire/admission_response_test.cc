#include "operator/wire/admission_response.h"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/wire/admission_review.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using test::Json;

Request plain_request() {
  Request request;
  request.uid = "u-1";
  return request;
}

std::string decoded_patch(const std::string& response) {
  const std::string patch = Json::parse(response)["response"]["patch"];
  std::string bytes(patch.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(patch.data()), static_cast<int>(patch.size()));
  bytes.resize(static_cast<std::size_t>(size));
  while (!bytes.empty() && bytes.back() == '\0') {  // EVP_DecodeBlock counts the padding
    bytes.pop_back();
  }
  return bytes;
}

TEST(AdmissionResponse, APlainAllowIsThisAndNothingMore) {
  EXPECT_EQ(
      encode_response(plain_request(), core::Answer()),
      R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":true}})");
}

TEST(AdmissionResponse, ADenialSaysWhyAndLeavesMarksForTheAuditLog) {
  core::Answer answer;
  answer.decision = core::Decision::kDeny;
  answer.message = "walguard: volume \"data\": network-filesystem: NFS\nRemedy: use a block class";
  answer.verdict = core::Verdict::kUnsafe;
  answer.rules = {"network-filesystem", "rollout-overlap"};
  answer.annotations = {{"walguard/verdict", "unsafe"}};
  EXPECT_EQ(
      encode_response(plain_request(), answer),
      R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":false,)"
      R"("status":{"code":403,"message":"walguard: volume \"data\": network-filesystem: NFS\nRemedy: use a block class"},)"
      R"("auditAnnotations":{"verdict":"unsafe","rules":"network-filesystem,rollout-overlap"}}})");
}

TEST(AdmissionResponse, WarningsAndGatesLetThePodThrough) {
  for (const auto decision : {core::Decision::kWarn, core::Decision::kGate}) {
    core::Answer answer;
    answer.decision = decision;
    answer.verdict = core::Verdict::kUnproven;
    answer.warnings = {"one", "two \\ \"quoted\""};
    EXPECT_EQ(
        encode_response(plain_request(), answer),
        R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":true,)"
        R"("warnings":["one","two \\ \"quoted\""],"auditAnnotations":{"verdict":"unproven"}}})");
  }
}

TEST(AdmissionResponse, APatchTravelsAsBase64) {
  Request request = plain_request();
  request.object.emplace();
  request.patch_target.has_metadata = true;
  core::Answer answer;
  answer.annotations = {{"walguard/verdict", "safe"}};
  const std::string response = encode_response(request, answer);
  EXPECT_EQ(Json::parse(response)["response"]["patchType"], "JSONPatch");
  EXPECT_EQ(decoded_patch(response),
            R"([{"op":"add","path":"/metadata/annotations","value":{"walguard/verdict":"safe"}}])");
}

TEST(AdmissionResponse, AnyTextComesOutAsValidJson) {
  Request request;
  core::Answer answer;
  std::string every_byte;
  for (int i = 0; i < 256; ++i) {
    every_byte += static_cast<char>(i);
  }
  for (const std::string& text :
       {every_byte, std::string("\xC3\xA9t\xC3\xA9"), std::string("\xC3"), std::string("\xED\xA0\x80"),
        std::string("a\x7F\x1F\"\\/"), std::string("\0x", 2), std::string()}) {
    request.uid = text;
    answer.warnings = {text};
    const std::string response = encode_response(request, answer);
    EXPECT_TRUE(Json::accept(response)) << response;
  }
  request.uid = "\xC3\xA9\n\"\x01";
  EXPECT_EQ(Json::parse(encode_response(request, core::Answer()))["response"]["uid"], request.uid);
}

TEST(AdmissionResponse, ARefusalHasCodeAndMessage) {
  EXPECT_EQ(
      encode_refusal("u-1", 400, "request.object.spec: missing"),
      R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":false,)"
      R"("status":{"code":400,"message":"request.object.spec: missing"}}})");
}

TEST(AdmissionResponse, AnAllowedWarningIsCutToWhatTheApiServerPassesOn) {
  EXPECT_EQ(
      encode_warning("u-1", "short"),
      R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":true,)"
      R"("warnings":["short"]}})");
  const std::string warning =
      Json::parse(encode_warning("u", std::string(254, 'x') + "\xC3\xA9"))["response"]["warnings"][0];
  EXPECT_EQ(warning, std::string(254, 'x')) << "a character is never cut in two";
}

}  // namespace
}  // namespace walguard::wire
