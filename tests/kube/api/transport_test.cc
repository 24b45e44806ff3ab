// CurlTransport against real sockets.

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/http.h"
#include "tests/kube/api/fake_api.h"
#include "tests/server/http/test_certificate.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeAnswer;
using testing::FakeApi;
using testing::FakeRequest;
using testing::FakeTls;
using ::testing::HasSubstr;
using testing::LiveBody;
using ::testing::Not;
using walguard::server::testing::TestCertificate;
using walguard::testing::eventually;
using walguard::testing::replace_file;
using walguard::testing::TempDir;
using walguard::testing::write_file;

constexpr const char* kHost = "127.0.0.1";

UtcClock system_clock() {
  return [] { return std::chrono::floor<seconds>(std::chrono::system_clock::now()); };
}

std::unique_ptr<CurlTransport> transport_to(const ClusterConfig& cluster) {
  return std::make_unique<CurlTransport>(cluster, make_credential_source(cluster, system_clock()));
}

ClusterConfig config_of(const FakeApi& api) {
  ClusterConfig config;
  config.server = api.url();
  return config;
}

FakeAnswer ok(const FakeRequest& /*request*/) { return {200, "{}"}; }

FakeTls tls_of(const TestCertificate& certificate) {
  return {certificate.files().certificate, certificate.files().private_key, {}};
}

std::string read(const std::string& path) { return read_file(path).value(); }

TEST(CurlTransport, ARequestArrivesAsItIsAndItsAnswerToo) {
  FakeApi api([](const FakeRequest&) { return FakeAnswer{409, "no", {{"Retry-After", "7"}}}; });
  ClusterConfig config = config_of(api);
  config.server += "/prefix";
  config.user.token = "secret";
  HttpRequest request;
  request.method = "PATCH";
  request.target = "/api/v1/pods/a%2Fb?x=1";
  request.content_type = "application/merge-patch+json";
  request.body = std::string(2'000'000, 'b');
  const auto reply = transport_to(config)->exchange(request, {}, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 409);
  EXPECT_EQ(reply->body, "no");
  EXPECT_EQ(reply->retry_after, seconds(7));
  const FakeRequest seen = api.requests().at(0);
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/prefix/api/v1/pods/a%2Fb?x=1");
  EXPECT_EQ(seen.content_type, "application/merge-patch+json");
  EXPECT_EQ(seen.authorization, "Bearer secret");
  EXPECT_EQ(seen.body.size(), request.body.size());
}

TEST(CurlTransport, OneRequestAfterAnotherUsesTheSameConnection) {
  FakeApi api(ok);
  const auto transport = transport_to(config_of(api));
  HttpRequest post;
  post.method = "POST";
  post.body = "x";
  ASSERT_TRUE(transport->exchange({}, {}, {}));
  ASSERT_TRUE(transport->exchange(post, {}, {}));
  ASSERT_TRUE(transport->exchange({}, {}, {}));
  EXPECT_EQ(api.requests().at(0).remote_port, api.requests().at(2).remote_port);
  EXPECT_EQ(api.requests().at(2).body, "") << "nothing of an earlier request is left";
  EXPECT_EQ(api.requests().at(2).method, "GET");
}

TEST(CurlTransport, AStreamIsHandedOnPieceByPieceWhileItRuns) {
  const auto live = std::make_shared<LiveBody>();
  FakeApi api([&](const FakeRequest&) { return FakeAnswer{.live = live}; });
  std::string received;
  int pieces = 0;
  live->write("one ");
  const BodySink sink = [&](std::string_view piece) {
    received += piece;
    if (++pieces == 1) live->write("two");  // only sent once the first was here
    if (received == "one two") live->finish();
    return true;
  };
  const auto reply = transport_to(config_of(api))->exchange({}, sink, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(received, "one two");
  EXPECT_EQ(reply->body, "");
}

TEST(CurlTransport, TheBodyOfARefusalIsCollectedAndNotGivenToTheSink) {
  FakeApi api([](const FakeRequest&) { return FakeAnswer{403, "forbidden"}; });
  const auto reply = transport_to(config_of(api))->exchange({}, [](std::string_view) { return false; }, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "forbidden");
}

TEST(CurlTransport, AnotherThreadCanStopAStreamThatIsSilent) {
  using Clock = std::chrono::steady_clock;
  const auto live = std::make_shared<LiveBody>();
  FakeApi api([&](const FakeRequest&) { return FakeAnswer{.live = live}; });
  live->write("x");
  std::stop_source stop;
  std::atomic<bool> begun = false;
  Clock::time_point stopped;
  std::jthread stopper([&] {
    EXPECT_TRUE(eventually([&] { return begun.load(); }));
    std::this_thread::sleep_for(milliseconds(500));  // until no timer of curl's own is left to wake it
    stopped = Clock::now();
    stop.request_stop();
  });
  HttpRequest request;
  request.deadline.reset();
  const auto reply =
      transport_to(config_of(api))
          ->exchange(request, [&](std::string_view) { return begun = true; }, stop.get_token());
  const auto ended = Clock::now();
  stopper.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, ExchangeFailure::kStopped);
  EXPECT_LT(ended - stopped, request.silence / 2);
}

TEST(CurlTransport, AStopThatCameFirstSendsNothing) {
  FakeApi api(ok);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(transport_to(config_of(api))->exchange({}, {}, stop.get_token()).error().failure,
            ExchangeFailure::kStopped);
  EXPECT_TRUE(api.requests().empty());
}

TEST(CurlTransport, TheSinkCanEndAStreamAndWhatItThrowsComesOut) {
  FakeApi api([&](const FakeRequest&) {
    const auto live = std::make_shared<LiveBody>();
    live->write("x");
    return FakeAnswer{.live = live};
  });
  const auto transport = transport_to(config_of(api));
  EXPECT_EQ(transport->exchange({}, [](std::string_view) { return false; }, {}).error().failure,
            ExchangeFailure::kStopped);
  const BodySink throwing = [](std::string_view) -> bool { throw std::runtime_error("full"); };
  EXPECT_THROW((void)transport->exchange({}, throwing, {}), std::runtime_error);
}

TEST(CurlTransport, ACutInTheMiddleIsAnErrorNeverAShortAnswer) {
  const auto live = std::make_shared<LiveBody>();
  live->write("{\"items\":[");
  live->cut();
  FakeApi api([&](const FakeRequest&) { return FakeAnswer{.live = live}; });
  const auto reply = transport_to(config_of(api))->exchange({}, {}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, ExchangeFailure::kCut);
}

TEST(CurlTransport, SilenceEndsAnExchangeAndSlownessDoesNot) {
  const auto live = std::make_shared<LiveBody>();
  FakeApi api([&](const FakeRequest&) { return FakeAnswer{.live = live}; });
  HttpRequest request;
  request.silence = milliseconds(300);
  request.deadline.reset();
  std::string received;
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; i < 5 && !stop.stop_requested(); ++i) {
      live->write("x");
      std::this_thread::sleep_for(milliseconds(100));  // the pause is what is tested
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  const auto reply = transport_to(config_of(api))
                         ->exchange(request,
                                    [&](std::string_view piece) {
                                      received += piece;
                                      return true;
                                    },
                                    {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, ExchangeFailure::kSilent);
  EXPECT_EQ(received, "xxxxx");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(400 + 300));
}

TEST(CurlTransport, ADeadlineEndsAnExchangeThatTrickles) {
  const auto live = std::make_shared<LiveBody>();
  FakeApi api([&](const FakeRequest&) { return FakeAnswer{.live = live}; });
  HttpRequest request;
  request.deadline = milliseconds(200);
  const auto reply = transport_to(config_of(api))->exchange(request, {}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, ExchangeFailure::kSilent);
}

TEST(CurlTransport, AnAnswerThatIsTooLongIsNotKept) {
  FakeApi api([](const FakeRequest&) { return FakeAnswer{200, std::string(1000, 'x')}; });
  HttpRequest request;
  request.largest_body = 999;
  EXPECT_EQ(transport_to(config_of(api))->exchange(request, {}, {}).error().failure,
            ExchangeFailure::kTooLarge);
}

TEST(CurlTransport, AServerThatIsNotThereIsUnreachable) {
  ClusterConfig config;
  {
    FakeApi api(ok);
    config = config_of(api);
  }
  EXPECT_EQ(transport_to(config)->exchange({}, {}, {}).error().failure, ExchangeFailure::kUnreachable);
}

TEST(CurlTransport, OnlyTheConfiguredAuthorityIsTrusted) {
  const TestCertificate certificate;
  const TestCertificate other;
  certificate.renew(kHost);
  FakeApi api(ok, tls_of(certificate));
  ClusterConfig config = config_of(api);
  EXPECT_EQ(transport_to(config)->exchange({}, {}, {}).error().failure, ExchangeFailure::kUnreachable)
      << "the system's authorities do not know it";
  config.certificate_authority.file = other.files().certificate;
  EXPECT_EQ(transport_to(config)->exchange({}, {}, {}).error().failure, ExchangeFailure::kUnreachable);
  config.certificate_authority.file = certificate.files().certificate;
  EXPECT_TRUE(transport_to(config)->exchange({}, {}, {}));
  config.certificate_authority = {read(certificate.files().certificate), ""};
  EXPECT_TRUE(transport_to(config)->exchange({}, {}, {})) << "by value";
  config.certificate_authority = {};
  config.insecure_skip_tls_verify = true;
  EXPECT_TRUE(transport_to(config)->exchange({}, {}, {}));
}

TEST(CurlTransport, TheNameInTheCertificateMayBeAskedForByTlsServerName) {
  const TestCertificate certificate;
  certificate.renew("kubernetes", "DNS:kubernetes.default");
  FakeApi api(ok, tls_of(certificate));
  ClusterConfig config = config_of(api);
  config.certificate_authority.file = certificate.files().certificate;
  EXPECT_EQ(transport_to(config)->exchange({}, {}, {}).error().failure, ExchangeFailure::kUnreachable);
  config.tls_server_name = "kubernetes.default";
  const auto reply = transport_to(config)->exchange({.target = "/api?x=a%2Fb"}, {}, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(api.requests().at(0).host, "127.0.0.1:" + std::to_string(api.port()));
  EXPECT_EQ(api.requests().at(0).target, "/api?x=a%2Fb");
}

TEST(CurlTransport, AClientCertificateIsShownFromFilesAndFromValues) {
  const TestCertificate certificate;
  const TestCertificate client;
  certificate.renew(kHost);
  FakeTls tls = tls_of(certificate);
  tls.client_authority = client.files().certificate;
  FakeApi api(ok, tls);
  ClusterConfig config = config_of(api);
  config.certificate_authority.file = certificate.files().certificate;
  EXPECT_FALSE(transport_to(config)->exchange({}, {}, {})) << "without one";
  config.user.client_certificate.file = client.files().certificate;
  config.user.client_key.file = client.files().private_key;
  EXPECT_TRUE(transport_to(config)->exchange({}, {}, {}));
  config.user.client_certificate = {read(client.files().certificate), ""};
  config.user.client_key = {read(client.files().private_key), ""};
  EXPECT_TRUE(transport_to(config)->exchange({}, {}, {}));
}

TEST(CurlTransport, AClientCertificateThatCannotBeReadIsACredentialsMatter) {
  const TestCertificate certificate;
  certificate.renew(kHost);
  FakeApi api(ok, tls_of(certificate));
  ClusterConfig config = config_of(api);
  config.certificate_authority.file = certificate.files().certificate;
  config.user.client_certificate.file = "/nonexistent.crt";
  config.user.client_key.file = "/nonexistent.key";
  EXPECT_EQ(transport_to(config)->exchange({}, {}, {}).error().failure, ExchangeFailure::kCredentials);
}

TEST(CurlTransport, AProxyIsUsedWhereOneIsConfigured) {
  FakeApi proxy([](const FakeRequest& request) { return FakeAnswer{200, "by proxy: " + request.target}; });
  ClusterConfig config;
  config.server = "http://api.example:6443";  // a name that only the proxy would look up
  config.proxy_url = proxy.url();
  const auto reply = transport_to(config)->exchange({.target = "/api"}, {}, {});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "by proxy: http://api.example:6443/api");
}

TEST(CurlTransport, ATokenFileThatRotatesIsReadForEachRequest) {
  TempDir folder;
  FakeApi api(ok);
  ClusterConfig config = config_of(api);
  config.user.token_file = folder / "token";
  const auto transport = transport_to(config);
  const auto missing = transport->exchange({}, {}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().failure, ExchangeFailure::kCredentials);
  EXPECT_THAT(missing.error().message, HasSubstr((folder / "token") + ": cannot be read"));

  write_file(folder / "token", "first\n");
  ASSERT_TRUE(transport->exchange({}, {}, {}));
  replace_file(folder / "token", "second\n");
  ASSERT_TRUE(transport->exchange({}, {}, {}));
  EXPECT_EQ(api.requests().at(0).authorization, "Bearer first");
  EXPECT_EQ(api.requests().at(1).authorization, "Bearer second");
}

TEST(CurlTransport, ATokenWithALineBreakInsideForgesNoHeader) {
  TempDir folder;
  FakeApi api(ok);
  ClusterConfig config = config_of(api);
  config.user.token_file = folder / "token";
  write_file(folder / "token", "secret\r\nX-Evil: 1\n");
  const auto reply = transport_to(config)->exchange({}, {}, {});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, Not(HasSubstr("secret")));
  EXPECT_TRUE(api.requests().empty());
}

}  // namespace
}  // namespace walguard::kube
