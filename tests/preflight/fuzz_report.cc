// libFuzzer entry for the report parser. What it accepts must come back the same after another round,
// and has a compact form that fits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "preflight/report/compact.h"
#include "preflight/report/report_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto report = walguard::report::parse_report({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  const std::string compact = walguard::report::encode_compact(*report);
  if (compact.size() > walguard::report::kCompactBytes) std::abort();
  const std::string encoded = walguard::report::encode_report(*report);
  if (encoded.size() > walguard::report::kMaxReportBytes) return 0;  // 1e15 is longer written out
  const auto again = walguard::report::parse_report(encoded);
  if (!again || *again != *report) std::abort();
  return 0;
}
