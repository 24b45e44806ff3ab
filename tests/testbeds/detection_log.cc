#include "tests/testbeds/detection_log.h"

#include <cstdlib>
#include <iomanip>
#include <ios>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace walguard::testbeds {
namespace {

constexpr std::string_view kWrong = " WRONG: ";

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

}  // namespace

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

std::string decimal(double number, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << number;
  return text.str();
}

std::string log_line(const LogEntry& entry) {
  std::string line = entry.bed + " run=" + std::to_string(entry.run) + " exit=" + entry.exit +
                     " expected=" + std::to_string(entry.expected) +
                     " probe_seconds=" + decimal(entry.probe_seconds, 2) +
                     " seconds=" + decimal(entry.seconds, 2) +
                     " memory_kib=" + std::to_string(entry.memory_kib) + " load=" + decimal(entry.load, 1);
  if (!entry.first.empty()) line += " first=" + entry.first;
  if (entry.after) line += " after=" + decimal(*entry.after, 2);
  if (!entry.also.empty()) line += " also=" + joined(entry.also, ",");
  if (!entry.wrong.empty()) line.append(kWrong).append(entry.wrong);
  return line;
}

std::optional<LogEntry> parse_log_line(std::string_view line) {
  LogEntry entry;
  const auto wrong = line.find(kWrong);
  if (wrong != std::string_view::npos) entry.wrong = line.substr(wrong + kWrong.size());
  std::istringstream words{std::string(line.substr(0, wrong))};
  std::map<std::string, std::string> values;
  words >> entry.bed;
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) return std::nullopt;
    values[word.substr(0, equals)] = word.substr(equals + 1);
  }
  const auto number = [&](const char* name) { return std::strtod(values[name].c_str(), nullptr); };
  if (!values.contains("run")) return std::nullopt;
  entry.run = static_cast<int>(number("run"));
  entry.exit = values["exit"];
  entry.expected = static_cast<int>(number("expected"));
  entry.probe_seconds = number("probe_seconds");
  entry.seconds = number("seconds");
  entry.memory_kib = static_cast<long>(number("memory_kib"));
  entry.load = number("load");
  entry.first = values["first"];
  if (values.contains("after")) entry.after = number("after");
  entry.also = split(values["also"]);
  return entry;
}

}  // namespace walguard::testbeds
