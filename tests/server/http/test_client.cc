#include "tests/server/http/test_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/asn1.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "operator/server/tls_identity.h"

namespace walguard::server::testing {
namespace {

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t at = head.find(kName);
  std::size_t length = 0;
  if (at != std::string_view::npos) {
    const char* digits = head.data() + at + kName.size();
    std::from_chars(digits, head.data() + head.size(), length);
  }
  return length;
}

// NOLINTNEXTLINE(misc-include-cleaner): socklen_t is of sys/socket.h
void connect_patiently(int socket, const sockaddr* address, socklen_t size) {
  const timeval patience{.tv_sec = TestClient::kPatience.count(), .tv_usec = 0};
  // NOLINTBEGIN(misc-include-cleaner): they are of sys/socket.h
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  // NOLINTEND(misc-include-cleaner)
  if (::connect(socket, address, size) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
  // OpenSSL writes with write(). Only this thread: the server's have to look after themselves.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
}

}  // namespace

TestClient::TestClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_patiently(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

TestClient::TestClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a socket: " + path);
  std::copy(path.begin(), path.end(), address.sun_path);
  connect_patiently(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

TestClient TestClient::tls(int port) {
  TestClient client(port);
  if (!client.start_tls()) throw std::system_error(errno, std::generic_category(), "TLS handshake");
  return client;
}

bool TestClient::start_tls(const TlsFiles* shown) {
  static constexpr std::array<unsigned char, 12> kProtocols{2,   'h', '2', 8,   'h', 't',
                                                            't', 'p', '/', '1', '.', '1'};
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_alpn_protos(context_.get(), kProtocols.data(), kProtocols.size());
  if (shown != nullptr) {
    SSL_CTX_use_certificate_chain_file(context_.get(), shown->certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), shown->private_key.c_str(), SSL_FILETYPE_PEM);
  }
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), socket_.get());
  return SSL_connect(ssl_.get()) == 1;
}

bool TestClient::send(std::string_view data) {
  while (!data.empty()) {
    std::size_t sent = 0;
    if (ssl_) {
      if (SSL_write_ex(ssl_.get(), data.data(), data.size(), &sent) != 1) return false;
    } else {
      const ssize_t result = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
      if (result <= 0) return false;
      sent = static_cast<std::size_t>(result);
    }
    data.remove_prefix(sent);
  }
  return true;
}

bool TestClient::fill() {
  std::array<char, 16384> chunk;
  std::size_t got = 0;
  if (ssl_) {
    if (SSL_read_ex(ssl_.get(), chunk.data(), chunk.size(), &got) != 1) return false;
  } else {
    const ssize_t result = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (result <= 0) return false;
    got = static_cast<std::size_t>(result);
  }
  buffer_.append(chunk.data(), got);
  return true;
}

Reply TestClient::receive(bool to_head_request) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  end += 4;
  Reply reply{.status = std::stoi(buffer_.substr(9, 3)), .head = buffer_.substr(0, end)};
  const std::size_t length = to_head_request ? 0 : content_length(reply.head);
  while (buffer_.size() < end + length) {
    if (!fill()) return {};
  }
  reply.body = buffer_.substr(end, length);
  buffer_.erase(0, end + length);
  return reply;
}

Reply TestClient::ask(std::string_view request) {
  if (!send(request)) return {};
  return receive();
}

bool TestClient::is_closed() {
  errno = 0;
  return buffer_.empty() && !fill() && errno != EAGAIN;
}

bool TestClient::is_readable(std::chrono::milliseconds wait) const {
  const auto end = std::chrono::steady_clock::now() + wait;
  while (buffer_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(std::max<long>(left.count(), 0))) <= 0) return false;
    if (!ssl_ || tls_has_input()) return true;
  }
  return true;
}

/// A readable socket may hold no more than a session ticket, which is nothing to a test.
bool TestClient::tls_has_input() const {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
  char byte = 0;
  std::size_t got = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
  const bool nothing = result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
  ::fcntl(socket_.get(), F_SETFL, flags);
  return !nothing;
}

void TestClient::half_close() {
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(socket_.get(), SHUT_WR);
}

std::string TestClient::server_name() const {
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
  std::array<char, 100> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name.data(), name.size());
  return name.data();
}

std::string TestClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string post(std::string_view target, std::string_view body, std::string_view more_headers) {
  std::string request = "POST " + std::string(target) +
                        " HTTP/1.1\r\nHost: walguard\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\n";
  request += more_headers;
  request += "\r\n";
  request += body;
  return request;
}

}  // namespace walguard::server::testing
