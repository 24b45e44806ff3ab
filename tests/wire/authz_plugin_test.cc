#include "operator/wire/authz_plugin.h"

#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace walguard::wire {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// As an engine of 20.10 wrote it for `docker run`, less what is not read.
json call() {
  return {{"RequestMethod", "POST"},
          {"RequestUri", "/v1.41/containers/create?name=web"},
          {"RequestBody", "eyJJbWFnZSI6ImEifQ=="},
          {"RequestHeaders",
           {{"Content-Type", "application/json"}, {"Content-Length", "13"}, {"User-Agent", "Docker-Client"}}},
          {"UserAuthNMethod", "TLS"},
          {"User", "alice"}};
}

std::string error_of(const std::string& bytes) {
  const auto request = read_authz_request(bytes);
  return request ? "no error" : request.error();
}

TEST(PluginCall, EachCallOfTheEngineIsKnownByItsWholePath) {
  EXPECT_EQ(plugin_call("/Plugin.Activate"), PluginCall::kActivate);
  EXPECT_EQ(plugin_call("/AuthZPlugin.AuthZReq"), PluginCall::kRequest);
  EXPECT_EQ(plugin_call("/AuthZPlugin.AuthZRes"), PluginCall::kResponse);
  EXPECT_EQ(plugin_call("/AuthZPlugin.AuthZReq/"), PluginCall::kUnknown);
  EXPECT_EQ(plugin_call("/authzplugin.authzreq"), PluginCall::kUnknown);
  EXPECT_EQ(plugin_call(""), PluginCall::kUnknown);
}

TEST(AuthzRequest, WhatTheEngineTellsOfARequestIsTakenOver) {
  const auto request = read_authz_request(call().dump());
  ASSERT_TRUE(request) << request.error();
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->uri, "/v1.41/containers/create?name=web");
  EXPECT_EQ(request->content_type, "application/json");
  EXPECT_EQ(request->body, R"({"Image":"a"})");
  EXPECT_TRUE(request->body_present);
  EXPECT_EQ(request->user, "alice");
}

TEST(AuthzRequest, WithoutBodyHeadersAndUserItSaysSo) {
  for (const char* const bytes :
       {R"({"RequestMethod":"GET","RequestUri":"/info"})",
        R"({"RequestMethod":"GET","RequestUri":"/info","RequestBody":null,"RequestHeaders":null})",
        R"({"RequestMethod":"GET","RequestUri":"/info","RequestBody":"","RequestHeaders":{"Accept":"a"}})"}) {
    const auto request = read_authz_request(bytes);
    ASSERT_TRUE(request) << request.error();
    EXPECT_FALSE(request->body_present);
    EXPECT_EQ(request->content_type, std::nullopt);
    EXPECT_EQ(request->user, "");
  }
}

TEST(AuthzRequest, BodiesOfEachLengthComeOutOfBase64AsTheyWere) {
  for (const auto& [base64, bytes] :
       {std::pair{"YQ==", "a"}, {"YWI=", "ab"}, {"YWJj", "abc"}, {"//+/", "\xFF\xFF\xBF"}}) {
    json changed = call();
    changed["RequestBody"] = base64;
    const auto request = read_authz_request(changed.dump());
    ASSERT_TRUE(request) << request.error();
    EXPECT_EQ(request->body, bytes);
  }
}

TEST(AuthzRequest, ABodyThatIsNotBase64IsRefused) {
  for (const char* const body : {"a", "YQ=", "YQ==YQ==", "Y Q=", "YW-_", "====", "YQ==\n"}) {
    json changed = call();
    changed["RequestBody"] = body;
    EXPECT_THAT(error_of(changed.dump()), HasSubstr("RequestBody: expected base64")) << body;
  }
}

TEST(AuthzRequest, WhatIsCutOrNoCallIsRefused) {
  const std::string whole = call().dump();
  EXPECT_THAT(error_of(whole.substr(0, whole.size() / 2)), HasSubstr("cannot be read"));
  EXPECT_THAT(error_of(whole + whole), HasSubstr("nothing behind it"));
  EXPECT_THAT(error_of(""), HasSubstr("cannot be read"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(error_of(R"({"RequestMethod":"POST"})"), HasSubstr("RequestUri: missing"));
  EXPECT_THAT(error_of(R"({"RequestUri":"/info"})"), HasSubstr("RequestMethod: missing"));
  EXPECT_THAT(error_of(R"({"RequestMethod":1,"RequestUri":"/info"})"), HasSubstr("expected a string"));
}

TEST(AuthzRequest, ACallWithAKeyTwiceIsRefused) {
  EXPECT_THAT(error_of(R"({"RequestMethod":"GET","RequestMethod":"POST","RequestUri":"/volumes/create"})"),
              HasSubstr(R"("RequestMethod" stands twice)"));
}

TEST(AuthzRequest, ACallAboveTheBoundIsRefusedUnread) {
  EXPECT_THAT(error_of(std::string(kMaxAuthzBytes + 1, ' ')), HasSubstr("more than 8388608 bytes"));
}

TEST(AuthzRequest, NestingWithoutEndIsRefused) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(error_of(R"({"RequestMethod":)" + deep), HasSubstr("nested deeper"));
}

TEST(AuthzRequest, NoErrorRepeatsWhatTheRequestHolds) {
  EXPECT_THAT(error_of(R"({"RequestMethod":"GET","RequestUri":{"hunter2":1}})"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(error_of(R"({"hunter2=":1,"hunter2=":2})"),
              AllOf(HasSubstr("twice"), Not(HasSubstr("hunter2"))));
}

TEST(PluginAnswer, ActivationNamesTheOneThingThatThePluginDoes) {
  EXPECT_EQ(json::parse(activation()), (json{{"Implements", {"authz"}}}));
}

TEST(PluginAnswer, AllowDenyAndErrorAreToldApart) {
  EXPECT_EQ(json::parse(allow_answer()), (json{{"Allow", true}}));
  EXPECT_EQ(json::parse(deny_answer("no \"x\"")), (json{{"Allow", false}, {"Msg", "no \"x\""}}));
  EXPECT_EQ(json::parse(error_answer("down")), (json{{"Allow", false}, {"Err", "down"}}));
}

TEST(PluginAnswer, AMessageThatIsNotUtf8StillMakesAnAnswer) {
  EXPECT_EQ(json::parse(deny_answer("a\xFFz"))["Msg"], "a\xEF\xBF\xBDz");
}

}  // namespace
}  // namespace walguard::wire
