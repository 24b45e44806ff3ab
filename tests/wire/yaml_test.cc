// YAML as kubectl reads it, and the traps in it.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/wire/yaml_scalar.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

using ::testing::HasSubstr;

std::string json_of(std::string_view yaml) {
  const auto documents = yaml_to_json(yaml, YamlLimits());
  if (!documents) {
    return std::to_string(documents.error().line) + ": " + documents.error().message;
  }
  std::string all;
  for (const JsonDocument& document : *documents) {
    all += document.json + "\n";
  }
  return all;
}

TEST(YamlScalar, MeansWhatItMeansToKubectl) {
  const std::vector<std::pair<std::string, std::string>> words = {{"", "null"},
                                                                  {"~", "null"},
                                                                  {"null", "null"},
                                                                  {"NULL", "null"},
                                                                  {"true", "true"},
                                                                  {"Yes", "true"},
                                                                  {"on", "true"},
                                                                  {"y", "true"},
                                                                  {"FALSE", "false"},
                                                                  {"no", "false"},
                                                                  {"off", "false"},
                                                                  {"N", "false"},
                                                                  {"0", "0"},
                                                                  {"-12", "-12"},
                                                                  {"1.5", "1.5"},
                                                                  {"1e3", "1e3"},
                                                                  {"+5", "5"},
                                                                  {"1_000", "1000"},
                                                                  {"0x1F", "31"},
                                                                  {"0X1f", "31"},
                                                                  {"0b11", "3"},
                                                                  {"010", "8"},
                                                                  {"0o17", "15"},
                                                                  {"-0x10", "-16"},
                                                                  {".5", "0.5"},
                                                                  {"089", "89"},
                                                                  {"5.", "5.0"},
                                                                  {"hello", "\"hello\""},
                                                                  {"1.2.3", "\"1.2.3\""},
                                                                  {"12:30", "\"12:30\""},
                                                                  {".inf", "\".inf\""},
                                                                  {"-.inf", "\"-.inf\""},
                                                                  {".nan", "\".nan\""},
                                                                  {"inf", "\"inf\""},
                                                                  {"nan", "\"nan\""},
                                                                  {"-", "\"-\""},
                                                                  {"+", "\"+\""},
                                                                  {".", "\".\""},
                                                                  {"0x", "\"0x\""},
                                                                  {"1e", "\"1e\""},
                                                                  {"nO", "\"nO\""},
                                                                  {"10Gi", "\"10Gi\""},
                                                                  {"a\"b", "\"a\\\"b\""},
                                                                  {"2026-01-31", "\"2026-01-31\""}};
  for (const auto& [word, json] : words) {
    EXPECT_EQ(plain_scalar_to_json(word), json) << word;
  }
}

TEST(YamlToJson, BlocksFlowsAndQuotes) {
  EXPECT_EQ(json_of("a: 1\nb: [x, 'yes', \"5\", ~]\nc: {d: on}\ne:\n- f: g\n  h: |\n    two\n    lines\n"),
            R"({"a":1,"b":["x","yes","5",null],"c":{"d":true},"e":[{"f":"g","h":"two\nlines\n"}]})"
            "\n");
  EXPECT_EQ(json_of("!!str 5"), "\"5\"\n");
}

TEST(YamlToJson, DocumentsAndEmptyOnes) {
  EXPECT_EQ(json_of("a: 1\n---\n# nothing\n---\n---\nb: 2\n...\n"), "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(json_of(""), "");
  EXPECT_EQ(json_of("# only a comment\n"), "");
}

TEST(YamlToJson, JsonIsYaml) {
  EXPECT_EQ(json_of("{\"a\":[1,2,{\"b\":\"\\u00e9\\n\"}],\n\t\"c\":null}"),
            "{\"a\":[1,2,{\"b\":\"\xC3\xA9\\n\"}],\"c\":null}\n");
}

TEST(YamlToJson, AliasesAreWrittenOut) {
  EXPECT_EQ(json_of("a: &x {k: [1]}\nb: *x\nc: [*x, *x]\nd: &y\ne: *y\n"),
            R"({"a":{"k":[1]},"b":{"k":[1]},"c":[{"k":[1]},{"k":[1]}],"d":null,"e":null})"
            "\n");
}

TEST(YamlToJson, MergeKeysGiveWayToTheMappingsOwnKeysWhereverTheyStand) {
  EXPECT_EQ(json_of("x: &x {a: 1, b: {c: 2}, \"k\\t\": [3]}\ny:\n  b: own\n  <<: *x\n  d: 4\n"),
            R"({"x":{"a":1,"b":{"c":2},"k\t":[3]},"y":{"b":"own","d":4,"a":1,"k\t":[3]}})"
            "\n");
  EXPECT_EQ(json_of("- &a {k: a, l: 1}\n- &b {k: b, m: 2}\n- <<: [*a, *b]\n- <<: {i: 1}\n"),
            R"([{"k":"a","l":1},{"k":"b","m":2},{"k":"a","l":1,"m":2},{"i":1}])"
            "\n")
      << "the earlier source wins";
  EXPECT_EQ(json_of("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n"),
            R"({"a":{"x":1},"b":{"y":2,"x":1},"c":{"y":2,"x":1}})"
            "\n");
  EXPECT_EQ(json_of("\"<<\": 1\n"), "{\"<<\":1}\n") << "quoted it is a word";
}

TEST(YamlToJson, MergedFieldsHaveTheLineOfTheMergeKey) {
  const auto documents = yaml_to_json("a: &a\n  x: 1\nb:\n  y: 2\n  <<: *a\n", YamlLimits());
  ASSERT_TRUE(documents);
  const JsonDocument& document = documents->at(0);
  EXPECT_EQ(document.line_at(document.json.rfind('1')), 5);
  EXPECT_EQ(document.line_at(document.json.find('2')), 4);
}

TEST(YamlToJson, MergesThatLeaveNothingBehindAreCountedAllTheSame) {
  std::string yaml = "a: &a {k: " + std::string(10000, 'x') + "}\nb:\n";
  for (int i = 0; i < 100; ++i) yaml += "- {<<: *a, k: 1}\n";
  const YamlLimits limits{.max_bytes = 1U << 20U, .max_expanded = 100000, .max_depth = 100};
  EXPECT_FALSE(yaml_to_json(yaml, limits)) << "each is small, what was written for it was not";
}

TEST(YamlToJson, AnAnchorInsideOfAMergedValueIsGoneAndAnEarlierOneIsNot) {
  EXPECT_EQ(json_of("a: &a 1\nb: {<<: {x: &b 2}}\nc: *a\n"), "{\"a\":1,\"b\":{\"x\":2},\"c\":1}\n");
  EXPECT_THAT(json_of("a: &a 1\nb: {<<: {x: &b 2}}\nc: *b\n"), HasSubstr("an alias inside of"));
  EXPECT_EQ(json_of("a: {<<: {x: &a 1}}\nb: &a 2\nc: {<<: {y: 3}}\nd: *a\n"),
            "{\"a\":{\"x\":1},\"b\":2,\"c\":{\"y\":3},\"d\":2}\n")
      << "the name is given again";
}

/// Minutes, were each merge key to look at each anchor.
TEST(YamlToJson, ManyAnchorsAndManyMergeKeysAreReadInOnePass) {
  constexpr int kMany = 200'000;
  std::string yaml;
  for (int i = 0; i < kMany; ++i) yaml += "- &a" + std::to_string(i) + " 1\n";
  for (int i = 0; i < kMany; ++i) yaml += "- {<<: {}}\n";
  const auto documents = yaml_to_json(yaml, YamlLimits());
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->front().lines.size(), std::size_t{2} * kMany + 1);
}

TEST(YamlToJson, WhatCouldBeMisreadIsRefusedWithItsLine) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"a: 1\nb: 2\na: 3\n", "3: the key \"a\" is given twice"},
      {"a:\n  b: 1\n  \"b\": 2\n", "3: the key \"b\" is given twice"},
      {"y:\n  <<: 5\n", "2: a merge key (<<) takes a mapping"},
      {"y:\n  <<: [{a: 1}, 5]\n", "2: a merge key (<<) takes a mapping"},
      {"y:\n  <<:\n", "2: a merge key (<<) takes a mapping"},
      {"x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", "4: the key \"<<\" is given twice"},
      {"a: 1\n[b]: 2\n", "2: a list or a mapping as a key"},
      {"a: 1\n~: 2\n", "2: a key that is empty"},
      {"a: &a b\n*a : c\n", "2: an alias as a key"},
      {"a: &a [*a]\n", "1: an alias inside of what it stands for"},
      {"a: *b\n", "1: not valid YAML"},
      {"a: !mine 5\n", "1: the tag \"!mine\" is not understood"},
      {"a: !mine [5]\n", "1: the tag \"!mine\" is not understood"},
      {"a: !!binary aGk=\n", "1: the tag \"tag:yaml.org,2002:binary\" is not understood"},
      {"a: 1\n b: 2\n", "2: not valid YAML: found a second"},
      {"a: [1, 2\n", "not valid YAML: expected a comma or the ]"},
      {"a:\n  b: 1\n c: 2\n", "3: not valid YAML: expected another key of the mapping"},
      {"a:\n\tb: 1\n", "2: not valid YAML: found a tab"},
      {"a: @b\n", "1: not valid YAML: found a character that no value begins with"},
      {"b: 1\na: \"open\n\n", "2: not valid YAML: the file ends inside of quotes"},
      {", a: 1\n", "1: not valid YAML: found a character that no value begins with"},
      {"a: - b\n", "1: not valid YAML: found a \"- \" where no list can begin"},
      {"a: 1\nno colon\n", "2: not valid YAML: expected \": \" and a value behind the key"},
      {"a: \"C:\\data\"\n", "1: not valid YAML: found a \\ in double quotes"},
      {"a: \x7f\n", "1: not valid YAML: control characters are not allowed"},
      {"a: 1\n---\n] x\n", "not valid YAML"},
      {"a: \"open", "not valid YAML"},
      {"a: 'open\n", "not valid YAML"},
      {"a: \"open\n---\nb: 1\n", "1: not valid YAML: the document ends inside of quotes"},
      {"a: 1\nb: x\x04y\n", "2: holds the control character 4"},
      {std::string("a\0b", 3), "1: holds the control character 0"},
      {"a: \xff\n", "0: not UTF-8"},
  };
  for (const auto& [yaml, message] : bad) {
    EXPECT_THAT(json_of(yaml), HasSubstr(message)) << yaml;
  }
}

TEST(YamlToJson, ABombOfAliasesIsStoppedByWhatItWouldBecome) {
  std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string name = "a" + std::to_string(i);
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb.append(name).append(": &").append(name).append(" [").append(alias);
    for (int j = 0; j < 8; ++j) {
      bomb.append(", ").append(alias);
    }
    bomb += "]\n";
  }
  EXPECT_THAT(json_of(bomb), HasSubstr("aliases expand beyond 64 MiB"));
}

TEST(YamlToJson, ABombInManySmallDocumentsIsStoppedToo) {
  std::string yaml;
  for (int i = 0; i < 40; ++i) {
    yaml += "---\na: &a " + std::string(1000, 'x') + "\nb: [*a, *a, *a]\n";
  }
  const YamlLimits limits{.max_bytes = 1U << 20U, .max_expanded = 50000, .max_depth = 100};
  EXPECT_FALSE(yaml_to_json(yaml, limits));
}

TEST(YamlToJson, DeepNestingIsRefusedHoweverItIsWritten) {
  constexpr std::size_t kDeep = 100000;
  std::string dashes;
  std::string maps;
  for (std::size_t i = 0; i < kDeep; ++i) {
    dashes += "- ";
    maps += "{a: ";
  }
  for (const std::string& yaml : {dashes, "a: " + std::string(kDeep, '['),
                                  "a: " + std::string(kDeep, '[') + std::string(kDeep, ']'), "x: " + maps}) {
    EXPECT_FALSE(yaml_to_json(yaml, YamlLimits()));
  }
  std::string ladder = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) {
    ladder += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(json_of(ladder), HasSubstr("nested deeper than 100 levels by its aliases"));
}

TEST(YamlToJson, AMillionOpenBracketsAreRefusedAtTheFirstThatIsTooMany) {
  const auto documents = yaml_to_json("a: 1\nb: " + std::string(1'000'000, '['), YamlLimits());
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().line, 2);
  EXPECT_THAT(documents.error().message, HasSubstr("nested deeper than 100 levels"));
}

TEST(YamlToJson, MoreDocumentsThanAnyFileHasAreRefused) {
  std::string yaml;
  for (int i = 0; i < 11; ++i) yaml += "---\n";
  const auto documents = yaml_to_json(yaml, {.max_documents = 10});
  ASSERT_FALSE(documents) << "empty ones count";
  EXPECT_EQ(documents.error().line, 11);
  EXPECT_THAT(documents.error().message, HasSubstr("more than 10 documents; split the file"));
}

TEST(YamlToJson, AFileBeyondTheLimitIsNotRead) {
  const YamlLimits limits{.max_bytes = 10, .max_expanded = 100, .max_depth = 100};
  const auto documents = yaml_to_json("aaaa: bbbbbbbb", limits);
  ASSERT_FALSE(documents);
  EXPECT_THAT(documents.error().message, HasSubstr("split the file"));
}

TEST(YamlToJson, EveryValueKnowsItsLine) {
  const auto documents = yaml_to_json("# first\na: 1\nb:\n  - x\n  - z\n", YamlLimits());
  ASSERT_TRUE(documents);
  const JsonDocument& document = documents->at(0);
  EXPECT_EQ(document.json, R"({"a":1,"b":["x","z"]})");
  EXPECT_EQ(document.line_at(document.json.find('1')), 2);
  EXPECT_EQ(document.line_at(document.json.find("\"x\"")), 4);
  EXPECT_EQ(document.line_at(document.json.find("\"z\"")), 5);
}

}  // namespace
}  // namespace walguard::wire
