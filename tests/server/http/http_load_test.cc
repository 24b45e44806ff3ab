#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/server/http/server_fixture.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

using HttpLoad = ServerTest;

double seconds_for(const std::function<void()>& action) {
  const auto start = steady_clock::now();
  action();
  return duration<double>(steady_clock::now() - start).count();
}

/// Sends `data` a byte at a time, until the server says something, closes, or all is sent.
void trickle(TestClient& client, std::string_view data, milliseconds pause) {
  for (const char byte : data) {
    if (!client.send({&byte, 1}) || client.is_readable(pause)) return;
  }
}

TEST_F(HttpLoad, TheNextRequestIsAnsweredWithinHalfASecondAmidIdleStalledAndTricklingConnections) {
  start();  // as shipped
  std::vector<TestClient> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(TestClient::tls(port_));
    ASSERT_EQ(idle.back().ask(post("/echo", "x")).status, 200);
  }
  std::vector<TestClient> stalled;  // TLS never starts
  stalled.reserve(50);
  for (int i = 0; i < 50; ++i) stalled.emplace_back(port_);
  std::vector<TestClient> trickling;  // half of them within TLS, half with bytes that are to be a ClientHello
  trickling.reserve(20);
  for (int i = 0; i < 20; ++i) trickling.push_back(i % 2 == 0 ? TestClient::tls(port_) : TestClient(port_));

  const std::string request = post("/echo", "x");
  const std::string_view client_hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  double slowest = 0;
  const auto measure = [&] {
    slowest =
        std::max(slowest, seconds_for([&] { EXPECT_EQ(TestClient::tls(port_).ask(request).status, 200); }));
    slowest = std::max(slowest, seconds_for([&] { EXPECT_EQ(idle.front().ask(request).status, 200); }));
  };
  for (std::size_t second = 0; second < 3; ++second) {
    for (std::size_t i = 0; i < trickling.size(); ++i) {
      ASSERT_TRUE(trickling[i].send(i % 2 == 0 ? std::string_view(request).substr(second, 1)
                                               : client_hello.substr(second, 1)));
    }
    const auto next_byte = steady_clock::now() + std::chrono::seconds(1);
    while (steady_clock::now() < next_byte) measure();
  }
  RecordProperty("slowest_milliseconds", static_cast<int>(slowest * 1000));
  EXPECT_LT(slowest, 0.5);
  EXPECT_GE(server_->stats().open_connections, 270U);
  EXPECT_LE(server_->stats().threads, 4U);
}

TEST_F(HttpLoad, OneThreadServesForEachProcessorTheProcessMayRunOn) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  const auto threads_on = [&](const cpu_set_t& cpus) {
    EXPECT_EQ(::sched_setaffinity(0, sizeof cpus, &cpus), 0);
    start();
    return server_->stats().threads;
  };
  cpu_set_t first;
  CPU_ZERO(&first);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&first) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &first);
  }
  EXPECT_EQ(threads_on(first), 1U);
  EXPECT_EQ(threads_on(all), std::min<std::size_t>(static_cast<std::size_t>(CPU_COUNT(&all)), 4));
}

TEST_F(HttpLoad, SlowHandshakesHeadsAndBodiesEndAtTheDeadline) {
  constexpr milliseconds kDeadline{400};
  start({.request_deadline = kDeadline});
  TestClient stalled(port_);
  TestClient slow_head = TestClient::tls(port_);
  TestClient slow_body = TestClient::tls(port_);
  TestClient slow_hello(port_);
  const auto start_time = steady_clock::now();
  ASSERT_TRUE(slow_body.send("POST /echo HTTP/1.1\r\nHost: w\r\nContent-Length: 100000\r\n\r\n"));
  std::thread head(
      [&] { trickle(slow_head, "GET /hello HTTP/1.1\r\nX: " + std::string(9999, 'x'), milliseconds(20)); });
  std::thread body([&] { trickle(slow_body, std::string(9999, 'x'), milliseconds(20)); });
  std::thread hello(
      [&] { trickle(slow_hello, "\x16\x03\x01\x3f" + std::string(9999, '\1'), milliseconds(20)); });
  EXPECT_TRUE(stalled.is_closed());
  hello.join();
  head.join();
  body.join();
  EXPECT_EQ(slow_head.receive().status, 408);
  EXPECT_EQ(slow_body.receive().status, 408);
  EXPECT_TRUE(slow_head.is_closed());
  EXPECT_TRUE(slow_hello.is_closed());
  const auto took = steady_clock::now() - start_time;
  EXPECT_GE(took, kDeadline);
  EXPECT_LT(took, kDeadline + milliseconds(1500));
  EXPECT_TRUE(eventually([&] { return server_->stats().open_connections == 0; }));
  EXPECT_EQ(server_->stats().deadlines_missed, 4U);
}

TEST_F(HttpLoad, TheDeadlineIsOfEachRequestNotOfTheConnection) {
  constexpr milliseconds kDeadline{300};
  start({.request_deadline = kDeadline});
  TestClient client = TestClient::tls(port_);
  const std::string request = post("/echo", "x");
  const auto end = steady_clock::now() + 3 * kDeadline;
  // Each write ends one request and begins the next, so that one is always under way.
  ASSERT_TRUE(client.send(request.substr(0, 10)));
  while (steady_clock::now() < end) {
    ASSERT_TRUE(client.send(request.substr(10) + request.substr(0, 10)));
    ASSERT_EQ(client.receive().status, 200);
  }
}

TEST_F(HttpLoad, TheDeadlineCountsFromTheFirstByteOfARequestNotFromTheWaitBeforeIt) {
  constexpr milliseconds kDeadline{300};
  start({.request_deadline = kDeadline});
  TestClient client = TestClient::tls(port_);
  const std::string request = post("/echo", "x");
  ASSERT_FALSE(client.is_readable(2 * kDeadline));  // idle for longer than a request may take
  ASSERT_TRUE(client.send(request.substr(0, 10)));
  ASSERT_FALSE(client.is_readable(kDeadline / 3));
  EXPECT_EQ(client.ask(request.substr(10)).status, 200);
}

TEST_F(HttpLoad, AClientThatDoesNotTakeItsAnswerIsCutAtTheDeadline) {
  start({.request_deadline = milliseconds(200)}, Mode::kTls, [](HttpServer& server) {
    server.route("GET", "/large",
                 [](const HttpRequest&, HttpResponse& response) { response.body.assign(30'000'000, 'x'); });
  });
  TestClient client = TestClient::tls(port_);
  ASSERT_TRUE(client.send("GET /large HTTP/1.1\r\nHost: w\r\n\r\n"));
  EXPECT_TRUE(eventually([&] { return server_->stats().deadlines_missed == 1; }));
  EXPECT_TRUE(eventually([&] { return server_->stats().open_connections == 0; }));
}

TEST_F(HttpLoad, AnIdleConnectionIsClosedInOrderAfterItsTime) {
  start({.idle_keep_alive = milliseconds(200)});
  TestClient client = TestClient::tls(port_);
  ASSERT_EQ(client.ask(post("/echo", "x")).status, 200);
  const double waited = seconds_for([&] { EXPECT_TRUE(client.is_closed()); });
  EXPECT_GE(waited, 0.15);
  EXPECT_EQ(server_->stats().deadlines_missed, 0U);
}

TEST_F(HttpLoad, AtTheConnectionLimitTheLongestIdleMakesRoom) {
  start({.max_connections = 4, .threads = 1});
  std::vector<TestClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(TestClient::tls(port_));
    ASSERT_EQ(clients.back().ask(post("/echo", "x")).status, 200);
  }
  ASSERT_EQ(clients[0].ask(post("/echo", "x")).status, 200);  // now the second is the longest idle
  EXPECT_EQ(TestClient::tls(port_).ask(post("/echo", "room")).body, "room");
  EXPECT_TRUE(clients[1].is_closed());
  for (const std::size_t alive : {0U, 2U, 3U})
    EXPECT_EQ(clients[alive].ask(post("/echo", "x")).status, 200) << alive;
  EXPECT_EQ(server_->stats().evicted, 1U);
}

TEST_F(HttpLoad, AtTheConnectionLimitStalledHandshakesDoNotKeepNewClientsOut) {
  start({.max_connections = 8, .threads = 2});
  std::vector<TestClient> stalled;
  stalled.reserve(40);
  for (int i = 0; i < 40; ++i) stalled.emplace_back(port_);
  EXPECT_EQ(TestClient::tls(port_).ask(post("/echo", "room")).body, "room");
  EXPECT_TRUE(eventually([&] { return server_->stats().open_connections <= 8; }));
}

TEST_F(HttpLoad, ASlowHandlerDoesNotHoldUpTheOtherThreads) {
  std::atomic<bool> entered = false;
  std::atomic<bool> released = false;
  start({.threads = 2}, Mode::kTls, [&](HttpServer& server) {
    server.route("POST", "/slow", [&](const HttpRequest&, HttpResponse& response) {
      entered = true;
      entered.notify_all();
      released.wait(false);
      response.body = "at last";
    });
  });
  TestClient slow = TestClient::tls(port_);
  TestClient other = TestClient::tls(port_);  // the second connection goes to the second thread
  ASSERT_TRUE(slow.send(post("/slow", "x")));
  entered.wait(false);
  EXPECT_EQ(other.ask(post("/echo", "meanwhile")).body, "meanwhile");
  released = true;
  released.notify_all();
  EXPECT_EQ(slow.receive().body, "at last");
}

TEST_F(HttpLoad, ManyClientsAtOnceEachGetTheirOwnAnswers) {
  start();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int connection = 0; connection < 3; ++connection) {
        TestClient client = TestClient::tls(port_);
        for (int i = 0; i < 100; ++i) {
          const std::string body = std::to_string(t) + "/" + std::to_string(i) +
                                   std::string(static_cast<std::size_t>(i) * 37, 'x');
          const auto reply = client.ask(post("/echo", body));
          if (reply.body != body) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace walguard::server::testing
