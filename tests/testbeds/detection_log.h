#ifndef WALGUARD_TESTS_TESTBEDS_DETECTION_LOG_H_
#define WALGUARD_TESTS_TESTBEDS_DETECTION_LOG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// docs/detection.log: one line for each run of a bed, from which docs/detection.md is made.
namespace walguard::testbeds {

struct LogEntry {
  std::string bed;
  int run = 0;       ///< counted from 1
  std::string exit;  ///< the exit code, or "hung"
  int expected = 0;
  double probe_seconds = 0;  ///< by the report
  double seconds = 0;        ///< of the whole command: of a guest, with its start
  long memory_kib = 0;       ///< of all processes together
  double load = 0;           ///< the machine's load average when the run began
  std::string first;         ///< the first check that the verdict rests on; empty where none failed
  std::optional<double> after;
  std::vector<std::string> also;  ///< further ones
  std::string wrong;              ///< what was not as expected; empty where all was
};

/// "Ext4 run=1 exit=0 ...", without a line feed.
[[nodiscard]] std::string log_line(const LogEntry& entry);
/// nullopt for a line that is none, such as that of a bed that could not be made.
[[nodiscard]] std::optional<LogEntry> parse_log_line(std::string_view line);

/// "2.85" with 2 digits.
[[nodiscard]] std::string decimal(double number, int digits);
[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view between);

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_DETECTION_LOG_H_
