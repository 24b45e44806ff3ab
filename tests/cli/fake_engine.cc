#include "tests/cli/fake_engine.h"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "operator/server/unique_fd.h"
#include "operator/server/unix_listener.h"
#include "tests/server/http/test_client.h"

namespace walguard::cli::testing {
namespace {

constexpr int kPollMilliseconds = 10;

constexpr std::string_view kInfo = R"({"ID":"fake","OSType":"linux","OperatingSystem":"Debian GNU/Linux 12",
  "KernelVersion":"6.1.0","Driver":"overlay2","DockerRootDir":"/var/lib/docker","DefaultRuntime":"runc",
  "Runtimes":{"runc":{"path":"runc"}},"SecurityOptions":[],"ServerVersion":"20.10.24","Name":"host"})";
constexpr std::string_view kVolumes = R"({"Volumes":[{"Name":"shared","Driver":"local",
  "Mountpoint":"/var/lib/docker/volumes/shared/_data","Labels":null,"Scope":"local",
  "Options":{"type":"nfs","o":"addr=192.0.2.1,rw","device":":/export"}}],"Warnings":null})";

std::string body_of(const std::string& target) {
  const std::string path = target.substr(0, target.find('?'));
  if (path.ends_with("/info")) return std::string(kInfo);
  if (path.ends_with("/volumes")) return std::string(kVolumes);
  if (path.ends_with("/containers/json")) return "[]";
  if (path.ends_with("/version")) return R"({"Version":"20.10.24","ApiVersion":"1.41","Os":"linux"})";
  return "{}";
}

void send_all(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

/// The target of the one request that is answered on a connection; "" where none came.
std::string read_target(int connection) {
  std::string head;
  std::array<char, 4096> chunk;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(connection, chunk.data(), chunk.size(), 0);
    if (got <= 0) return "";
    head.append(chunk.data(), static_cast<std::size_t>(got));
  }
  const auto begin = head.find(' ') + 1;
  return head.substr(begin, head.find(' ', begin) - begin);
}

}  // namespace

FakeEngine::FakeEngine(const std::string& path, std::string plugin) : plugin_(std::move(plugin)) {
  auto listening = server::listen_on_path({.path = path, .group = ""});
  if (!listening) throw std::runtime_error(listening.error());
  listener_ = *std::move(listening);
  acceptor_ = std::thread([this] { accept_connections(); });
}

FakeEngine::~FakeEngine() {
  ending_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void FakeEngine::accept_connections() {
  while (!ending_) {
    pollfd waiting{.fd = listener_.socket.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMilliseconds) <= 0) continue;
    const int connection = ::accept4(listener_.socket.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) connections_.emplace_back([this, connection] { serve(connection); });
  }
}

void FakeEngine::serve(int connection) {
  const server::UniqueFd owned(connection);
  const std::string target = read_target(connection);
  if (target.empty()) return;
  if (!may(target)) return send_all(connection, answer(403, R"({"message":"authorization denied"})"));
  if (target.find("/events") == std::string::npos) return send_all(connection, answer(200, body_of(target)));
  send_all(connection,
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  pollfd client{.fd = connection, .events = POLLIN, .revents = 0};
  while (!ending_ && ::poll(&client, 1, kPollMilliseconds) == 0) {
  }
}

bool FakeEngine::may(const std::string& target) {
  server::testing::TestClient asking(plugin_);
  const std::string question = nlohmann::json({{"RequestMethod", "GET"}, {"RequestUri", target}}).dump();
  const auto reply = asking.ask(server::testing::post("/AuthZPlugin.AuthZReq", question));
  const bool allowed = reply.status == 200 && nlohmann::json::parse(reply.body).value("Allow", false);
  ++(allowed ? authorized_ : refused_);
  return allowed;
}

}  // namespace walguard::cli::testing
