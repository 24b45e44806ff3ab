#include "operator/docker/engine_api.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "operator/docker/engine_connection.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/http.h"
#include "operator/kube/line_splitter.h"
#include "operator/wire/docker_api.h"

namespace walguard::docker {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{2'000};
constexpr std::chrono::milliseconds kAnswerTimeout{10'000};
/// Past the end of a stream: what a machine under load may take to end it.
constexpr std::chrono::milliseconds kStreamSlack{5'000};
/// A list of ten thousand containers is 20 MB.
constexpr std::size_t kLargestAnswer = std::size_t{64} << 20U;
constexpr std::size_t kLongestEvent = std::size_t{1} << 20U;

constexpr int kNotFound = 404;

EngineError error_of(const kube::HttpReply& reply) {
  return {.not_found = reply.status == kNotFound,
          .message = "the engine answered " + std::to_string(reply.status) + ": " +
                     wire::read_docker_error(reply.body)};
}

bool is_success(const kube::HttpReply& reply) { return reply.status >= 200 && reply.status < 300; }

class CurlEngineApi : public EngineApi {
 public:
  explicit CurlEngineApi(const kube::ClusterConfig& engine)
      : transport_(engine, kube::make_credential_source(engine, [] { return std::chrono::sys_seconds(); }),
                   {.http_version = kube::HttpVersion::kOnePointOne, .connect_timeout = kConnectTimeout}) {}

  tl::expected<std::string, EngineError> get(const std::string& target,
                                             const std::stop_token& stop) override {
    kube::HttpRequest request;
    request.target = target;
    request.silence = kAnswerTimeout;
    request.deadline = kAnswerTimeout;
    request.largest_body = kLargestAnswer;
    auto reply = transport_.exchange(request, {}, stop);
    if (!reply) return tl::unexpected(EngineError{.message = std::move(reply.error().message)});
    if (!is_success(*reply)) return tl::unexpected(error_of(*reply));
    return std::move(reply->body);
  }

  tl::expected<void, EngineError> stream(const std::string& target, std::chrono::milliseconds longest,
                                         const std::function<void()>& on_open, const OnLine& on_line,
                                         const std::stop_token& stop) override {
    kube::HttpRequest request;
    request.target = target;
    request.deadline = longest;
    request.silence = longest + kStreamSlack;
    request.on_begin = on_open;
    kube::LineSplitter lines(kLongestEvent);
    bool ended_by_reader = false;
    const auto take = [&](std::string_view piece) {
      return lines.add(piece, [&](std::string_view line) {
        ended_by_reader = ended_by_reader || !on_line(line);
        return !ended_by_reader;
      });
    };
    const auto begun = std::chrono::steady_clock::now();
    const auto reply = transport_.exchange(request, take, stop);
    if (reply) {
      if (!is_success(*reply)) return tl::unexpected(error_of(*reply));
      return {};
    }
    const bool time_is_up = reply.error().failure == kube::ExchangeFailure::kSilent &&
                            std::chrono::steady_clock::now() - begun >= longest;
    if (time_is_up || ended_by_reader) return {};
    if (lines.is_too_long())
      return tl::unexpected(EngineError{.message = "the engine sent an event too long to read"});
    return tl::unexpected(EngineError{.message = reply.error().message});
  }

 private:
  kube::CurlTransport transport_;
};

}  // namespace

tl::expected<std::string, std::string> socket_of(const std::string& host) {
  constexpr std::string_view kUnix = "unix://";
  if (host.starts_with(kUnix) && host.size() > kUnix.size() && host[kUnix.size()] == '/') {
    return host.substr(kUnix.size());
  }
  return tl::make_unexpected("docker host \"" + host +
                             "\": expected unix:///PATH of a socket, as unix:///var/run/docker.sock; an "
                             "engine on another machine needs a walguard of its own there");
}

tl::expected<std::unique_ptr<EngineApi>, std::string> connect_engine(const std::string& host) {
  return connection_to(host).map([](const kube::ClusterConfig& engine) -> std::unique_ptr<EngineApi> {
    return std::make_unique<CurlEngineApi>(engine);
  });
}

}  // namespace walguard::docker
