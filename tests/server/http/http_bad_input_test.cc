#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/server/http_limits.h"
#include "tests/server/http/server_fixture.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {
namespace {

using ::testing::HasSubstr;

using HttpBadInput = ServerTest;

constexpr const char* kChunkedHead = "POST /count HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(HttpBadInput, WhatIsNotProperHttpIsRefusedWithAReasonAndClosed) {
  struct Case {
    std::string sent;
    int status;
  };
  const std::vector<Case> cases = {
      {"complete garbage\r\n\r\n", 400},
      {std::string("\0\1\2\3\r\n\r\n", 8), 400},
      {"GET /hello HTTP/2.0\r\nHost: w\r\n\r\n", 505},
      {"GET /hello HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\nHost: w\n\n\r\n\r\n", 505},
      {"POST /echo HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
      {"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {std::string(kChunkedHead) + "not a size\r\n", 400},
      {std::string(kChunkedHead) + "3\r\nabcdef\r\n", 400},
      {post("/echo", "x", "Content-Encoding: gzip\r\n"), 415},
  };
  start();
  for (const Case& test : cases) {
    TestClient client = TestClient::tls(port_);
    const auto reply = client.ask(test.sent);
    EXPECT_EQ(reply.status, test.status) << test.sent;
    EXPECT_THAT(reply.head, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(reply.body, HasSubstr("walguard: "));
    EXPECT_TRUE(client.is_closed()) << test.sent;
  }
}

TEST_F(HttpBadInput, AnAnnouncedBodyOverTheLimitIsRefusedBeforeItIsSent) {
  start();
  TestClient client = TestClient::tls(port_);
  const std::string length = std::to_string(HttpLimits().body_bytes + 1);
  const auto reply = client.ask(
      "POST /count HTTP/1.1\r\nHost: w\r\nExpect: 100-continue\r\nContent-Length: " + length + "\r\n\r\n");
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("7340032 bytes"));
}

TEST_F(HttpBadInput, AClientThatSendsAllOfATooLongBodyFirstStillReadsTheRefusal) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send(post("/count", std::string(HttpLimits().body_bytes + 1'000'000, 'x'))));
  const auto reply = client.receive();
  EXPECT_EQ(reply.status, 413);
}

TEST_F(HttpBadInput, AChunkedBodyOverTheLimitIsRefused) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send(kChunkedHead));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  // Without an end: only the limit can end it.
  for (std::size_t sent = 0; sent <= HttpLimits().body_bytes && client.send(chunk); sent += 0x10000) {
  }
  const auto reply = client.receive();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(TestClient::tls(port_).ask(post("/echo", "alive")).body, "alive");
}

TEST_F(HttpBadInput, AHeadOverTheLimitIsRefusedHoweverItIsCutUp) {
  start();
  TestClient one_line = TestClient::tls(port_);
  ASSERT_TRUE(one_line.send("GET /hello HTTP/1.1\r\nX: " + std::string(HttpLimits().head_bytes, 'x')));
  EXPECT_EQ(one_line.receive().status, 431);

  TestClient many_lines = TestClient::tls(port_);
  ASSERT_TRUE(many_lines.send("GET /hello HTTP/1.1\r\n"));
  const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  for (std::size_t sent = 0; sent < 3 * HttpLimits().head_bytes && !many_lines.is_readable({});
       sent += line.size()) {
    if (!many_lines.send(line)) break;
  }
  EXPECT_EQ(many_lines.receive().status, 431);

  TestClient long_target = TestClient::tls(port_);
  ASSERT_TRUE(long_target.send("GET /" + std::string(HttpLimits().head_bytes, 'x')));
  EXPECT_EQ(long_target.receive().status, 431);
}

TEST_F(HttpBadInput, AnEndlessChunkExtensionIsRefused) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send(kChunkedHead));
  ASSERT_TRUE(client.send("5;" + std::string(2 * HttpLimits().head_bytes, 'x')));
  EXPECT_EQ(client.receive().status, 431);
}

}  // namespace
}  // namespace walguard::server::testing
