#include "preflight/text/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace walguard::text {
namespace {

TEST(Terminal, WrapsAtTheWidthAndIndentsAlike) {
  EXPECT_EQ(wrapped("one two three", 2, 10), "one two\n  three\n");
  EXPECT_EQ(wrapped("one two three", 2, 0), "one two three\n") << "0: never";
  EXPECT_EQ(wrapped("größer über", 0, 11), "größer über\n") << "by characters, not bytes";
}

TEST(Terminal, PaintsOnlyWhereTheStyleHasColours) {
  EXPECT_EQ(painted("safe", Paint::kGreen, {.colour = true}), "\x1b[32msafe\x1b[0m");
  EXPECT_EQ(painted("safe", Paint::kGreen, {}), "safe");
}

TEST(Terminal, AFileHasNeitherColoursNorAWidth) {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const TextStyle style = style_for(null);
  (void)::close(null);
  EXPECT_FALSE(style.colour);
  EXPECT_EQ(style.width, 0U);
}

}  // namespace
}  // namespace walguard::text
