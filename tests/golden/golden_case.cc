#include "tests/golden/golden_case.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/check/report.h"
#include "operator/cli/check_command.h"
#include "operator/core/verdict.h"
#include "preflight/text/terminal.h"

namespace walguard::golden {
namespace {

namespace fs = std::filesystem;

/// 2026-06-01T00:00:00Z: evidence in the cases is dated from here.
constexpr core::UtcSeconds kNow = 1780272000;

constexpr std::array<std::string_view, 5> kOptionFiles = {"expected.json", "evidence.yaml", "evidence.json",
                                                          "policy.yaml", "docker-info.json"};

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

// ---- The label

bool is_fact(std::string_view key, std::string_view name) {
  return key == name || (key.starts_with(name) && key[name.size()] == ' ');
}

/// "expect web" -> the expectation of object "web", made where there is none yet.
Expectation& expectation_of(Label& label, const std::string& key) {
  const auto space = key.find(' ');
  const std::string object = space == std::string::npos ? std::string() : key.substr(space + 1);
  const auto found = std::ranges::find(label.expectations, object, &Expectation::object);
  if (found != label.expectations.end()) return *found;
  label.expectations.push_back(
      {.object = object, .decision = {}, .verdict = {}, .rules = {}, .not_rules = {}});
  return label.expectations.back();
}

std::optional<check::FailOn> parse_fail_on(const std::string& word) {
  if (word == "unproven") return check::FailOn::kUnproven;
  if (word == "warning") return check::FailOn::kWarning;
  return std::nullopt;
}

void add_expected(Label& label, const std::string& key, const std::vector<std::string>& words,
                  std::vector<std::string>& mistakes) {
  Expectation& expected = expectation_of(label, key);
  if (words.size() < 2 || !expected.decision.empty()) {
    mistakes.push_back("\"" + key + "\" is given once, as: DECISION VERDICT RULE...");
    return;
  }
  expected.decision = words[0];
  expected.verdict = words[1];
  expected.rules.assign(words.begin() + 2, words.end());
}

void add_line(Label& label, const std::string& key, const std::string& value,
              std::vector<std::string>& mistakes) {
  const std::vector<std::string> words = words_of(value);
  if (key == "case") {
    label.sentence = value;
  } else if (key == "after") {
    label.after = value;
  } else if (key == "mode") {
    const auto mode = core::parse<core::Mode>(value);
    if (!mode) mistakes.push_back("mode \"" + value + "\" is none");
    label.mode = mode.value_or(label.mode);
  } else if (key == "fail-on") {
    const auto fail_on = parse_fail_on(value);
    if (!fail_on) mistakes.push_back("fail-on \"" + value + "\" is none");
    label.fail_on = fail_on.value_or(label.fail_on);
  } else if (key == "exit") {
    label.exit_code = std::stoi(value);
  } else if (key == "expect-error") {
    label.errors.push_back(value);
  } else if (is_fact(key, "expect")) {
    add_expected(label, key, words, mistakes);
  } else if (is_fact(key, "expect-no")) {
    expectation_of(label, key).not_rules = words;
  } else {
    mistakes.push_back("label \"" + key + "\" is not known");
  }
}

/// The comments that a file begins with; false: they are no label.
bool read_label(const fs::path& file, Label& label, std::vector<std::string>& mistakes) {
  static const std::regex kLine("# ([a-z-]+(?: [^ :]+)?): (.+)");
  std::istringstream text(text_of(file));
  std::string line;
  if (!std::getline(text, line) || !line.starts_with("# case: ")) return false;
  do {
    std::smatch parts;
    if (std::regex_match(line, parts, kLine)) {
      add_line(label, parts[1], parts[2], mistakes);
    } else {
      mistakes.push_back("\"" + line + "\" is no line of a label; leave a blank line below the label");
    }
  } while (std::getline(text, line) && line.starts_with("# "));
  return true;
}

void find_label(GoldenCase& golden) {
  static const std::regex kReport(R"([\w.-]+/[\w.-]+#\d+)");
  int labels = 0;
  for (const std::string& input : golden.inputs) labels += read_label(input, golden.label, golden.mistakes);
  if (labels != 1) {
    golden.mistakes.emplace_back("one of the inputs begins with the label, \"# case: ...\"");
    return;
  }
  const Label& label = golden.label;
  if (label.expectations.empty() && label.errors.empty()) {
    golden.mistakes.emplace_back("the label expects nothing");
  }
  if (!label.after.empty() && !std::regex_match(label.after, kReport)) {
    golden.mistakes.emplace_back("after: is written owner/repository#12");
  }
}

// ---- The folder

bool may_be_read(const fs::path& file) {
  const std::string ending = file.extension().string();
  return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

void sort_entry(GoldenCase& golden, const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (entry.is_directory()) {
    if (name != "cluster") golden.mistakes.push_back("folder " + name + " is none that is known");
  } else if (!may_be_read(entry.path())) {
    golden.mistakes.push_back("file " + name + " is none that is known");
  } else if (std::ranges::find(kOptionFiles, name) == kOptionFiles.end()) {
    golden.inputs.push_back(entry.path().string());
  }
}

// ---- The answer

std::string without(std::string text, const std::string& part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
  return text;
}

void drop_remedies(Json& report) {
  for (Json& object : report["objects"]) {
    for (Json& volume : object["volumes"]) {
      for (Json& finding : volume["findings"]) finding.erase("remedy");
    }
  }
}

std::string path_if_there(const GoldenCase& golden, const char* name) {
  const fs::path path = fs::path(golden.folder) / name;
  return fs::exists(path) ? path.string() : std::string();
}

// ---- The label beside the answer

int severity_of(const std::string& verdict) {
  constexpr std::array<std::string_view, 4> kWorstLast = {"not-applicable", "safe", "unproven", "unsafe"};
  return static_cast<int>(std::ranges::find(kWorstLast, verdict) - kWorstLast.begin());
}

std::string verdict_of(const Json& object) {
  std::string worst = "not-applicable";
  for (const Json& volume : object["volumes"]) {
    const std::string verdict = volume["verdict"];
    if (severity_of(verdict) > severity_of(worst)) worst = verdict;
  }
  return worst;
}

bool finds(const Json& object, const std::string& rule) {
  return std::ranges::any_of(object["volumes"], [&](const Json& volume) {
    return std::ranges::any_of(volume["findings"], [&](const Json& found) { return found["rule"] == rule; });
  });
}

void compare_object(const Expectation& expected, const Json& object, std::vector<std::string>& differ) {
  const std::string name = object["name"];
  const auto compare = [&](const char* what, const std::string& wanted, const std::string& got) {
    if (wanted == got) return;
    differ.push_back(joined({name, ": ", what, " is ", got, ", and the label expects ", wanted}));
  };
  compare("the decision", expected.decision, object["decision"]);
  compare("the verdict", expected.verdict, verdict_of(object));
  for (const std::string& rule : expected.rules) {
    if (!finds(object, rule)) differ.push_back(joined({name, ": ", rule, " is not found"}));
  }
  for (const std::string& rule : expected.not_rules) {
    if (finds(object, rule)) differ.push_back(joined({name, ": ", rule, " is found"}));
  }
}

/// Each object that is judged has its expectation, and the other way round.
void compare_objects(const Label& label, const Json& answer, std::vector<std::string>& differ) {
  const Json none = Json::array();
  const Json& objects = answer["report"].is_null() ? none : answer["report"]["objects"];
  const auto is_of = [&](const Expectation& expected, const Json& object) {
    return expected.object.empty() ? objects.size() == 1 : object["name"] == expected.object;
  };
  for (const Json& object : objects) {
    const auto expected = std::ranges::find_if(
        label.expectations, [&](const Expectation& candidate) { return is_of(candidate, object); });
    if (expected == label.expectations.end()) {
      differ.push_back(object["name"].get<std::string>() + ": the label does not say what is expected of it");
    } else {
      compare_object(*expected, object, differ);
    }
  }
  for (const Expectation& expected : label.expectations) {
    const bool judged =
        std::ranges::any_of(objects, [&](const Json& object) { return is_of(expected, object); });
    if (!judged) differ.push_back("\"" + expected.object + "\" is not judged, and the label expects it");
  }
}

int expected_exit_code(const Label& label) {
  if (label.exit_code) return *label.exit_code;
  if (!label.errors.empty()) return 2;
  const bool unsafe =
      std::ranges::find(label.expectations, "unsafe", &Expectation::verdict) != label.expectations.end();
  return unsafe ? 1 : 0;
}

}  // namespace

void PrintTo(const GoldenCase& golden, std::ostream* out) { *out << golden.name; }

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

GoldenCase read_case(const fs::path& folder) {
  GoldenCase golden;
  golden.folder = folder.string();
  golden.name = folder.parent_path().filename().string() + "/" + folder.filename().string();
  if (!fs::is_directory(folder)) {
    golden.mistakes.emplace_back("a file beside the cases; each case is a folder");
    return golden;
  }
  for (const auto& entry : fs::directory_iterator(folder)) sort_entry(golden, entry);
  std::ranges::sort(golden.inputs);
  if (golden.inputs.empty()) {
    golden.mistakes.emplace_back("there is no input");
  } else {
    find_label(golden);
  }
  return golden;
}

std::vector<GoldenCase> find_cases() {
  std::vector<GoldenCase> cases;
  for (const auto& group : fs::directory_iterator(WALGUARD_SOURCE_DIR "/tests/golden/cases")) {
    for (const auto& entry : fs::directory_iterator(group.path())) cases.push_back(read_case(entry.path()));
  }
  std::ranges::sort(cases, {}, &GoldenCase::name);
  return cases;
}

Json answer_of(const GoldenCase& golden) {
  cli::CheckOptions options;
  options.paths = golden.inputs;
  options.mode = golden.label.mode;
  options.fail_on = golden.label.fail_on;
  options.format = cli::CheckFormat::kJson;
  options.policy = path_if_there(golden, "policy.yaml");
  options.docker_info = path_if_there(golden, "docker-info.json");
  options.now = kNow;
  for (const char* name : {"evidence.yaml", "evidence.json"}) {
    if (std::string file = path_if_there(golden, name); !file.empty())
      options.evidence.push_back(std::move(file));
  }
  if (std::string folder = path_if_there(golden, "cluster"); !folder.empty()) {
    options.cluster_state.push_back(std::move(folder));
  }
  std::ostringstream out;
  std::ostringstream err;
  Json answer;
  answer["exit_code"] = cli::check(options, text::TextStyle{}, out, err);
  const std::string report = without(out.str(), golden.folder + "/");
  answer["report"] = report.empty() ? Json() : Json::parse(report);
  if (!report.empty()) drop_remedies(answer["report"]);
  answer["stderr"] = without(err.str(), golden.folder + "/");
  return answer;
}

std::vector<std::string> differences(const Label& label, const Json& answer) {
  std::vector<std::string> differ;
  compare_objects(label, answer, differ);
  const std::string messages = answer["stderr"];
  for (const std::string& error : label.errors) {
    if (messages.find(error) == std::string::npos) {
      differ.push_back(joined({"no error says \"", error, "\"; there is: ", messages}));
    }
  }
  if (label.errors.empty() && !messages.empty()) differ.push_back("an error is not expected: " + messages);
  const int wanted = expected_exit_code(label);
  const int got = answer["exit_code"];
  if (wanted != got) {
    differ.push_back("the exit code is " + std::to_string(got) + ", and the label expects " +
                     std::to_string(wanted));
  }
  return differ;
}

}  // namespace walguard::golden
