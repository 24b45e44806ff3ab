// Between two hosts: somebody who knows the token, takes part in the handshake and is no agent. Whatever he
// says, the run is inconclusive, says why, and leaves nothing on the storage.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "preflight/link/frame.h"
#include "preflight/link/line_channel.h"
#include "tests/preflight/process/program.h"
#include "tests/preflight/process/stranger.h"
#include "tests/preflight/process/two_hosts.h"

namespace walguard::testing_support {
namespace {

using Json = nlohmann::json;

const std::string kReady = "ready " + std::to_string(preflight::kProtocolVersion) + "\n";

class FalseAgent : public TwoHosts {
 protected:
  // Operation -> what is answered to it, as JSON. Whatever is not named here is answered, and for "open"
  // done, as if it had gone well.
  using Answers = std::map<std::string, std::string>;

  // Answers every call until the conductor is done with it or hangs up.
  void play_agent_b(Stranger& peer, const Answers& answers) const {
    peer.say(kReady);
    while (const auto line = peer.hear()) {
      const auto frame = preflight::parse_frame(*line);
      if (!frame || frame->verb == preflight::Verb::kDone) break;
      const std::string number = std::to_string(frame->number);
      if (frame->verb == preflight::Verb::kPing) peer.say("pong " + number + "\n");
      if (frame->verb == preflight::Verb::kKill) peer.say("exit " + number + " signal SIGKILL\n");
      if (frame->verb == preflight::Verb::kTo) {
        peer.say("from " + number + " " + reply_to(Json::parse(frame->payload), answers) + "\n");
      }
    }
    peer.hang_up();
  }

 private:
  [[nodiscard]] std::string reply_to(const Json& request, const Answers& answers) const {
    const auto op = request.at("op").get<std::string>();
    // By this file the conductor knows that both work in one directory.
    if (op == "open" && !answers.contains(op))
      std::ofstream(probe_folder(dir_.path()).value_or("/nowhere") / "wg-made-by-b");
    const auto answer = answers.find(op);
    return "{\"id\":" + request.at("id").dump() +
           ",\"ok\":" + (answer == answers.end() ? "{}" : answer->second) + "}";
  }
};

TEST_F(FalseAgent, ThatHangsUpIsInconclusive) {
  struct Case {
    std::string words;  // after it has joined; then it hangs up
    std::string why;
  };
  const std::vector<Case> cases = {{"", "agent B did not start"},
                                   {"ready 77\n", "agent B speaks protocol 77"},
                                   {kReady, "agent B is gone: it closed the connection"},
                                   {kReady + "HTTP/1.1 200 OK\n", "it sent a line that is none of ours"},
                                   {kReady + "from 99 {}\nexit 98 status 0\n", "agent B is gone"},
                                   {kReady + std::string(1'000'000, 'x'), "it sent a line of more than"}};
  for (const Case& each : cases) {
    listen();
    Stranger peer(address());
    ASSERT_TRUE(peer.join(kToken, dir_.path()));
    peer.say(each.words);
    peer.hang_up();
    expect_inconclusive(*a_, each.why);
    expect_clean();
  }
}

TEST_F(FalseAgent, ThatSaysNothingAfterItsGreetingIsInconclusive) {
  listen();
  Stranger peer(address());
  ASSERT_TRUE(peer.join(kToken, dir_.path()));
  peer.say(kReady);
  expect_inconclusive(*a_, "agent B is gone: it does not answer any more");
  expect_clean();
}

TEST_F(FalseAgent, ThatFloodsIsInconclusiveAndFillsNoMemory) {
  listen();
  Stranger peer(address());
  ASSERT_TRUE(peer.join(kToken, dir_.path()));
  std::string flood = kReady;
  for (int i = 1'000'000; i < 1'002'000; ++i)
    flood += "from 2 {\"id\":" + std::to_string(i) + ",\"junk\":\"" + std::string(400, 'x') + "\"}\n";
  std::size_t most = 0;
  while (peer.say(flood)) most = std::max(most, memory_of(a_->family()));
  expect_inconclusive(*a_, "agent B is gone");
  EXPECT_GT(most, 0U);
  EXPECT_LT(most, kMostMemory);
  expect_clean();
}

TEST_F(FalseAgent, ThatAnswersInWrongTypesIsInconclusive) {
  struct Case {
    Answers answers;
    std::string why;
  };
  const std::vector<Case> cases = {{{{"identify-mount", R"({"fstype":5})"}}, "nonsense"},
                                   {{{"inspect-dir", R"({"free_bytes":"much"})"}}, "nonsense"},
                                   {{{"verify-workspace", "5"}}, "nonsense"}};
  for (const Case& each : cases) {
    listen();
    Stranger peer(address());
    ASSERT_TRUE(peer.join(kToken, dir_.path()));
    play_agent_b(peer, each.answers);
    expect_inconclusive(*a_, each.why);
    expect_clean();
  }
}

TEST_F(FalseAgent, WhoseFileIsNotThereIsInconclusiveAndTheSideThatMissesItIsNamed) {
  listen();
  Stranger peer(address());
  ASSERT_TRUE(peer.join(kToken, "/elsewhere"));
  play_agent_b(peer, {{"open", "{}"}});
  expect_inconclusive(*a_, "DIR \"" + dir_.path().string() +
                               "\" does not show what DIR of the other host \"/elsewhere\" holds");
  expect_clean();
}

// As deep as a line is long: whoever descends into it by recursion runs out of stack. Within a check as
// before one, it says nothing of the storage.
TEST_F(FalseAgent, ThatAnswersInDeeplyNestedJsonIsInconclusive) {
  constexpr std::size_t kDepth = 130'000;
  static_assert(2 * kDepth + 100 < preflight::kMaxLineBytes);
  const std::string nested = std::string(kDepth, '[') + std::string(kDepth, ']');
  for (const std::string op : {"identify-mount", "verify-workspace", "identify"}) {
    listen();
    Stranger peer(address());
    ASSERT_TRUE(peer.join(kToken, dir_.path()));
    play_agent_b(peer, {{op, nested}});
    expect_inconclusive(*a_, "agent B is gone: it sent a message that is none of ours");
    expect_clean();
  }
}

}  // namespace
}  // namespace walguard::testing_support
