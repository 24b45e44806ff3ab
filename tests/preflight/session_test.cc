// A session with agents that are played by the test: what a hostile or broken one may send.
#include "preflight/conductor/session.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "preflight/link/frame.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/poll.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

using ::testing::HasSubstr;

constexpr Seconds kLong{20};
constexpr Seconds kShort{0.05};
const std::string kReady = "ready " + std::to_string(kProtocolVersion) + "\n";

std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Agent A says nothing after its greeting; agent B says what the test wants.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { connect(); }
  void connect() {
    auto [ours_a, theirs_a] = socket_pair();
    auto [ours_b, theirs_b] = socket_pair();
    a_ = std::move(theirs_a);
    b_ = std::move(theirs_b);
    session_ = std::make_unique<Session>(LineChannel(std::move(ours_a)), LineChannel(std::move(ours_b)), -1);
    write(a_, kReady);
  }
  ~SessionTest() override {
    session_.reset();
    if (agent_.joinable()) agent_.join();
  }
  SessionTest(const SessionTest&) = delete;
  SessionTest& operator=(const SessionTest&) = delete;

  static void write(const UniqueFd& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void b_says(const std::string& text) { write(b_, text); }
  void b_greets() {
    b_says(kReady);
    ASSERT_TRUE(session_->await_agents(kLong));
  }
  // From now on agent B answers lines by itself, until the session ends.
  void b_answers(std::function<std::string(const Frame&)> answer) {
    agent_ = std::thread([answer = std::move(answer), channel = LineChannel(std::move(b_))]() mutable {
      while (!channel.closed()) {
        (void)wait_readable(channel.fd(), Clock::now() + std::chrono::minutes(1), -1);
        channel.receive();
        while (const auto line = channel.next_line()) {
          const auto frame = parse_frame(*line);
          const std::string reply = frame ? answer(*frame) : "";
          if (!reply.empty()) channel.send(reply);
        }
      }
    });
  }
  Failure failure_of_a_call(Seconds patience) {
    const Worker worker = session_->start_worker(Side::kB);
    const auto answer = session_->call(worker, "read", Json::object(), patience);
    EXPECT_FALSE(answer);
    return answer ? Failure{} : answer.error();
  }

  UniqueFd a_;
  UniqueFd b_;
  std::unique_ptr<Session> session_;
  std::thread agent_;
};

TEST_F(SessionTest, DoesNotBeginWithAnAgentOfAnotherProtocol) {
  b_says("ready 77\n");
  const auto greeted = session_->await_agents(kLong);
  ASSERT_FALSE(greeted);
  EXPECT_EQ(greeted.error().kind, Failure::Kind::kLost);
  EXPECT_THAT(greeted.error().what, HasSubstr("agent B speaks protocol 77"));
}

TEST_F(SessionTest, DoesNotBeginWithAnAgentThatSaysNothing) {
  const auto greeted = session_->await_agents(kShort);
  ASSERT_FALSE(greeted);
  EXPECT_THAT(greeted.error().what, HasSubstr("agent B did not start"));
}

TEST_F(SessionTest, HangsUpOnALineThatIsNoneOfOurs) {
  b_greets();
  b_says("GET / HTTP/1.1\n");
  const Failure failure = failure_of_a_call(kLong);
  EXPECT_EQ(failure.kind, Failure::Kind::kLost);
  EXPECT_THAT(failure.what, HasSubstr("agent B is gone: it sent a line that is none of ours (unknown verb)"));
}

TEST_F(SessionTest, AnAnswerThatHasComeCountsThoughNoTimeIsLeft) {
  b_greets();
  const Worker worker = session_->start_worker(Side::kB);
  const Call call = session_->send(worker, "read", Json::object());
  b_says("from 1 {\"id\":" + std::to_string(call.id) + ",\"ok\":7}\n");
  EXPECT_EQ(session_->wait(call, Seconds(0)), Json(7));
}

TEST_F(SessionTest, CallsAWorkerHungWhereItsAgentStillAnswers) {
  b_greets();
  b_answers([](const Frame& frame) {
    return frame.verb == Verb::kPing ? "pong " + std::to_string(frame.number) : std::string();
  });
  EXPECT_EQ(failure_of_a_call(kShort).kind, Failure::Kind::kHung);
}

TEST_F(SessionTest, CallsAnAgentLostThatDoesNotAnswerAtAll) {
  b_greets();
  b_says("pong 1000000\n");  // before any ping: nobody is fooled by it
  const Failure failure = failure_of_a_call(kShort);
  EXPECT_EQ(failure.kind, Failure::Kind::kLost);
  EXPECT_THAT(failure.what, HasSubstr("agent B is gone: it does not answer any more"));
  const auto start = Clock::now();
  EXPECT_EQ(failure_of_a_call(kLong).kind, Failure::Kind::kLost);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(1)) << "and is not waited for again";
}

TEST_F(SessionTest, DoesNotKeepAnswersToWhatNobodyAsked) {
  b_greets();
  const Worker worker = session_->start_worker(Side::kB);
  b_says("from 1 {\"id\":1,\"ok\":{}}\n");
  EXPECT_TRUE(session_->idle(kShort));
  const Call call = session_->send(worker, "read", Json::object());
  b_.reset();
  const auto answer = session_->wait(call, kLong);
  ASSERT_FALSE(answer) << "it was answered before it was asked";
  EXPECT_THAT(answer.error().what, HasSubstr("agent B is gone"));
}

TEST_F(SessionTest, HangsUpOnAMessageThatIsNoJsonObjectAndDoesNotCallThatAHang) {
  for (const std::string& message :
       {std::string("null"), std::string("[]"), std::string("7"), std::string("{\"id\":1,"),
        std::string("\xff\xfe"), std::string(50'000, '[')}) {
    connect();
    b_greets();
    const Worker worker = session_->start_worker(Side::kB);
    b_says("from 1 " + message + "\n");
    const auto answer = session_->call(worker, "read", Json::object(), kLong);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Failure::Kind::kLost);
    EXPECT_THAT(answer.error().what, HasSubstr("agent B is gone: it sent a message that is none of ours"));
  }
}

TEST_F(SessionTest, TakesAnyJsonForAnAnswerWithoutFallingOverIt) {
  b_greets();
  for (const char* const reply : {"{}", "{\"id\":null}", "{\"id\":\"1\"}", "{\"id\":1.5}",
                                  "{\"id\":18446744073709551615}", "{\"note\":[]}"}) {
    b_says("from 1 " + std::string(reply) + "\n");
  }
  b_says("from 1 {\"id\":1,\"error\":[]}\n");
  const Worker worker = session_->start_worker(Side::kB);
  const auto answer = session_->call(worker, "read", Json::object(), kLong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Failure::Kind::kLost);
  EXPECT_THAT(answer.error().what, HasSubstr("nonsense"));
}

TEST_F(SessionTest, HangsUpOnANoteThatIsNoneOfOurs) {
  b_greets();
  session_->on_note([](const Worker&, const Json& note) { (void)note.at("commit").get<int>(); });
  const Worker worker = session_->start_worker(Side::kB);
  b_says("from 1 {\"note\":{\"commit\":\"x\"}}\n");
  const auto answer = session_->call(worker, "read", Json::object(), kLong);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr("agent B is gone: it noted what is none of ours"));
}

TEST_F(SessionTest, HangsUpOnANumberThatFitsNoInteger) {
  b_greets();
  session_->on_note([](const Worker&, const Json& note) { (void)note.at("commit").get<std::int64_t>(); });
  const Worker worker = session_->start_worker(Side::kB);
  b_says("from 1 {\"note\":{\"commit\":41111111111111111111}}\n");
  const auto answer = session_->call(worker, "read", Json::object(), kLong);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr("agent B is gone: it sent a message that is none of ours"));
}

TEST_F(SessionTest, HangsUpOnAFloodOfNotes) {
  b_greets();
  session_->on_note([](const Worker&, const Json&) {});
  const Worker worker = session_->start_worker(Side::kB);
  agent_ = std::thread([fd = std::move(b_)] {
    // Blanks, as they are the quickest to parse.
    const std::string line = "from 1 {\"note\":0" + std::string(60'000, ' ') + "}\n";
    while (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) > 0) continue;
  });
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  // Read slowly enough, the flood stays within what a workload may say: then the missing answer ends it.
  constexpr Seconds kPatience = kLong;
  constexpr const char* kWhy = "agent B is gone";
#else
  constexpr Seconds kPatience{60};  // in which also a loaded machine reads more than that
  constexpr const char* kWhy = "agent B is gone: it says more than a workload can";
#endif
  const auto answer = session_->call(worker, "read", Json::object(), kPatience);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().what, HasSubstr(kWhy));
}

}  // namespace
}  // namespace walguard::preflight
