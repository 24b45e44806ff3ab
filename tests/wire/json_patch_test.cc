#include "operator/wire/json_patch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/response.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using test::Json;
using test::pod;
using test::review_of;

core::Answer annotated_and_gated() {
  core::Answer answer;
  answer.annotations = {{"walguard/verdict", "unproven"}, {"walguard/findings", "a \"quoted\" one"}};
  answer.add_gate = true;
  return answer;
}

std::string patch_of(const Json& object, const core::Answer& answer, const test::Gvk& gvk = test::kPodKind) {
  const auto request = test::decode(review_of(object, gvk));
  EXPECT_TRUE(request) << request.error().message;
  return make_json_patch(*request, answer);
}

/// What the API server stores after /mutate.
Json patched(const Json& object, const core::Answer& answer) {
  const std::string patch = patch_of(object, answer);
  return patch.empty() ? object : object.patch(Json::parse(patch));
}

const Json kAnnotations = {{"walguard/verdict", "unproven"}, {"walguard/findings", "a \"quoted\" one"}};
const Json kGate = {{"name", "walguard/preflight"}};

TEST(JsonPatch, MakesWhatIsMissingAndKeepsWhatIsThere) {
  struct Case {
    const char* what;
    Json object;
    Json metadata;
    Json gates;
  };
  const Json other_gate = {{"name", "team/other"}};
  const std::vector<Case> cases = {
      {"nothing there", {{"spec", Json::object()}}, {{"annotations", kAnnotations}}, Json::array({kGate})},
      {"metadata null",
       {{"metadata", nullptr}, {"spec", Json::object()}},
       {{"annotations", kAnnotations}},
       Json::array({kGate})},
      {"no annotations",
       pod(Json::object(), {{"name", "x"}}),
       {{"name", "x"}, {"annotations", kAnnotations}},
       Json::array({kGate})},
      {"null annotations and gates",
       pod({{"schedulingGates", nullptr}}, {{"annotations", nullptr}}),
       {{"annotations", kAnnotations}},
       Json::array({kGate})},
      {"empty annotations and gates",
       pod({{"schedulingGates", Json::array()}}, {{"annotations", Json::object()}}),
       {{"annotations", kAnnotations}},
       Json::array({kGate})},
      {"others' annotations and gates",
       pod({{"schedulingGates", {other_gate}}}, {{"annotations", {{"a/b", "c"}}}}),
       {{"annotations",
         {{"a/b", "c"}, {"walguard/verdict", "unproven"}, {"walguard/findings", "a \"quoted\" one"}}}},
       Json::array({other_gate, kGate})},
      {"old values of ours",
       pod({{"schedulingGates", {kGate}}},
           {{"annotations", {{"walguard/verdict", "safe"}, {"walguard/databases", "/x"}}}}),
       {{"annotations",
         {{"walguard/verdict", "unproven"},
          {"walguard/databases", "/x"},
          {"walguard/findings", "a \"quoted\" one"}}}},
       Json::array({kGate})},
  };
  for (const Case& c : cases) {
    const Json after = patched(c.object, annotated_and_gated());
    EXPECT_EQ(nlohmann::json(after["metadata"]), nlohmann::json(c.metadata)) << c.what;
    EXPECT_EQ(after["spec"]["schedulingGates"], c.gates) << c.what;
    EXPECT_EQ(patch_of(after, annotated_and_gated()), "") << c.what << ": the second time changes nothing";
  }
}

TEST(JsonPatch, IsEmptyWhereTheAnswerAsksForNothing) {
  EXPECT_EQ(patch_of(pod(Json::object()), core::Answer()), "");
}

TEST(JsonPatch, EscapesTheSlashOfAKey) {
  core::Answer answer;
  answer.annotations = {{"walguard/a~b", "1"}};
  EXPECT_EQ(patch_of(pod(Json::object(), {{"annotations", {{"x", "y"}}}}), answer),
            R"([{"op":"add","path":"/metadata/annotations/walguard~1a~0b","value":"1"}])");
}

TEST(JsonPatch, OnlyPodsAreGated) {
  core::Answer answer;
  answer.add_gate = true;
  const Json deployment = {{"spec", {{"template", {{"spec", Json::object()}}}}}};
  EXPECT_EQ(patch_of(deployment, answer, {"apps", "v1", "Deployment", "deployments"}), "");
}

}  // namespace
}  // namespace walguard::wire
