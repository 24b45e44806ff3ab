#include "preflight/text/printable.h"

#include <gtest/gtest.h>

namespace walguard::text {
namespace {

TEST(Printable, ShowsControlCharactersAndBytesThatAreNoText) {
  EXPECT_EQ(printable("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(printable("\x7f\xff"), "\\x7f\\xff");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "CSI in one character, which some terminals obey";
  EXPECT_EQ(printable("Grüße 😀"), "Grüße 😀");
}

TEST(HumanBytes, HasTheUnitThatLeavesFewDigits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(human_bytes(5UL << 40U), "5.0 TiB");
  EXPECT_EQ(human_bytes(~0ULL), "16.0 EiB");
}

TEST(HumanCount, GroupsByThousands) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1234567), "1,234,567");
}

TEST(ShellWord, IsQuotedWhereItHoldsMoreThanAShellTakesLiterally) {
  EXPECT_EQ(shell_word("/data/app-1.db"), "/data/app-1.db");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b;$(c)"), "'a b;$(c)'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
}

TEST(HumanSeconds, HasTheUnitThatLeavesFewDigits) {
  EXPECT_EQ(human_seconds(0), "0 s");
  EXPECT_EQ(human_seconds(5e-8), "50 ns");
  EXPECT_EQ(human_seconds(4.6e-6), "4.60 µs");
  EXPECT_EQ(human_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(human_seconds(0.99999), "1.00 s");
  EXPECT_EQ(human_seconds(300), "5 min");
  EXPECT_EQ(human_seconds(7200), "2.0 h");
}

}  // namespace
}  // namespace walguard::text
