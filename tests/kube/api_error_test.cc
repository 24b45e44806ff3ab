#include "operator/kube/api_error.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/http.h"

namespace walguard::kube {
namespace {

using std::chrono::seconds;

TEST(ApiError, AStatusIsCarriedWhole) {
  const ApiError error = error_of(HttpReply{
      429, seconds(9), R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"slow down",
                           "reason":"TooManyRequests","details":{"retryAfterSeconds":3},"code":429})"});
  EXPECT_TRUE(error.is(429));
  EXPECT_EQ(error.reason, "TooManyRequests");
  EXPECT_EQ(error.message, "slow down");
  EXPECT_EQ(error.retry_after, seconds(3)) << "the Status is nearer to the matter than the header";
}

TEST(ApiError, AProxysPageIsAnErrorByItsHttpStatusWithItsBeginning) {
  const ApiError error = error_of(HttpReply{502, seconds(7), "<html>\nBad Gateway" + std::string(1000, 'x')});
  EXPECT_TRUE(error.is(502));
  EXPECT_EQ(error.retry_after, seconds(7));
  EXPECT_THAT(error.message, ::testing::StartsWith("<html> Bad Gateway"));
  EXPECT_EQ(error.message.size(), 200U);
}

TEST(ApiError, AConflictAndAnObjectThatIsThereAlreadyAreToldApart) {
  const ApiError there =
      error_of(HttpReply{409, {}, R"({"kind":"Status","reason":"AlreadyExists","code":409})"});
  EXPECT_TRUE(there.is_already_exists());
  EXPECT_FALSE(there.is_conflict());
  const ApiError conflict =
      error_of(HttpReply{409, {}, R"({"kind":"Status","reason":"Conflict","code":409})"});
  EXPECT_TRUE(conflict.is_conflict());
  EXPECT_FALSE(conflict.is_already_exists());
}

TEST(ApiError, ItsTextNamesRequestCodeReasonAndMessage) {
  ApiError error =
      error_of(HttpReply{404, {}, R"({"kind":"Status","reason":"NotFound","message":"no pod","code":404})"});
  error.request = "GET /api/v1/pods/a";
  EXPECT_EQ(error.text(), "GET /api/v1/pods/a: 404 NotFound: no pod");
  ApiError silent = error_of(TransportError{ExchangeFailure::kSilent, "no byte"});
  EXPECT_EQ(silent.text(), "no byte");
  EXPECT_FALSE(silent.is(0));
}

TEST(ApiError, AStatusOfOddTypesIsReadAsFarAsItGoes) {
  const ApiError error =
      parse_status(R"({"kind":"Status","code":"410","reason":7,"details":[1],"message":null})");
  EXPECT_EQ(error.kind, ApiError::Kind::kStatus);
  EXPECT_EQ(error.code, 0);
  EXPECT_EQ(error.reason, "");
  EXPECT_EQ(parse_status("{}").kind, ApiError::Kind::kMalformed);
  EXPECT_EQ(parse_status("[").kind, ApiError::Kind::kMalformed);
}

}  // namespace
}  // namespace walguard::kube
