#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tl/expected.hpp>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/tls_identity.h"
#include "tests/server/http/server_fixture.h"
#include "tests/server/http/test_certificate.h"
#include "tests/server/http/test_client.h"

namespace walguard::server::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using HttpTls = ServerTest;

std::string start_error(const TlsFiles& files) {
  HttpServer server(HttpLimits(), files, [](std::string_view) {});
  const auto port = server.start("127.0.0.1", 0);
  return port ? "no error" : port.error();
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST_F(HttpTls, TheProtocolAgreedOnIsHttp11EvenWhenTheClientPrefersHttp2) {
  start();
  EXPECT_EQ(TestClient::tls(port_).protocol(), "http/1.1");
}

TEST_F(HttpTls, GarbageInPlaceOfTlsIsClosed) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(client.send("\x01\x02\x03 this is no ClientHello, whatever one makes of it"));
  while (client.receive().status != 0) {
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().open_connections == 0; }));
  EXPECT_EQ(server_->stats().failed_handshakes, 1U);
  EXPECT_EQ(TestClient::tls(port_).ask(post("/echo", "alive")).body, "alive");
}

TEST_F(HttpTls, PlainHttpOnTheTlsPortIsToldSo) {
  start();
  TestClient client(port_);
  const auto reply = client.ask("GET /hello HTTP/1.1\r\nHost: w\r\n\r\n");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("HTTPS"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpTls, AServerWithoutACertificateSpeaksPlainHttp) {
  start({}, Mode::kPlain);
  TestClient client(port_);
  EXPECT_EQ(client.ask(post("/echo", "plain")).body, "plain");
  EXPECT_TRUE(server_->reload_certificate());
}

TEST_F(HttpTls, ANewCertificateIsShownFromTheReloadOnWithoutALostRequest) {
  start();
  TestClient kept = TestClient::tls(port_);
  EXPECT_EQ(kept.server_name(), "first");
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  clients.reserve(3);
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        TestClient client = TestClient::tls(port_);
        for (int n = 0; n < 5; ++n) {
          if (client.ask(post("/echo", "x")).status != 200) ++failed;
        }
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    const std::string name = "round " + std::to_string(round);
    certificate_.renew(name);
    ASSERT_TRUE(server_->reload_certificate());
    EXPECT_EQ(TestClient::tls(port_).server_name(), name);
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(kept.ask(post("/echo", "kept")).body, "kept");
}

TEST_F(HttpTls, AReloadThatFailsKeepsTheOldCertificate) {
  start();
  write(certificate_.files().certificate, "half a certificate");
  const auto reloaded = server_->reload_certificate();
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error(), HasSubstr(certificate_.files().certificate));
  EXPECT_EQ(TestClient::tls(port_).server_name(), "first");
}

TEST(TlsFiles, AMissingFileIsNamedWithTheReason) {
  const TestCertificate pair;
  std::filesystem::remove(pair.files().private_key);
  EXPECT_THAT(start_error(pair.files()),
              AllOf(HasSubstr(pair.files().private_key), HasSubstr("No such file"), HasSubstr("--tls-key")));
}

TEST(TlsFiles, AFileThatDoesNotParseIsNamed) {
  const TestCertificate pair;
  write(pair.files().certificate, "not PEM");
  EXPECT_THAT(start_error(pair.files()), AllOf(HasSubstr(pair.files().certificate),
                                               HasSubstr("no usable certificate"), HasSubstr("Remedy")));
  pair.renew("again");
  write(pair.files().private_key, "not PEM");
  EXPECT_THAT(start_error(pair.files()),
              AllOf(HasSubstr(pair.files().private_key), HasSubstr("no usable private key")));
}

TEST(TlsFiles, AKeyOfAnotherCertificateIsSaidToBe) {
  const TestCertificate pair;
  const TestCertificate other;
  EXPECT_THAT(
      start_error({.certificate = pair.files().certificate, .private_key = other.files().private_key}),
      AllOf(HasSubstr("is not the key of the certificate"), HasSubstr(pair.files().certificate)));
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TlsPem text_of(const TlsFiles& files) {
  return {.certificate = read(files.certificate),
          .private_key = read(files.private_key),
          .origin = "Secret walguard-tls"};
}

TEST(TlsText, IsShownFromWhenItIsGivenAndAnErrorKeepsTheFormerOne) {
  const TestCertificate first;
  const TestCertificate second;
  second.renew("second");
  HttpServer server(HttpLimits(), text_of(first.files()), [](std::string_view) {});
  const auto port = server.start("127.0.0.1", 0);
  ASSERT_TRUE(port) << port.error();
  EXPECT_NE(TestClient::tls(*port).server_name(), "second");
  ASSERT_TRUE(server.use_certificate(text_of(second.files())));
  EXPECT_EQ(TestClient::tls(*port).server_name(), "second");
  TlsPem broken = text_of(first.files());
  broken.certificate = "not PEM";
  EXPECT_FALSE(server.use_certificate(broken));
  EXPECT_EQ(TestClient::tls(*port).server_name(), "second");
}

TEST(TlsText, WhatCannotServeIsNamedWithItsOrigin) {
  const TestCertificate pair;
  const TestCertificate other;
  const auto error_of = [](TlsPem text) {
    HttpServer server(HttpLimits(), std::move(text), [](std::string_view) {});
    const auto port = server.start("127.0.0.1", 0);
    return port ? "no error" : port.error();
  };
  const TlsPem good = text_of(pair.files());
  TlsPem text = good;
  text.certificate = "not PEM";
  EXPECT_THAT(error_of(text), HasSubstr("Secret walguard-tls holds no usable certificate"));
  text = good;
  text.private_key = "not PEM";
  EXPECT_THAT(error_of(text), HasSubstr("Secret walguard-tls holds no usable private key"));
  text.private_key = text_of(other.files()).private_key;
  EXPECT_THAT(error_of(text), HasSubstr("Secret walguard-tls holds a key of another certificate"));
}

/// A server that trusts one self-signed certificate, which so is its own authority.
class HttpClientCertificates : public ::testing::Test {
 protected:
  HttpClientCertificates() {
    TlsFiles files = shown_.files();
    files.client_authorities = trusted_.files().certificate;
    server_ = std::make_unique<HttpServer>(HttpLimits(), files, [](std::string_view) {});
    server_->route("GET", "/hello",
                   [](const HttpRequest&, HttpResponse& response) { response.body = "hello"; });
    const auto port = server_->start("127.0.0.1", 0);
    if (!port) throw std::runtime_error(port.error());
    port_ = *port;
  }

  /// 0 where the connection was refused. With TLS 1.3 a client learns that only when it reads.
  [[nodiscard]] int status_for(const TlsFiles* certificate) const {
    TestClient client(port_);
    if (!client.start_tls(certificate)) return 0;
    return client.ask("GET /hello HTTP/1.1\r\nHost: w\r\n\r\n").status;
  }

  TestCertificate shown_;
  TestCertificate trusted_;
  TestCertificate stranger_;
  int port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpClientCertificates, OnlyAClientWithACertificateOfTheAuthoritiesIsAnswered) {
  EXPECT_EQ(status_for(&trusted_.files()), 200);
  EXPECT_EQ(status_for(nullptr), 0);
  EXPECT_EQ(status_for(&stranger_.files()), 0);
  EXPECT_EQ(server_->stats().requests, 1U);
}

TEST_F(HttpClientCertificates, AreJudgedByNewAuthoritiesFromTheReloadOn) {
  std::filesystem::copy_file(stranger_.files().certificate, trusted_.files().certificate,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(server_->reload_certificate());
  EXPECT_EQ(status_for(&stranger_.files()), 200);
  EXPECT_EQ(status_for(&trusted_.files()), 0);
}

TEST(TlsFiles, AuthoritiesThatCannotBeReadAreNamedWithTheirFlag) {
  const TestCertificate pair;
  TlsFiles files = pair.files();
  files.client_authorities = "/nonexistent/ca.pem";
  EXPECT_THAT(start_error(files), AllOf(HasSubstr("/nonexistent/ca.pem"), HasSubstr("--tls-client-ca")));
  files.client_authorities = pair.files().private_key;
  EXPECT_THAT(start_error(files),
              AllOf(HasSubstr(pair.files().private_key), HasSubstr("no usable certificate")));
}

}  // namespace
}  // namespace walguard::server::testing
