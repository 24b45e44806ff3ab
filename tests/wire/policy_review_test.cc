#include "operator/wire/policy_review.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/catalog.h"

namespace walguard::wire {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

tl::expected<std::vector<core::Driver>, std::string> no_drivers(std::string_view) { return {}; }

json review(const json& request) {
  return {{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}};
}

json request_of(const json& spec) {
  return {{"uid", "u-1"},
          {"operation", "CREATE"},
          {"object",
           {{"apiVersion", "walguard.dev/v1alpha1"},
            {"kind", "WalguardPolicy"},
            {"metadata", {{"name", "production"}}},
            {"spec", spec}}}};
}

json answer(const json& request) {
  const auto body = review_policy(review(request).dump(), no_drivers);
  return body ? json::parse(*body)["response"] : json("refused: " + body.error());
}

TEST(PolicyReview, APolicyThatCanBeUnderstoodIsAllowed) {
  const json response = answer(request_of({{"defaultMode", "enforce"}}));
  EXPECT_EQ(response["allowed"], true) << response;
  EXPECT_EQ(response["uid"], "u-1");
}

TEST(PolicyReview, OneThatCannotIsRefusedWithItsNameAndTheField) {
  const json response = answer(
      request_of({{"exemptions", {{{"namespaces", {"a"}}, {"rules", {"no-such"}}, {"reason", "x"}}}}}));
  EXPECT_EQ(response["allowed"], false);
  EXPECT_EQ(response["status"]["code"], 422);
  EXPECT_THAT(
      response["status"]["message"].get<std::string>(),
      AllOf(HasSubstr("\"production\""), HasSubstr("spec.exemptions[0].rules[0]"), HasSubstr("no-such")));
}

TEST(PolicyReview, ADeletionIsAllowed) {
  EXPECT_EQ(answer({{"uid", "u-1"}, {"operation", "DELETE"}, {"object", nullptr}})["allowed"], true);
}

TEST(PolicyReview, WhatNestsTooDeepIsAnErrorAndNoCrash) {
  // Anybody in the cluster's network can send this. A body may have 7 MiB.
  constexpr std::size_t kBrackets = 2'000'000;
  const std::string body = R"({"request": {"uid": "u-1", "object": {"spec": )" + std::string(kBrackets, '[') +
                           std::string(kBrackets, ']') + "}}}";
  const auto reviewed = review_policy(body, no_drivers);
  ASSERT_FALSE(reviewed);
  EXPECT_THAT(reviewed.error(), HasSubstr("nested deeper than"));
}

TEST(PolicyReview, WhatIsNoReviewIsAnError) {
  for (const char* const body : {"", "[]", "{", "{\"request\": []}", "{\"request\": {\"uid\": 1}}"}) {
    EXPECT_FALSE(review_policy(body, no_drivers)) << body;
  }
}

}  // namespace
}  // namespace walguard::wire
