#include "tests/testbeds/bed_table.h"

#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/testbeds/bed.h"

namespace walguard::testbeds {

std::string_view to_string(BedGroup group) {
  switch (group) {
    case BedGroup::kLocal:
      return "local";
    case BedGroup::kOverlay:
      return "overlay";
    case BedGroup::kFuse:
      return "fuse";
    case BedGroup::kFault:
      return "fault";
    case BedGroup::kNetwork:
      return "network";
    case BedGroup::kSandbox:
      return "sandbox";
  }
  return "";
}

void PrintTo(const BedCase& bed_case, std::ostream* stream) { *stream << bed_case.name; }

const std::vector<BedCase>& all_beds() {
  static const std::vector<BedCase> table = [] {
    std::vector<BedCase> beds;
    add_local_beds(beds);
    add_fuse_beds(beds);
    add_remote_fuse_beds(beds);
    add_fault_beds(beds);
    add_network_beds(beds);
    add_gvisor_beds(beds);
    return beds;
  }();
  return table;
}

SetUp on_views(std::function<Views(Bed&)> make_views) {
  return [make_views = std::move(make_views)](Bed& bed, const std::string& strategy) {
    const std::filesystem::path report = bed.directory("report") / "report.json";
    const Views views = make_views(bed);
    std::vector<std::string> command = {
        WALGUARD_PREFLIGHT_BINARY, "run", "-o", "json", "--report", report, "--strategy", strategy};
    command.insert(command.end(), views.begin(), views.end());
    return Setup{.command = std::move(command), .report = report, .left_clean = views};
  };
}

}  // namespace walguard::testbeds
