#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preflight/link/frame.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

TEST(Frame, ComesBackAsItWas) {
  const std::vector<Frame> frames = {{Verb::kSpawn, 1, ""},
                                     {Verb::kKill, 22, ""},
                                     {Verb::kTo, 3, R"({"id":1,"op":"read"})"},
                                     {Verb::kReady, kProtocolVersion, ""},
                                     {Verb::kFrom, 4, R"({"note":" spaces  inside "})"},
                                     {Verb::kExit, 5, "signal SIGBUS"},
                                     {Verb::kPing, 6, ""},
                                     {Verb::kPong, 6, ""},
                                     {Verb::kDone, 0, R"({"report":{}})"}};
  for (const Frame& frame : frames) {
    const auto parsed = parse_frame(encode_frame(frame));
    ASSERT_TRUE(parsed) << encode_frame(frame) << ": " << parsed.error();
    EXPECT_EQ(*parsed, frame);
  }
}

TEST(Frame, RefusesLinesThatAreNoneOfOurs) {
  for (const char* const line : {"",
                                 " ",
                                 "spawn",
                                 "spawn ",
                                 "spawn x",
                                 "spawn -1",
                                 "spawn 1x",
                                 "spawn 1 extra",
                                 "spawn 99999999999999999999",
                                 "spawn 1000001",
                                 "to 1",
                                 "to 1 ",
                                 "from",
                                 "exit 1",
                                 "hello 1",
                                 "SPAWN 1",
                                 "ready 1 more",
                                 "ping 1 more",
                                 "done 0",
                                 "GET / HTTP/1.1"}) {
    EXPECT_FALSE(parse_frame(line)) << line;
  }
}

class LineChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    peer_ = UniqueFd(ends[1]);
    channel_ = LineChannel(UniqueFd(ends[0]));
  }
  void peer_writes(const std::string& bytes) {
    ASSERT_EQ(::write(peer_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    channel_.receive();
  }

  UniqueFd peer_;
  LineChannel channel_{UniqueFd()};
};

TEST_F(LineChannelTest, HandsOutWholeLinesHoweverTheyArrive) {
  peer_writes("one\ntw");
  EXPECT_EQ(channel_.next_line(), "one");
  EXPECT_EQ(channel_.next_line(), std::nullopt);
  peer_writes("o\n\nthree");
  EXPECT_EQ(channel_.next_line(), "two");
  EXPECT_EQ(channel_.next_line(), "");
  EXPECT_EQ(channel_.next_line(), std::nullopt);
}

TEST_F(LineChannelTest, StillHandsOutWhatCameBeforeThePeerClosed) {
  peer_writes("last words\n");
  peer_.reset();
  channel_.receive();
  EXPECT_TRUE(channel_.closed());
  EXPECT_EQ(channel_.why_closed(), "it closed the connection");
  EXPECT_EQ(channel_.next_line(), "last words");
}

TEST_F(LineChannelTest, ClosesOnALineThatIsTooLong) {
  std::thread writer([this] {
    const std::string flood(kMaxLineBytes + 70000, 'x');
    (void)::send(peer_.get(), flood.data(), flood.size(), MSG_NOSIGNAL);
  });
  while (!channel_.closed()) channel_.receive();
  EXPECT_THAT(channel_.why_closed(), ::testing::HasSubstr("a line of more than"));
  channel_ = LineChannel(UniqueFd());
  writer.join();
}

TEST_F(LineChannelTest, ClosesOnALineThatIsTooLongForAStranger) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  peer_ = UniqueFd(ends[1]);
  channel_ = LineChannel(UniqueFd(ends[0]), /*max_line_bytes=*/100);
  peer_writes(std::string(80, 'x') + "\n" + std::string(80, 'y'));
  EXPECT_EQ(channel_.next_line(), std::string(80, 'x'));
  EXPECT_FALSE(channel_.closed());
  peer_writes(std::string(30, 'y'));
  EXPECT_TRUE(channel_.closed());
}

TEST_F(LineChannelTest, HandsOutAFloodOfEmptyLinesInLinearTime) {
  constexpr std::size_t kLines = 100'000;
  std::thread writer([this] {
    const std::string flood(kLines, '\n');
    (void)::send(peer_.get(), flood.data(), flood.size(), MSG_NOSIGNAL);
    peer_.reset();
  });
  std::size_t lines = 0;
  while (!channel_.closed()) {
    channel_.receive();
    while (channel_.next_line()) ++lines;
  }
  writer.join();
  EXPECT_EQ(lines, kLines);
}

TEST_F(LineChannelTest, ThatIsHungUpForgetsWhatCame) {
  peer_writes("one\ntwo\n");
  channel_.close("enough");
  EXPECT_EQ(channel_.next_line(), std::nullopt);
  EXPECT_EQ(channel_.why_closed(), "enough");
  std::array<char, 1> byte;
  EXPECT_EQ(::read(peer_.get(), byte.data(), byte.size()), 0);
}

TEST_F(LineChannelTest, QueuesWhatThePeerDoesNotTakeAndSendsItLater) {
  const std::string line(100000, 'y');
  for (int i = 0; i < 20; ++i) channel_.send(line);
  EXPECT_GT(channel_.unsent_bytes(), 0U);
  std::size_t received = 0;
  std::array<char, 65536> bytes;
  while (received < 20 * (line.size() + 1)) {
    const ssize_t got = ::read(peer_.get(), bytes.data(), bytes.size());
    ASSERT_GT(got, 0);
    received += static_cast<std::size_t>(got);
    channel_.flush();
  }
  EXPECT_EQ(channel_.unsent_bytes(), 0U);
}

TEST_F(LineChannelTest, DropsWhatNobodyWillRead) {
  peer_.reset();
  channel_.send("hello?");
  EXPECT_EQ(channel_.unsent_bytes(), 0U);
}

}  // namespace
}  // namespace walguard::preflight
