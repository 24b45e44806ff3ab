/// A golden case: a folder with what `walguard check` is given, and `expected.json` with what it must answer.
///
/// `cases/GROUP/NAME/` holds
///   *.yaml, *.yml, *.json   the input, except for the names below
///   cluster/                optional: what --cluster-state is given
///   evidence.yaml or .json, policy.yaml, docker-info.json   optional: what the option of that name is given
///   expected.json           the exit code and the report, without remedies; written by the test itself
///
/// What must come out is said by a person in comments, which begin one of the inputs and are checked against
/// the answer, so that a new expected.json cannot make a wrong answer right:
///   # case: one sentence
///   # after: owner/repository#12           a public report that it follows
///   # mode: gate                           --mode
///   # fail-on: unproven                    --fail-on
///   # expect: deny unsafe network-filesystem   decision, verdict, and rules that are found
///   # expect NAME: allow safe                  the same, where several objects are judged
///   # expect-no: scale-out                     rules that are not found; likewise of NAME
///   # expect-error: line 3                     a part of the message about input that cannot be read
///   # exit: 0                              where it is not 2 with an expect-error, 1 with an unsafe, else 0
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/check/report.h"
#include "operator/core/verdict.h"

namespace walguard::golden {

using Json = nlohmann::ordered_json;

/// What the label says of one object.
struct Expectation {
  std::string object;  ///< its name; empty: the only one
  std::string decision;
  std::string verdict;  ///< the worst of its volumes; "not-applicable" where none holds a database
  std::vector<std::string> rules;
  std::vector<std::string> not_rules;
};

struct Label {
  std::string sentence;
  std::string after;  ///< "owner/repository#12"; empty: follows no report
  core::Mode mode = core::Mode::kEnforce;
  check::FailOn fail_on = check::FailOn::kUnsafe;
  std::vector<Expectation> expectations;
  std::vector<std::string> errors;
  std::optional<int> exit_code;
};

struct GoldenCase {
  std::string name;    ///< "GROUP/NAME"
  std::string folder;  ///< absolute
  std::vector<std::string> inputs;
  Label label;
  /// What is wrong with the folder or the label, and so with the test; empty: nothing.
  std::vector<std::string> mistakes;
};

/// For GoogleTest: the name.
void PrintTo(const GoldenCase& golden, std::ostream* out);

/// The whole file; empty where there is none.
[[nodiscard]] std::string text_of(const std::filesystem::path& file);

/// The case in one folder. Reads files.
[[nodiscard]] GoldenCase read_case(const std::filesystem::path& folder);

/// Every case below tests/golden/cases, sorted by name.
[[nodiscard]] std::vector<GoldenCase> find_cases();

/// Runs `walguard check -o json` within this process, at a time that is the same each time: exit_code, report
/// (null where there is none) and stderr, with paths relative to the case's folder and without remedies.
[[nodiscard]] Json answer_of(const GoldenCase& golden);

/// In what the answer differs from the label, one sentence for each; empty: in nothing.
[[nodiscard]] std::vector<std::string> differences(const Label& label, const Json& answer);

}  // namespace walguard::golden
