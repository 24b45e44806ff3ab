#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/server/http/server_fixture.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using HttpAnswers = ServerTest;

std::string chunked(const std::string& body, std::size_t chunk) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    const std::string part = body.substr(at, chunk);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out += size + part + "\r\n";
  }
  return out + "0\r\n\r\n";
}

TEST_F(HttpAnswers, ManyRequestsOnOneKeptConnectionAreAnswered) {
  start();
  TestClient client = TestClient::tls(port_);
  for (int i = 0; i < 500; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 20, 'x');
    const auto reply = client.ask(post("/echo?timeout=10s", body, "Content-Type: application/json\r\n"));
    ASSERT_EQ(reply.status, 200);
    ASSERT_EQ(reply.body, body);
  }
  EXPECT_EQ(server_->stats().accepted, 1U);
  EXPECT_EQ(server_->stats().requests, 500U);
}

TEST_F(HttpAnswers, TheHandlerSeesMethodPathQueryTypeAndBody) {
  start({}, Mode::kTls, [](HttpServer& server) {
    server.route("POST", "/validate", [](const HttpRequest& request, HttpResponse& response) {
      response.status = 202;
      response.headers = {{"X-Test", "yes"}};
      response.body = std::string(request.method) + "|" + std::string(request.path) + "|" +
                      std::string(request.query) + "|" + std::string(request.content_type) + "|" +
                      std::string(request.body);
    });
  });
  const auto reply = TestClient::tls(port_).ask(
      post("/validate?timeout=3s&x=%20", "{}", "Content-Type: application/json\r\n"));
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.body, "POST|/validate|timeout=3s&x=%20|application/json|{}");
  EXPECT_THAT(reply.head, HasSubstr("HTTP/1.1 202 Accepted\r\n"));
  EXPECT_THAT(reply.head, HasSubstr("\r\nX-Test: yes\r\n"));
}

TEST_F(HttpAnswers, TheBodyIsFollowedByReadablePaddingWhateverItsLength) {
  start({}, Mode::kPlain, [](HttpServer& server) {
    server.route("POST", "/padding", [](const HttpRequest& request, HttpResponse& response) {
      // Under AddressSanitizer this read ends the test where the padding is missing.
      const char* end = request.body.data() + request.body.size();
      const volatile int sum = std::accumulate(end, end + kBodyPadding, 0);
      (void)sum;
      response.body = "read";
    });
  });
  TestClient client(port_);
  for (const std::size_t length : {0U, 1U, 15U, 16U, 4096U, 16384U, 100'000U}) {
    const std::string body(length, 'x');
    EXPECT_EQ(client.ask(post("/padding", body)).body, "read") << length;
    const std::string head = "POST /padding HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(client.ask(head + chunked(body, 1000)).body, "read") << length;
  }
}

TEST_F(HttpAnswers, ChunkedBodiesAreJoined) {
  start();
  TestClient client = TestClient::tls(port_);
  std::string body(300'000, ' ');
  std::iota(body.begin(), body.end(), '\0');
  for (const std::size_t chunk : {7U, 1000U, 65536U}) {
    const auto reply = client.ask("POST /echo HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                  chunked(body, chunk));
    EXPECT_EQ(reply.body, body) << chunk;
  }
}

TEST_F(HttpAnswers, ABodyOfExactlyTheLimitIsTaken) {
  start();
  TestClient client = TestClient::tls(port_);
  const std::string body(HttpLimits().body_bytes, 'x');
  EXPECT_EQ(client.ask(post("/count", body)).body, std::to_string(body.size()));
  const auto reply = client.ask("POST /count HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                chunked(body, 100'000));
  EXPECT_EQ(reply.body, std::to_string(body.size()));
}

TEST_F(HttpAnswers, ABodyIsAskedForWhenTheClientExpectsContinue) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(
      client.send("POST /echo HTTP/1.1\r\nHost: w\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  ASSERT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask("body").body, "body");
  EXPECT_EQ(client.ask(post("/echo", "next")).body, "next");
}

TEST_F(HttpAnswers, PipelinedRequestsAreAnsweredInOrder) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(
      client.send(post("/echo", "one") + post("/echo", "two") + "GET /hello?3 HTTP/1.1\r\nHost: w\r\n\r\n"));
  EXPECT_EQ(client.receive().body, "one");
  EXPECT_EQ(client.receive().body, "two");
  EXPECT_EQ(client.receive().body, "hello 3");
}

TEST_F(HttpAnswers, PipelinedRequestsWaitForAClientThatReadsLate) {
  start({}, Mode::kPlain);  // the client's TLS could not send and receive on two threads
  TestClient client(port_);
  const std::string body(200'000, 'x');
  constexpr int kRequests = 60;
  // The first answers fill the socket's buffers while nobody reads; what comes behind must wait, not be lost.
  const std::jthread sender([&] {
    for (int i = 0; i < kRequests; ++i) client.send(post("/echo", std::to_string(i) + body));
  });
  EXPECT_TRUE(eventually([&] { return server_->stats().requests >= 2; }));
  EXPECT_EQ(TestClient(port_).ask(post("/echo", "meanwhile")).body, "meanwhile");
  EXPECT_LT(server_->stats().requests, kRequests);
  for (int i = 0; i < kRequests; ++i) {
    const auto reply = client.receive();
    ASSERT_EQ(reply.body, std::to_string(i) + body);
  }
}

TEST_F(HttpAnswers, ARequestBehindALargeAnswerIsServedOnceThatIsTaken) {
  start({}, Mode::kTls, [](HttpServer& server) {
    server.route("GET", "/large",
                 [](const HttpRequest&, HttpResponse& response) { response.body.assign(30'000'000, 'x'); });
  });
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send("GET /large HTTP/1.1\r\nHost: w\r\n\r\n" + post("/echo", "behind it")));
  EXPECT_EQ(client.receive().body.size(), 30'000'000U);
  EXPECT_EQ(client.receive().body, "behind it");
}

TEST_F(HttpAnswers, ARequestThatComesByteByByteIsUnderstood) {
  start({}, Mode::kPlain);
  TestClient client(port_);
  for (const char byte : post("/echo", "slowly")) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.receive().body, "slowly");
}

TEST_F(HttpAnswers, Http10IsAnsweredAndClosedUnlessItAsksToKeep) {
  start();
  TestClient kept = TestClient::tls(port_);
  const auto reply = kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(reply.head, HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_EQ(kept.ask("GET /hello HTTP/1.0\r\n\r\n").body, "hello ");
  EXPECT_TRUE(kept.is_closed());
}

TEST_F(HttpAnswers, TheConnectionClosesWhenTheClientAsksForIt) {
  start();
  TestClient client = TestClient::tls(port_);
  const auto reply = client.ask(post("/echo", "bye", "Connection: close\r\n"));
  EXPECT_EQ(reply.body, "bye");
  EXPECT_THAT(reply.head, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpAnswers, AClientThatHasEndedItsSideStillGetsItsAnswer) {
  start();
  TestClient over_tls = TestClient::tls(port_);
  ASSERT_TRUE(over_tls.send(post("/echo", "over TLS")));
  over_tls.half_close();
  EXPECT_EQ(over_tls.receive().body, "over TLS");
  EXPECT_TRUE(over_tls.is_closed());

  start({}, Mode::kPlain);
  TestClient plain(port_);
  ASSERT_TRUE(plain.send(post("/echo", "plain")));
  plain.half_close();
  EXPECT_EQ(plain.receive().body, "plain");
  EXPECT_TRUE(plain.is_closed());
}

TEST_F(HttpAnswers, AnUnknownPathIs404AndAWrongMethod405WithTheRightOnes) {
  start();
  TestClient client = TestClient::tls(port_);
  EXPECT_EQ(client.ask(post("/nowhere", "x")).status, 404);
  const auto reply = client.ask("GET /echo HTTP/1.1\r\nHost: w\r\n\r\n");
  EXPECT_EQ(reply.status, 405);
  EXPECT_THAT(reply.head, HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_EQ(client.ask("BREW /hello HTTP/1.1\r\nHost: w\r\n\r\n").status, 405);
  EXPECT_EQ(client.ask(post("/echo", "still here")).body, "still here");
}

TEST_F(HttpAnswers, HeadIsTheAnswerToGetWithoutItsBody) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send("HEAD /hello?x HTTP/1.1\r\nHost: w\r\n\r\n"));
  const auto reply = client.receive(true);
  EXPECT_THAT(reply.head, HasSubstr("\r\nContent-Length: 7\r\n"));
  EXPECT_EQ(client.ask("GET /hello?y HTTP/1.1\r\nHost: w\r\n\r\n").body, "hello y");
}

TEST_F(HttpAnswers, AHandlerThatThrowsIsA500ThatTellsOnlyTheLog) {
  start();
  TestClient client = TestClient::tls(port_);
  const auto reply = client.ask(post("/throw", "x"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, Not(HasSubstr("broke")));
  EXPECT_THAT(log(), ElementsAre("the handler of POST /throw failed: the handler broke"));
  EXPECT_EQ(client.ask(post("/echo", "alive")).body, "alive");
}

TEST_F(HttpAnswers, AClientThatLeavesAmidAnAnswerDoesNotHarmTheServer) {
  for (const Mode mode : {Mode::kTls, Mode::kPlain}) {
    start({}, mode, [](HttpServer& server) {
      server.route("GET", "/large",
                   [](const HttpRequest&, HttpResponse& response) { response.body.assign(30'000'000, 'x'); });
    });
    for (int i = 0; i < 5; ++i) {
      TestClient client = mode == Mode::kTls ? TestClient::tls(port_) : TestClient(port_);
      ASSERT_TRUE(client.send("GET /large HTTP/1.1\r\nHost: w\r\n\r\n"));
      ASSERT_TRUE(client.is_readable(TestClient::kPatience));
    }
    EXPECT_TRUE(eventually([&] { return server_->stats().open_connections == 0; }));
    TestClient next = mode == Mode::kTls ? TestClient::tls(port_) : TestClient(port_);
    EXPECT_EQ(next.ask(post("/echo", "alive")).body, "alive");
  }
}

/// A child as it is between fork and exec: it holds every descriptor of this process.
class HeldOpen {
 public:
  HeldOpen() {
    if (::pipe2(end_.data(), O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe2");
    child_ = ::fork();
    if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child_ == 0) {
      ::close(end_[1]);
      char byte = 0;
      [[maybe_unused]] const auto told = ::read(end_[0], &byte, 1);
      ::_exit(0);
    }
  }
  HeldOpen(const HeldOpen&) = delete;
  HeldOpen& operator=(const HeldOpen&) = delete;
  ~HeldOpen() {
    ::close(end_[0]);
    ::close(end_[1]);
    ::waitpid(child_, nullptr, 0);
  }

 private:
  std::array<int, 2> end_{};
  pid_t child_ = -1;
};

TEST_F(HttpAnswers, AConnectionThatAChildStillHoldsOpenIsGoneForTheServer) {
  start({.threads = 1});
  TestClient leaving = TestClient::tls(port_);
  ASSERT_EQ(leaving.ask(post("/echo", "x")).status, 200);
  const HeldOpen child;
  leaving.half_close();
  ASSERT_TRUE(eventually([&] { return server_->stats().open_connections == 0; }));
  for (int i = 0; i < 20; ++i) {
    TestClient next = TestClient::tls(port_);
    EXPECT_EQ(next.ask(post("/echo", "alive")).body, "alive");
  }
}

}  // namespace
}  // namespace walguard::server::testing
