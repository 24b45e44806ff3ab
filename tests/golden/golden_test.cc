// Every case of tests/golden/cases; what one consists of stands in golden_case.h. WALGUARD_GOLDEN_UPDATE=1
// writes each expected.json anew, except where the answer is not what the case's label says.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/rules.h"
#include "tests/golden/golden_case.h"
#include "tests/support/files.h"

namespace walguard::golden {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<GoldenCase>& all_cases() {
  static const std::vector<GoldenCase> kCases = find_cases();
  return kCases;
}

bool updating() { return std::getenv("WALGUARD_GOLDEN_UPDATE") != nullptr; }

class Golden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Golden, IsAnsweredAsLabelled) {
  const GoldenCase& golden = GetParam();
  ASSERT_THAT(golden.mistakes, IsEmpty()) << golden.folder;
  const Json answer = answer_of(golden);
  const std::string written = answer.dump(2) + "\n";
  ASSERT_THAT(differences(golden.label, answer), IsEmpty()) << golden.label.sentence << "\n"
                                                            << golden.folder << "\n"
                                                            << written;
  const std::filesystem::path expected = std::filesystem::path(golden.folder) / "expected.json";
  if (updating()) std::ofstream(expected) << written;
  ASSERT_TRUE(std::filesystem::exists(expected)) << expected << ": WALGUARD_GOLDEN_UPDATE=1 writes it";
  EXPECT_EQ(text_of(expected), written) << golden.folder;
}

std::string test_name(const ::testing::TestParamInfo<GoldenCase>& info) {
  std::string name = info.param.name;
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(all_cases()), test_name);

TEST(GoldenCases, AreAtLeastTwoHundredAndAThirdOfThemFollowsPublicReports) {
  const std::vector<GoldenCase>& cases = all_cases();
  const auto follows_a_report = [](const GoldenCase& golden) { return !golden.label.after.empty(); };
  EXPECT_GE(cases.size(), 200U);
  EXPECT_GE(std::ranges::count_if(cases, follows_a_report) * 3, std::ssize(cases));
}

TEST(GoldenCases, ShowEachRuleThreeWays) {
  std::multiset<std::string> shown;
  for (const GoldenCase& golden : all_cases()) {
    std::set<std::string> rules;
    for (const Expectation& expected : golden.label.expectations) {
      rules.insert(expected.rules.begin(), expected.rules.end());
    }
    shown.insert(rules.begin(), rules.end());
  }
  for (const core::Rule& rule : core::rules()) {
    EXPECT_GE(shown.count(std::string(rule.id)), 3U) << rule.id;
  }
}

TEST(GoldenCases, NameNoRuleThatIsNone) {
  for (const GoldenCase& golden : all_cases()) {
    for (const Expectation& expected : golden.label.expectations) {
      for (const auto* rules : {&expected.rules, &expected.not_rules}) {
        for (const std::string& rule : *rules) {
          EXPECT_NE(core::find_rule(rule), nullptr) << golden.name << ": " << rule;
        }
      }
    }
  }
}

class BadGolden : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    walguard::testing::write_file(folder_ / name, text);
  }
  [[nodiscard]] std::vector<std::string> mistakes() const { return read_case(folder_.path()).mistakes; }

 private:
  walguard::testing::TempDir folder_;
};

TEST_F(BadGolden, AnAnswerWithoutAnInputIsAMistake) {
  write("expected.json", "{}");
  EXPECT_THAT(mistakes(), Contains(HasSubstr("no input")));
}

TEST_F(BadGolden, AFileThatNothingReadsIsAMistake) {
  write("input.yaml", "# case: it is well\n# expect: allow safe\n");
  EXPECT_THAT(mistakes(), IsEmpty());
  write("notes.txt", "not read by anything");
  EXPECT_THAT(mistakes(), Contains(HasSubstr("notes.txt")));
}

TEST_F(BadGolden, AnInputWithoutALabelOrWithAWordThatIsNoneIsAMistake) {
  write("input.yaml", "kind: Pod\n");
  EXPECT_THAT(mistakes(), Contains(HasSubstr("label")));
  write("input.yaml", "# case: a slip of the pen\n# expected: allow safe\n");
  EXPECT_THAT(mistakes(), Contains(HasSubstr("\"expected\" is not known")));
}

TEST(GoldenLabel, ToldOfAnAnswerThatItDoesNotExpectSaysInWhatItDiffers) {
  Label label;
  label.expectations = {{.object = "",
                         .decision = "deny",
                         .verdict = "unsafe",
                         .rules = {"network-filesystem"},
                         .not_rules = {}}};
  const Json answer = Json::parse(R"({"exit_code": 0, "stderr": "", "report": {"objects": [
      {"name": "web", "decision": "allow", "volumes": [{"verdict": "safe", "findings": []}]}]}})");
  EXPECT_THAT(
      differences(label, answer),
      ElementsAre("web: the decision is allow, and the label expects deny",
                  "web: the verdict is safe, and the label expects unsafe",
                  "web: network-filesystem is not found", "the exit code is 0, and the label expects 1"));
}

}  // namespace
}  // namespace walguard::golden
