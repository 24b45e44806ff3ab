#include "preflight/link/handshake.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/link/token.h"

namespace walguard::preflight {
namespace {

using ::testing::HasSubstr;

const std::string kNonceC(32, 'c');
const std::string kNonceL(32, '1');
const PeerInfo kPeer = {.dir = "/data", .node = "n2"};

Token token_of(const std::string& text = "a token of some length") { return Token::from(text).value(); }

// What the listener says to its peer's `join` line, after a handshake that went well until then.
HandshakeStep answer_to_join(const std::string& line) {
  const Token token = token_of();
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  ListeningHandshake listening(token, kNonceL, std::chrono::seconds(60));
  const HandshakeStep challenge = listening.take(connecting.first_line());
  const HandshakeStep proof = connecting.take(challenge.send);
  const HandshakeStep welcome = listening.take(proof.send);
  EXPECT_EQ(connecting.take(welcome.send).problem, "");
  return listening.take(line);
}

TEST(Token, IsRefusedWhereItIsMissingOrShort) {
  EXPECT_EQ(Token::from("").error(), "is not set");
  EXPECT_EQ(Token::from(std::string(15, 'x')).error(), "has fewer than 16 characters");
  EXPECT_TRUE(Token::from(std::string(16, 'x')));
  EXPECT_FALSE(Token::from(std::string(100'000, 'x')));
}

TEST(Token, ProvesWithHmacSha256) {
  // RFC 4231, test case 3, whose key has 20 bytes.
  const Token token = token_of(std::string(20, '\xaa'));
  const std::string proof = token.prove(std::string(50, '\xdd'));
  EXPECT_EQ(proof, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_TRUE(token.is_proof(proof, std::string(50, '\xdd')));
  EXPECT_FALSE(token.is_proof(proof, "something else"));
  EXPECT_FALSE(token.is_proof("", "something else"));
  EXPECT_FALSE(token.is_proof(proof.substr(0, 63), std::string(50, '\xdd')));
}

TEST(Nonce, IsNeverTheSame) {
  EXPECT_EQ(make_nonce().size(), 32U);
  EXPECT_NE(make_nonce(), make_nonce());
}

TEST(Handshake, EndsWithBothSidesKnowingWhatTheyNeedAndTheTokenNeverSent) {
  const Token token = token_of();
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  ListeningHandshake listening(token, kNonceL, std::chrono::seconds(162));
  std::string said;
  std::string line = connecting.first_line();
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(listening.done());
    said += line + "\n";
    const HandshakeStep answer = listening.take(line);
    ASSERT_EQ(answer.problem, "");
    if (listening.done()) break;
    said += answer.send + "\n";
    const HandshakeStep next = connecting.take(answer.send);
    ASSERT_EQ(next.problem, "");
    line = next.send;
  }
  EXPECT_TRUE(listening.done());
  EXPECT_TRUE(connecting.done());
  EXPECT_EQ(listening.peer(), kPeer);
  EXPECT_EQ(connecting.run_at_most(), std::chrono::seconds(162));
  EXPECT_THAT(said, ::testing::Not(HasSubstr("a token")));
}

TEST(Handshake, OfTwoTokensIsRefusedBeforeTheListenerHasProvedAnything) {
  const Token mine = token_of();
  const Token other = token_of("another token of some length");
  ConnectingHandshake connecting(other, kNonceC, kPeer);
  ListeningHandshake listening(mine, kNonceL, std::chrono::seconds(60));
  const HandshakeStep refusal =
      listening.take(connecting.take(listening.take(connecting.first_line()).send).send);
  EXPECT_EQ(refusal.send, "refused token");
  EXPECT_EQ(refusal.problem, "has another token");
  EXPECT_EQ(connecting.take(refusal.send).problem, "has another token");
}

TEST(Handshake, TellsAListenerThatOnlyClaimsToKnowTheTokenNothing) {
  const Token token = token_of();
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  const HandshakeStep proof = connecting.take("challenge " + kNonceL);
  // Reflecting the connecting side's own proof is the best that somebody without the token can do.
  const HandshakeStep answer = connecting.take("welcome 60 " + proof.send.substr(proof.send.find(' ') + 1));
  EXPECT_EQ(answer.problem, "has another token");
  EXPECT_EQ(answer.send, "");
  EXPECT_FALSE(connecting.done());
}

TEST(Handshake, DoesNotTakeAProofOfAnEarlierOne) {
  const Token token = token_of();
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  const std::string proof = connecting.take("challenge " + std::string(32, '2')).send;
  ListeningHandshake listening(token, kNonceL, std::chrono::seconds(60));
  ASSERT_EQ(listening.take(connecting.first_line()).problem, "");
  EXPECT_EQ(listening.take(proof).problem, "has another token");
}

TEST(Handshake, OfTwoVersionsIsRefusedByName) {
  const Token token = token_of();
  for (const std::string hello : {"hello 1 0.1.0 ", "hello 2 9.9.9 "}) {
    ListeningHandshake listening(token, kNonceL, std::chrono::seconds(60));
    const HandshakeStep refusal = listening.take(hello + kNonceC);
    EXPECT_EQ(refusal.send, "refused version");
    EXPECT_THAT(refusal.problem, HasSubstr("has another version"));
  }
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  EXPECT_THAT(connecting.take("refused version").problem, HasSubstr("has another version"));
}

TEST(Handshake, OfAStrangerIsOverWithItsFirstLine) {
  const Token token = token_of();
  for (const std::string& line :
       {std::string(), std::string("GET / HTTP/1.1"), std::string("hello"), "hello x 0.1.0 " + kNonceC,
        "hello -1 0.1.0 " + kNonceC, std::string("hello 2 0.1.0 short"),
        "hello 2 " + std::string(500, '9') + " " + kNonceC, std::string("\x16\x03\x01"),
        "proof " + std::string(64, '0'), std::string("join {}")}) {
    ListeningHandshake listening(token, kNonceL, std::chrono::seconds(60));
    EXPECT_EQ(listening.take(line).problem, "is no walguard-preflight") << line;
    EXPECT_EQ(listening.take(line).send, "") << "a stranger is told nothing";
    ConnectingHandshake connecting(token, kNonceC, kPeer);
    EXPECT_NE(connecting.take(line).problem, "") << line;
  }
}

TEST(Handshake, RefusesToBeJoinedWithNonsense) {
  for (const char* const line :
       {"join", "join ", "join []", "join {", "join {}", R"(join {"dir":"/data"})",
        R"(join {"dir":7,"node":""})", R"(join {"dir":"data","node":""})",
        R"(join {"dir":"/a\u001b[2J","node":""})", R"(join {"dir":"/data","node":"n\n1"})", "ready 2"}) {
    EXPECT_NE(answer_to_join(line).problem, "") << line;
  }
  EXPECT_NE(answer_to_join(R"(join {"dir":"/)" + std::string(5000, 'd') + R"(","node":""})").problem, "");
  EXPECT_EQ(answer_to_join(R"(join {"dir":"/data","node":"","later":1})").problem, "");
}

TEST(Handshake, ShowsARefusalInPlainCharacters) {
  const Token token = token_of();
  ConnectingHandshake connecting(token, kNonceC, kPeer);
  const std::string problem = connecting.take("refused \x1b[2J" + std::string(500, 'x')).problem;
  EXPECT_THAT(problem, HasSubstr("?[2J"));
  EXPECT_LT(problem.size(), 120U);
}

}  // namespace
}  // namespace walguard::preflight
