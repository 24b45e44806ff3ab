#include "operator/kube/encoding.h"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace walguard::kube {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TEST(Base64, WhatWasEncodedIsDecodedWhateverItsLength) {
  for (const std::string text : {"a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("ab"), "YWI=");
}

TEST(Base64, LineBreaksAreIgnored) { EXPECT_EQ(decode_base64("YW\n JjZA==\n"), "abcd"); }

TEST(Base64, WhatIsNoBase64IsNothing) {
  for (const std::string text : {"", "abc", "ab%=", "-----BEGIN CERTIFICATE-----"}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

TEST(PercentEncoding, EverythingButUnreservedCharactersIsEncoded) {
  EXPECT_EQ(percent_encoded("app=web,tier!=x/y z~1"), "app%3Dweb%2Ctier%21%3Dx%2Fy%20z~1");
  EXPECT_EQ(percent_encoded("\xC3\xA9"), "%C3%A9");
}

TEST(Rfc3339, ATimeIsReadWithFractionAndOffset) {
  const sys_seconds expected{seconds(1767225599)};  // date -d 2025-12-31T23:59:59Z +%s
  EXPECT_EQ(parse_rfc3339("2025-12-31T23:59:59Z"), expected);
  EXPECT_EQ(parse_rfc3339("2025-12-31T23:59:59.123456Z"), expected);
  EXPECT_EQ(parse_rfc3339("2026-01-01T01:29:59+01:30"), expected);
  EXPECT_EQ(parse_rfc3339("2025-12-31T18:59:59-05:00"), expected);
}

TEST(Rfc3339, WhatIsNoTimeIsNothing) {
  for (const std::string text :
       {"", "2025-12-31", "2025-02-30T00:00:00Z", "2025-12-31T24:00:00Z", "tomorrow", "2025-12-31T23:59:59",
        "2025-12-31T23:59:59Zjunk", "2025-12-31T23:59:59.Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace walguard::kube
