#include "preflight/link/bounded_json.h"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace walguard::preflight {
namespace {

std::string nested(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return std::string(count, '[') + std::string(count, ']');
}

TEST(BoundedJson, ReadsWhatIsNestedAsDeepAsTheLimit) {
  EXPECT_EQ(parse_bounded_json(R"({"a":[1,"b",null]})"), nlohmann::json::parse(R"({"a":[1,"b",null]})"));
  EXPECT_TRUE(parse_bounded_json(nested(kMaxJsonDepth)));
}

TEST(BoundedJson, RefusesWhatIsDeeperAndWhatIsNoJson) {
  EXPECT_FALSE(parse_bounded_json(nested(kMaxJsonDepth + 2)));
  EXPECT_FALSE(parse_bounded_json(nested(1'000'000)));
  for (const char* const text : {"", "{", "[1] 2", "nul", "\xff"})
    EXPECT_FALSE(parse_bounded_json(text)) << text;
}

TEST(BoundedJson, RefusesAFractionThatFitsNoInteger) {
  EXPECT_EQ(parse_bounded_json("[0.5, 1e3, -7, 18446744073709551615]"),
            nlohmann::json::parse("[0.5, 1e3, -7, 18446744073709551615]"));
  for (const char* const text :
       {"[-0.5]", "[41111111111111111111]", "[1e16]", "[-1e300]", "{\"a\":[[1e19]]}"}) {
    EXPECT_FALSE(parse_bounded_json(text)) << text;
  }
}

}  // namespace
}  // namespace walguard::preflight
