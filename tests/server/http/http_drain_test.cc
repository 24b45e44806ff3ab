#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/server/http/server_fixture.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// With POST /slow, which answers once release() is called.
class HttpDrain : public ServerTest {
 protected:
  void start_with_slow_handler() {
    start({.threads = 2}, Mode::kTls, [this](HttpServer& server) {
      server.route("POST", "/slow", [this](const HttpRequest&, HttpResponse& response) {
        entered_ = true;
        entered_.notify_all();
        released_.wait(false);
        response.body = "answered";
      });
    });
  }
  void release() {
    released_ = true;
    released_.notify_all();
  }

  std::atomic<bool> entered_ = false;
  std::atomic<bool> released_ = false;
};

TEST_F(HttpDrain, RequestsUnderWayAreAnsweredAndIdleConnectionsClosed) {
  start_with_slow_handler();
  TestClient idle = TestClient::tls(port_);
  ASSERT_EQ(idle.ask(post("/echo", "x")).status, 200);
  TestClient busy = TestClient::tls(port_);  // the other thread's
  ASSERT_TRUE(busy.send(post("/slow", "x")));
  entered_.wait(false);

  auto drained = std::async(std::launch::async, [&] { return server_->drain(seconds(20)); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_THROW(TestClient late(port_), std::system_error);
  release();
  const auto reply = busy.receive();
  EXPECT_EQ(reply.body, "answered");
  EXPECT_THAT(reply.head, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(busy.is_closed());
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(server_->stats().open_connections, 0U);
}

TEST_F(HttpDrain, ARequestHalfSentIsTakenToItsEnd) {
  start();
  TestClient idle = TestClient::tls(port_);
  TestClient client = TestClient::tls(port_);
  const std::string request = post("/echo", std::string(100'000, 'x'));
  ASSERT_TRUE(client.send(post("/echo", "x") + request.substr(0, 50'000)));
  ASSERT_EQ(client.receive().status, 200);
  auto drained = std::async(std::launch::async, [&] { return server_->drain(seconds(20)); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_EQ(client.ask(request.substr(50'000)).body.size(), 100'000U);
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(drained.get());
}

TEST_F(HttpDrain, EndsAtItsTimeoutWhenAClientDoesNot) {
  start();
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send(post("/echo", "x") + "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf"));
  ASSERT_EQ(client.receive().status, 200);
  const auto before = steady_clock::now();
  EXPECT_FALSE(server_->drain(std::chrono::milliseconds(200)));
  EXPECT_LT(steady_clock::now() - before, seconds(2));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpDrain, StalledHandshakesDoNotDelayIt) {
  start();
  TestClient stalled(port_);
  ASSERT_TRUE(eventually([&] { return server_->stats().open_connections == 1; }));
  EXPECT_TRUE(server_->drain(seconds(20)));
  EXPECT_TRUE(stalled.is_closed());
}

TEST_F(HttpDrain, ASecondDrainAndAServerNeverStartedHaveNothingToDo) {
  start();
  EXPECT_TRUE(server_->drain(seconds(1)));
  EXPECT_TRUE(server_->drain(seconds(1)));
  HttpServer unused(HttpLimits(), std::nullopt, [](std::string_view) {});
  EXPECT_TRUE(unused.drain(seconds(1)));
}

TEST_F(HttpDrain, APortInUseIsNamedWithARemedy) {
  start();
  HttpServer second(HttpLimits(), std::nullopt, [](std::string_view) {});
  const auto port = second.start("127.0.0.1", port_);
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), AllOf(HasSubstr("127.0.0.1:" + std::to_string(port_)), HasSubstr("in use"),
                                  HasSubstr("Remedy")));
  EXPECT_FALSE(second.start("no.such.host.invalid", 0));
}

}  // namespace
}  // namespace walguard::server::testing
