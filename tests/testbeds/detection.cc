// Runs the probe on every bed, as often as asked, and writes down what it found: docs/detection.md and its
// log.
#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <stdlib.h>

#include "preflight/report/grade.h"
#include "preflight/report/report.h"
#include "tests/testbeds/bed_run.h"
#include "tests/testbeds/bed_table.h"
#include "tests/testbeds/detection_log.h"

namespace walguard::testbeds {
namespace {

constexpr std::string_view kIntroduction =
    R"(# What the preflight finds

Every kind of storage below was really mounted and probed with `walguard-preflight run --profile quick`. It is written by
`scripts/detection --runs 10`, which makes this page and its log ([detection.log](detection.log), one line a run) again;
`--bed REGEX` runs some of the beds, and with `--update` runs them again for this page, in the place of their former lines in
the log. Nothing here is edited by hand.

- **The beds** stand in one table in `tests/testbeds`, each with what it must be found to be: exit code 0 `safe`,
  1 `unsafe`, 2 bad input, 3 `unproven`. CI runs each once. Beds of the group *fault* are faultfs, a filesystem of the
  tests that passes everything through to memory and has exactly one fault; where a fault is the second mount's, the
  question is about a rollback journal, which two page caches alone do not harm, so that the fault itself is what was
  found. The first two beds of that group have no fault.
- **One blind spot**: an fsync that does nothing. Memory filesystems do the same, and no program can tell without a power
  cut. So the report never speaks of durability: it says that durability on power loss is not measured.
- **Network filesystems** on one mount come out `unproven`: one client that sees its own writes says nothing of a second
  one. `--scope node`, or a second mount, asks a question that can be answered.
- *First* is the first check in the order of the run that the verdict rests on; *after* is the time that this check and those
  before it took, the median of all runs.
- Beds that must come out `safe` are run twice as often as the others.
- *Run* is the median of what the probe itself took, by its report, and *longest* the longest. *Memory* is the most that all
  its processes held at any time; of a guest's it cannot be told apart from its kernel's.
)";

struct Arguments {
  int runs = 1;
  int jobs = 1;
  std::string bed = ".*";
  std::string output;
  bool update = false;
};

// The checks of one run on which its verdict rests.
struct Caught {
  std::string first;
  double after_seconds = 0;
  std::vector<std::string> also;
};

std::vector<report::Strategy> strategies_of(const BedCase& bed) {
  if (bed.strategy == "all") return {report::kAllStrategies.begin(), report::kAllStrategies.end()};
  return {report::parse_strategy(bed.strategy).value_or(report::Strategy::kWal)};
}

bool is_asked_for(const BedCase& bed, std::string_view check) {
  return std::ranges::any_of(strategies_of(bed), [&](report::Strategy strategy) {
    return std::ranges::any_of(report::needs(), [&](const report::Need& need) {
      return need.check == check && report::is_needed_by(need, strategy);
    });
  });
}

Caught what_caught_it(const BedCase& bed, const BedRun& run) {
  Caught caught;
  if (!run.report) return caught;
  double elapsed = 0;
  for (const report::Check& check : run.report->checks) {
    elapsed += check.seconds;
    const bool bad =
        check.result == report::CheckResult::kFail || check.result == report::CheckResult::kUnsupported;
    if (!bad || !is_asked_for(bed, check.id)) continue;
    if (caught.first.empty()) {
      caught.first = check.id;
      caught.after_seconds = elapsed;
    } else {
      caught.also.push_back(check.id);
    }
  }
  return caught;
}

LogEntry entry_of(const BedCase& bed, int number, const BedRun& run, double load) {
  Caught caught = what_caught_it(bed, run);
  LogEntry entry;
  entry.bed = bed.name;
  entry.run = number;
  entry.exit = run.exit_code ? std::to_string(*run.exit_code) : "hung";
  entry.expected = bed.expected_exit;
  entry.probe_seconds = run.report ? run.report->seconds : run.seconds;
  entry.seconds = run.seconds;
  entry.memory_kib = run.peak_memory_kib;
  entry.load = load;
  if (!caught.first.empty()) entry.after = caught.after_seconds;
  entry.first = std::move(caught.first);
  entry.also = std::move(caught.also);
  entry.wrong = joined(run.not_as_expected, "; ");
  return entry;
}

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

// Of the last minute; what else the machine does shows in the times.
double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

// What all runs on one bed come to.
class BedSummary {
 public:
  explicit BedSummary(const std::vector<LogEntry>& entries) {
    for (const LogEntry& entry : entries) add(entry);
  }

  [[nodiscard]] std::string row(const BedCase& bed) const {
    std::string text = "| " + bed.name + " | " + bed.what + " | " + bed.strategy + " | " +
                       std::to_string(bed.expected_exit) + " | " + std::to_string(right_) + " of " +
                       std::to_string(runs_) + " | " + counted(first_) + " | ";
    text += after_.empty() ? std::string() : decimal(median(after_), 1) + " s";
    text += " | " + counted(also_) + " | " + decimal(median(seconds_), 1) + " s | " +
            decimal(std::ranges::max(seconds_), 1) + " s | ";
    if (!bed.in_guest) text += decimal(static_cast<double>(memory_kib_) / 1024, 0) + " MiB";
    return text + " |\n";
  }

 private:
  void add(const LogEntry& entry) {
    ++runs_;
    if (entry.wrong.empty()) ++right_;
    seconds_.push_back(entry.probe_seconds);
    memory_kib_ = std::max(memory_kib_, entry.memory_kib);
    if (!entry.first.empty()) ++first_[entry.first];
    if (entry.after) after_.push_back(*entry.after);
    for (const std::string& check : entry.also) ++also_[check];
  }

  // "wal-workload", or "wal-workload (7)" where it was not so in every run.
  [[nodiscard]] std::string counted(const std::map<std::string, int>& checks) const {
    std::vector<std::string> words;
    words.reserve(checks.size());
    for (const auto& [check, count] : checks) {
      words.push_back(count == runs_ ? check : check + " (" + std::to_string(count) + ")");
    }
    return joined(words, ", ");
  }

  int runs_ = 0;
  int right_ = 0;
  std::map<std::string, int> first_;
  std::map<std::string, int> also_;
  std::vector<double> after_;
  std::vector<double> seconds_;
  long memory_kib_ = 0;
};

class Detection {
 public:
  explicit Detection(const Arguments& arguments) : arguments_(arguments) {}

  /// Whether every run on every bed was as expected.
  bool run() {
    if (arguments_.update) read_log();
    choose_beds();
    if (!arguments_.output.empty()) {
      log_.open(log_path());
      for (const auto& [bed, entries] : entries_) write_log(entries);
    }
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(arguments_.jobs));
    for (int i = 0; i < arguments_.jobs; ++i) workers.emplace_back([this] { work(); });
    workers.clear();
    const std::string page = std::string(kIntroduction) + made_how() + table() + missing();
    if (arguments_.output.empty()) {
      std::cout << page;
    } else {
      std::ofstream(arguments_.output) << page;
    }
    return all_right_;
  }

 private:
  void read_log() {
    std::ifstream log(log_path());
    for (std::string line; std::getline(log, line);) {
      if (auto entry = parse_log_line(line)) entries_[entry->bed].push_back(*std::move(entry));
    }
  }

  void choose_beds() {
    const std::regex wanted(arguments_.bed);
    for (const BedCase& bed : all_beds()) {
      if (!std::regex_search(bed.name, wanted)) continue;
      if (const auto why = bed.why_not_here()) {
        missing_.push_back(bed.name + ": " + *why);
        std::cerr << bed.name << " not run: " << *why << "\n";
      } else {
        waiting_[bed.group].push_back(&bed);
        entries_.erase(bed.name);
      }
    }
  }

  // Of one group no two beds run at once: guests, or sandboxes, would measure each other.
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      if (waiting_.empty()) return;
      const auto longest = std::ranges::max_element(
          waiting_, {}, [](const auto& group) { return is_slow(group.first) ? 1000 : group.second.size(); });
      const auto [group, beds] = *longest;
      waiting_.erase(longest);
      lock.unlock();
      for (const BedCase* bed : beds) run_bed(*bed);
    }
  }

  static bool is_slow(BedGroup group) { return group == BedGroup::kNetwork; }

  void run_bed(const BedCase& bed) {
    const int runs = bed.expected_exit == 0 ? 2 * arguments_.runs : arguments_.runs;
    for (int number = 1; number <= runs; ++number) {
      const double load = load_average();
      LogEntry entry = entry_of(bed, number, try_once(bed), load);
      const std::scoped_lock lock(mutex_);
      all_right_ = all_right_ && entry.wrong.empty();
      std::cerr << log_line(entry) << "\n" << std::flush;  // at once: a run may take a minute
      write_log({entry});
      entries_[bed.name].push_back(std::move(entry));
    }
  }

  void write_log(const std::vector<LogEntry>& entries) {
    if (!log_.is_open()) return;
    for (const LogEntry& entry : entries) log_ << log_line(entry) << "\n" << std::flush;
  }

  static BedRun try_once(const BedCase& bed) {
    try {
      return run_once(bed);
    } catch (const std::exception& exception) {
      BedRun failed;
      failed.not_as_expected = {std::string("the bed could not be set up: ") + exception.what()};
      return failed;
    }
  }

  [[nodiscard]] std::string made_how() const {
    double highest = 0;
    for (const auto& [bed, entries] : entries_) {
      for (const LogEntry& entry : entries) highest = std::max(highest, entry.load);
    }
    return "- Made on " + std::to_string(std::thread::hardware_concurrency()) +
           " processors; the machine's load average was at most " + decimal(highest, 1) +
           ", and each run's is in\n  the log. Times are as good as that.\n";
  }

  [[nodiscard]] std::string table() const {
    std::map<BedGroup, std::string> rows;
    for (const BedCase& bed : all_beds()) {
      if (const auto found = entries_.find(bed.name); found != entries_.end()) {
        rows[bed.group] += BedSummary(found->second).row(bed);
      }
    }
    std::string text;
    for (const auto& [group, lines] : rows) {
      text += "\n## " + std::string(to_string(group)) +
              "\n\n| bed | what it is | asked | expected exit | right | caught first by | after | also "
              "failed | run | longest | memory |\n|---|---|---|---|---|---|---|---|---|---|---|\n" +
              lines;
    }
    return text;
  }

  [[nodiscard]] std::string missing() const {
    if (missing_.empty()) return {};
    return "\n## Not run on this machine\n\n- " + joined(missing_, "\n- ") + "\n";
  }

  // docs/detection.md -> docs/detection.log
  [[nodiscard]] std::string log_path() const {
    const std::size_t dot = arguments_.output.rfind(".md");
    return arguments_.output.substr(0, dot) + ".log";
  }

  const Arguments arguments_;
  std::vector<std::string> missing_;
  std::mutex mutex_;  // for what follows, while beds are run
  std::ofstream log_;
  std::map<BedGroup, std::vector<const BedCase*>> waiting_;
  std::map<std::string, std::vector<LogEntry>> entries_;
  bool all_right_ = true;
};

int run_detection(int argc, const char* const* argv) {
  Arguments arguments;
  CLI::App app("Runs the probe on every test bed and writes down what it found.", "detection");
  app.add_option("--runs", arguments.runs, "How often each bed is run")->check(CLI::PositiveNumber);
  app.add_option("--jobs", arguments.jobs, "Groups of beds that are run at the same time")
      ->check(CLI::PositiveNumber);
  app.add_option("--bed", arguments.bed, "Only beds whose name matches this regular expression");
  app.add_option("--output", arguments.output,
                 "The page, FILE.md; the log goes to FILE.log. Without: to stdout");
  app.add_flag("--update", arguments.update,
               "Keep what the log says of other beds: with --bed, to run some of them again")
      ->needs("--output");
  app.footer("Exit codes: 0 every run was as expected, 1 one was not, 2 bad use.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "detection: " << error.what() << "\n";
    return 2;
  }
  return Detection(arguments).run() ? 0 : 1;
}

}  // namespace
}  // namespace walguard::testbeds

int main(int argc, char** argv) {
  try {
    return walguard::testbeds::run_detection(argc, argv);
  } catch (const std::exception& exception) {
    std::cerr << "detection: " << exception.what() << "\n";
    return 2;
  }
}
