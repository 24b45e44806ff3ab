#include "preflight/link/address.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walguard::preflight {
namespace {

using ::testing::HasSubstr;

TEST(HostPort, IsTakenApart) {
  EXPECT_EQ(parse_host_port("10.0.0.7:7000"), (HostPort{"10.0.0.7", "7000"}));
  EXPECT_EQ(parse_host_port("[::1]:0"), (HostPort{"::1", "0"}));
  EXPECT_EQ(parse_host_port("job-0.job.walguard.svc:65535"), (HostPort{"job-0.job.walguard.svc", "65535"}));
}

TEST(HostPort, SaysWhatIsWrong) {
  EXPECT_THAT(parse_host_port("10.0.0.7").error(), HasSubstr("has no port"));
  EXPECT_THAT(parse_host_port(":7000").error(), HasSubstr("has no address"));
  EXPECT_THAT(parse_host_port("[]:7000").error(), HasSubstr("has no address"));
  EXPECT_THAT(parse_host_port("::1:7000").error(), HasSubstr("in brackets"));
  EXPECT_THAT(parse_host_port("[10.0.0.7]:7000").error(), HasSubstr("in brackets"));
  for (const char* const text : {"a:", "a:x", "a:-1", "a:65536", "a:70 00", "a:0x10", "[::1]"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
}

TEST(NumericAddress, IsWrittenBackAsItWas) {
  EXPECT_EQ(to_string(numeric_address({"127.0.0.1", "7000"}).value()), "127.0.0.1:7000");
  EXPECT_EQ(to_string(numeric_address({"::1", "7000"}).value()), "[::1]:7000");
  EXPECT_FALSE(numeric_address({"localhost", "7000"}));
}

TEST(Resolve, FindsALocalNameAndSaysWhichOneIsNone) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto found = resolve({"localhost", "7000"}, until, -1);
  ASSERT_TRUE(found) << found.error();
  EXPECT_FALSE(found->empty());
  EXPECT_THAT(resolve({"no-such-name.invalid", "7000"}, until, -1).error(),
              HasSubstr("no-such-name.invalid"));
}

TEST(Resolve, IsOverWhenItsTimeIs) {
  EXPECT_THAT(resolve({"localhost", "7000"}, std::chrono::steady_clock::now(), -1).error(),
              HasSubstr("not answered"));
}

}  // namespace
}  // namespace walguard::preflight
