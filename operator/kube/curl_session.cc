#include "operator/kube/curl_session.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <curl/curl.h>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/exec_credential.h"
#include "operator/kube/http.h"

namespace walguard::kube {
namespace {

constexpr long kConnectionLifetimeSeconds = 600;  // then certificates that were replaced are read again
constexpr long kAuthorityCacheSeconds = 60;       // curl keeps a parsed authority file for a day otherwise

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

curl_blob blob_of(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
}

bool is_success(int status) { return status >= 200 && status < 300; }

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

ExchangeFailure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PROXY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return ExchangeFailure::kUnreachable;
    case CURLE_SSL_CERTPROBLEM:
      return ExchangeFailure::kCredentials;
    case CURLE_OPERATION_TIMEDOUT:
      return ExchangeFailure::kSilent;
    default:
      return ExchangeFailure::kCut;
  }
}

}  // namespace

CurlSession::CurlSession() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
  if (multi_ == nullptr || easy_ == nullptr) throw std::bad_alloc();
}

CurlSession::~CurlSession() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

void CurlSession::add_header(const std::string& line) {
  curl_slist* const longer = curl_slist_append(headers_, line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  headers_ = longer;
}

/// curl verifies the name that stands in the URL. Where another one is asked for, that name goes into the
/// URL, and CONNECT_TO and the Host field lead to the server that is meant.
void CurlSession::set_server(const ClusterConfig& cluster, const HttpRequest& request) {
  const std::string url = cluster.server + request.target;
  if (cluster.tls_server_name.empty()) {
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  } else {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
    curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS);
    const std::string server = part_of(parsed.get(), CURLUPART_HOST) + ":" +
                               part_of(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    curl_url_set(parsed.get(), CURLUPART_HOST, cluster.tls_server_name.c_str(), 0);
    connect_to_ = curl_slist_append(nullptr, ("::" + server).c_str());
    curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
    add_header("Host: " + server);
    curl_easy_setopt(easy_, CURLOPT_URL, part_of(parsed.get(), CURLUPART_URL).c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  if (!cluster.unix_socket.empty()) {
    curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, cluster.unix_socket.c_str());
    curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
    return;
  }
  if (!cluster.proxy_url.empty()) {
    // In a kubeconfig socks5 leaves the name look-up to the proxy, which curl calls socks5h.
    const bool socks = cluster.proxy_url.starts_with("socks5://");
    const std::string proxy = socks ? "socks5h" + cluster.proxy_url.substr(6) : cluster.proxy_url;
    curl_easy_setopt(easy_, CURLOPT_PROXY, proxy.c_str());
    curl_easy_setopt(easy_, CURLOPT_NOPROXY, "");
  }
}

void CurlSession::set_tls(const ClusterConfig& cluster, const Credential& credential) {
  const Pem& authority = cluster.certificate_authority;
  if (!authority.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);  // else the system's authorities are trusted beside it
    curl_easy_setopt(easy_, CURLOPT_CAINFO, authority.file.empty() ? nullptr : authority.file.c_str());
  }
  if (!authority.data.empty()) {
    const curl_blob blob = blob_of(authority.data);
    curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
  }
  curl_easy_setopt(easy_, CURLOPT_CA_CACHE_TIMEOUT, kAuthorityCacheSeconds);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, cluster.insecure_skip_tls_verify ? 0L : 1L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, cluster.insecure_skip_tls_verify ? 0L : 2L);

  const auto set_pem = [this](const Pem& pem, CURLoption by_file, CURLoption by_value) {
    const curl_blob blob = blob_of(pem.data);
    if (!pem.file.empty()) curl_easy_setopt(easy_, by_file, pem.file.c_str());
    if (!pem.data.empty()) curl_easy_setopt(easy_, by_value, &blob);
  };
  set_pem(credential.client_certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
  set_pem(credential.client_key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
}

void CurlSession::set_request(const HttpRequest& request, const Credential& credential,
                              const CurlTransportOptions& options) {
  add_header("Accept: application/json");
  add_header("Expect:");  // no waiting for 100 Continue before a large body
  if (!credential.bearer_token.empty()) add_header("Authorization: Bearer " + credential.bearer_token);
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty()) {
    add_header("Content-Type: " + request.content_type);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(
      easy_, CURLOPT_HTTP_VERSION,
      options.http_version == HttpVersion::kOnePointOne ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS,
                   request.deadline ? static_cast<long>(request.deadline->count()) : 0L);
  curl_easy_setopt(easy_, CURLOPT_MAXLIFETIME_CONN, kConnectionLifetimeSeconds);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM for time-outs: we have threads
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlSession::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlSession::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
}

std::size_t CurlSession::on_header(char* data, std::size_t size, std::size_t count, void* session) {
  auto& self = *static_cast<CurlSession*>(session);
  try {
    self.take_header({data, size * count});
    return size * count;
  } catch (...) {
    self.thrown_ = std::current_exception();
    return 0;  // curl ends the exchange
  }
}

void CurlSession::take_header(std::string_view line) {
  last_byte_ = Clock::now();
  if (line == "\r\n" && request_->on_begin) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (is_success(static_cast<int>(status))) request_->on_begin();
    last_byte_ = Clock::now();  // it may have taken its time
  }
  constexpr std::string_view kRetryAfter = "retry-after:";
  const bool is_retry_after =
      std::ranges::equal(line.substr(0, kRetryAfter.size()), kRetryAfter, {}, lower_case);
  if (!is_retry_after) return;
  line.remove_prefix(std::min(line.find_first_not_of(' ', kRetryAfter.size()), line.size()));
  std::uint32_t seconds = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), seconds).ec == std::errc()) {
    reply_.retry_after = std::chrono::seconds(seconds);
  }
}

std::size_t CurlSession::on_body(char* data, std::size_t size, std::size_t count, void* session) {
  auto& self = *static_cast<CurlSession*>(session);
  const std::size_t bytes = size * count;
  try {
    return self.take_body({data, bytes}) ? bytes : CURL_WRITEFUNC_ERROR;
  } catch (...) {
    self.thrown_ = std::current_exception();  // not through curl's C frames
    return CURL_WRITEFUNC_ERROR;
  }
}

bool CurlSession::take_body(std::string_view piece) {
  last_byte_ = Clock::now();
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (*sink_ && is_success(static_cast<int>(status))) {
    if ((*sink_)(piece)) return true;
    own_error_ = TransportError{ExchangeFailure::kStopped, "the reader of the answer ended it"};
    return false;
  }
  if (reply_.body.size() + piece.size() > request_->largest_body) {
    own_error_ =
        TransportError{ExchangeFailure::kTooLarge,
                       "the answer is longer than " + std::to_string(request_->largest_body) + " bytes"};
    return false;
  }
  reply_.body.append(piece);
  return true;
}

/// nullopt: the reply is whole.
std::optional<TransportError> CurlSession::drive(const HttpRequest& request, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_); });
  last_byte_ = Clock::now();
  while (true) {
    if (stop.stop_requested()) return TransportError{ExchangeFailure::kStopped, "stopped"};
    int running = 0;
    curl_multi_perform(multi_, &running);
    int waiting = 0;
    if (const CURLMsg* const message = curl_multi_info_read(multi_, &waiting)) {
      if (message->data.result == CURLE_OK) return std::nullopt;
      return error_of(message->data.result);
    }
    const auto left = last_byte_ + request.silence - Clock::now();
    if (left <= Clock::duration::zero()) {
      return TransportError{ExchangeFailure::kSilent,
                            "no byte from the server for " + std::to_string(request.silence.count()) + " ms"};
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left);
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000)),
                    nullptr);
  }
}

TransportError CurlSession::error_of(CURLcode code) const {
  if (own_error_) return *own_error_;
  return {failure_of(code), error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code)};
}

tl::expected<HttpReply, TransportError> CurlSession::exchange(
    const ClusterConfig& cluster, const CurlTransportOptions& options, const Credential& credential,
    const HttpRequest& request, const BodySink& sink, const std::stop_token& stop) {
  curl_easy_reset(easy_);  // keeps the connections
  request_ = &request;
  sink_ = &sink;
  reply_ = {};
  own_error_.reset();
  thrown_ = nullptr;
  error_text_[0] = '\0';
  set_server(cluster, request);
  set_tls(cluster, credential);
  set_request(request, credential, options);

  curl_multi_add_handle(multi_, easy_);
  auto problem = drive(request, stop);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(multi_, easy_);
  curl_slist_free_all(std::exchange(headers_, nullptr));
  curl_slist_free_all(std::exchange(connect_to_, nullptr));

  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  if (problem) return tl::unexpected(std::move(*problem));
  reply_.status = static_cast<int>(status);
  return std::move(reply_);
}

}  // namespace walguard::kube
