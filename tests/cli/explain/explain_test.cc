// What `walguard explain` says, and that docs/rules.md is what it prints.
#include "operator/cli/explain.h"

#include <cstdlib>
#include <fstream>
#include <ios>
#include <iterator>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/core/rules.h"

namespace walguard::cli {
namespace {

using ::testing::HasSubstr;

std::string explained(const std::string& rule, ExplainFormat format) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(explain(rule, format, out, err), 0) << err.str();
  return out.str();
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Explain, CoversEveryRuleInEveryForm) {
  const auto all = nlohmann::json::parse(explained("", ExplainFormat::kJson));
  const std::string overview = explained("", ExplainFormat::kText);
  const std::string page = explained("", ExplainFormat::kMarkdown);
  ASSERT_EQ(all.size(), core::rules().size());
  for (const core::Rule& rule : core::rules()) {
    const std::string id(rule.id);
    EXPECT_THAT(overview, HasSubstr(id + " "));
    EXPECT_THAT(page, HasSubstr("## " + id + "\n"));
    for (const auto format : {ExplainFormat::kText, ExplainFormat::kMarkdown, ExplainFormat::kJson}) {
      EXPECT_THAT(explained(id, format), HasSubstr(id));
    }
  }
}

TEST(Explain, ThePageInTheDocsIsWhatItPrints) {
  const std::string path = std::string(WALGUARD_SOURCE_DIR) + "/docs/rules.md";
  const std::string printed = explained("", ExplainFormat::kMarkdown);
  if (std::getenv("WALGUARD_GOLDEN_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << printed;
  EXPECT_EQ(file_text(path), printed)
      << "docs/rules.md is not what `walguard explain -o markdown` prints; WALGUARD_GOLDEN_UPDATE=1 "
         "writes it anew";
}

}  // namespace
}  // namespace walguard::cli
