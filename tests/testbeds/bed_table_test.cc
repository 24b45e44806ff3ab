// What the table of beds as a whole has to hold. That each bed is as its row says is what EveryBed shows.
#include "tests/testbeds/bed_table.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

using ::testing::IsSupersetOf;
constexpr int kUnsafe = 1;

std::vector<std::string> unsafe_beds_that_pass(const std::string& check) {
  std::vector<std::string> names;
  for (const BedCase& bed : all_beds()) {
    const auto expected = bed.expected_checks.find(check);
    const bool passes =
        expected != bed.expected_checks.end() && expected->second == report::CheckResult::kPass;
    if (passes && bed.expected_exit == kUnsafe) names.push_back(bed.name);
  }
  return names;
}

TEST(TheTableOfBeds, HoldsUnsafeStorageThatPassesTheMmapCheckAlone) {
  EXPECT_THAT(unsafe_beds_that_pass("mmap-coherence"),
              IsSupersetOf({"OverlayBesideItsUpper", "TwoOverlaysOnOneUpper"}));
  if (kSanitized) return;
  EXPECT_THAT(unsafe_beds_that_pass("mmap-coherence"),
              IsSupersetOf({"GvisorTwoSandboxes", "GvisorBesideAPlainProcess"}));
}

TEST(TheTableOfBeds, HoldsUnsafeStorageThatPassesTheLockCheckAlone) {
  EXPECT_THAT(unsafe_beds_that_pass("byte-range-locks"), IsSupersetOf({"TwoGlusterfs"}));
  if (kSanitized) return;
  EXPECT_THAT(unsafe_beds_that_pass("byte-range-locks"),
              IsSupersetOf({"UmlTwoNfs42Clients", "UmlTwoNodesNfs42"}));
}

TEST(TheTableOfBeds, GivesEachBedANameOfItsOwn) {
  std::vector<std::string> names;
  for (const BedCase& bed : all_beds()) names.push_back(bed.name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace walguard::testbeds
