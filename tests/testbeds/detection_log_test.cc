#include "tests/testbeds/detection_log.h"

#include <string>

#include <gtest/gtest.h>

namespace walguard::testbeds {
namespace {

TEST(DetectionLog, ALineHoldsAllThatThePageIsMadeOf) {
  const std::string caught =
      "TwoBindfs run=3 exit=1 expected=1 probe_seconds=6.22 seconds=6.27 memory_kib=8810 load=5.5 "
      "first=mmap-coherence after=2.64 also=mmap-growth,publication";
  const std::string wrong =
      "Ext4 run=1 exit=hung expected=0 probe_seconds=5.00 seconds=110.00 memory_kib=9 load=0.1 WRONG: no "
      "report; left behind: /x run=7";
  for (const std::string& line : {caught, wrong}) {
    EXPECT_EQ(log_line(parse_log_line(line).value_or(LogEntry{})), line);
  }
}

TEST(DetectionLog, ALineOfABedThatCouldNotBeMadeIsNone) {
  EXPECT_FALSE(parse_log_line("TwoGlusterfs not run: glusterd is missing"));
  EXPECT_FALSE(parse_log_line(""));
}

}  // namespace
}  // namespace walguard::testbeds
