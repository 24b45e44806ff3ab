#include "preflight/text/utf8.h"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace walguard::text {
namespace {

TEST(Utf8, KnowsTheLengthOfEachCharacter) {
  const std::vector<std::pair<std::string_view, std::size_t>> characters = {
      {"a", 1}, {"\x7f", 1}, {"é", 2}, {"€", 3}, {"\xed\x9f\xbf", 3}, {"😀", 4}, {"\xf4\x8f\xbf\xbf", 4}};
  for (const auto& [text, length] : characters) EXPECT_EQ(utf8_length(text), length) << text;
  EXPECT_EQ(utf8_length(std::string_view("\0", 1)), 1U);
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"", "nothing"},
      {"\x80", "a continuation byte"},
      {"\xc0\xaf", "an overlong slash"},
      {"\xe0\x9f\xbf", "overlong in three bytes"},
      {"\xed\xa0\x80", "a surrogate"},
      {"\xf0\x8f\xbf\xbf", "overlong in four bytes"},
      {"\xf4\x90\x80\x80", "past U+10FFFF"},
      {"\xff", "a byte of no form"},
      {"\xe2\x82", "cut short"},
      {"\xe2\x82\x41", "not continued"}};
  for (const auto& [text, what] : cases) EXPECT_EQ(utf8_length(text), 0U) << what;
}

TEST(Utf8, ReplacesOnlyTheBytesThatBelongToNoCharacter) {
  EXPECT_EQ(to_utf8("a\xff€\xe2z"), "a\xEF\xBF\xBD€\xEF\xBF\xBDz");
  EXPECT_EQ(to_utf8("Grüße"), "Grüße");
  EXPECT_TRUE(is_utf8(to_utf8("\xf0\x9f\x98")));
  EXPECT_FALSE(is_utf8("a\xff"));
}

}  // namespace
}  // namespace walguard::text
