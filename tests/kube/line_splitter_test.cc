#include "operator/kube/line_splitter.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walguard::kube {
namespace {

using ::testing::ElementsAre;

/// What comes out when `text` comes in pieces of `size` bytes.
std::vector<std::string> lines_of(std::string_view text, std::size_t size, LineSplitter& splitter) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at += size) {
    const bool goes_on = splitter.add(text.substr(at, size), [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
    if (!goes_on) break;
  }
  return lines;
}

TEST(LineSplitter, LinesAreTheSameHoweverTheStreamIsCut) {
  for (std::size_t size = 1; size < 20; ++size) {
    LineSplitter splitter(100);
    EXPECT_THAT(lines_of("one\ntwo\n\nthree\nfo", size, splitter), ElementsAre("one", "two", "three"))
        << size;
    EXPECT_EQ(splitter.unfinished_bytes(), 2U);
  }
}

TEST(LineSplitter, ALineThatIsTooLongEndsItEvenBeforeItsNewline) {
  for (const std::size_t size : {1U, 7U, 100U}) {
    LineSplitter splitter(5);
    EXPECT_THAT(lines_of("short\ntoolong\nnever\n", size, splitter), ElementsAre("short")) << size;
    EXPECT_TRUE(splitter.is_too_long());
  }
}

TEST(LineSplitter, TheReceiverCanEndIt) {
  LineSplitter splitter(100);
  int calls = 0;
  EXPECT_FALSE(splitter.add("a\nb\n", [&](std::string_view) { return ++calls < 1; }));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(splitter.is_too_long());
}

TEST(LineSplitter, BehindEachLineAreBytesThatMayBeRead) {
  LineSplitter splitter(100);
  volatile char sum = 0;  // AddressSanitizer sees a read past the end
  EXPECT_TRUE(splitter.add("line\n", [&](std::string_view line) {
    for (std::size_t i = 0; i < kJsonPadding; ++i)
      sum = static_cast<char>(sum + line.data()[line.size() + i]);
    return true;
  }));
}

}  // namespace
}  // namespace walguard::kube
