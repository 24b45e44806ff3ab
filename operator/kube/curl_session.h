/// One libcurl handle and the connections it keeps. Internal to `kube`.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <curl/curl.h>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/exec_credential.h"
#include "operator/kube/http.h"

namespace walguard::kube {

struct CurlTransportOptions;

/// Used by one thread at a time.
///
/// It drives curl's multi interface rather than curl_easy_perform, as curl_multi_wakeup is the one call by
/// which another thread can end a wait (https://curl.se/libcurl/c/curl_multi_wakeup.html).
class CurlSession {
 public:
  CurlSession();
  CurlSession(const CurlSession&) = delete;
  CurlSession& operator=(const CurlSession&) = delete;
  ~CurlSession();

  /// As HttpTransport::exchange, with one credential.
  [[nodiscard]] tl::expected<HttpReply, TransportError> exchange(
      const ClusterConfig& cluster, const CurlTransportOptions& options, const Credential& credential,
      const HttpRequest& request, const BodySink& sink, const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;

  void set_server(const ClusterConfig& cluster, const HttpRequest& request);
  void set_tls(const ClusterConfig& cluster, const Credential& credential);
  void set_request(const HttpRequest& request, const Credential& credential,
                   const CurlTransportOptions& options);
  void add_header(const std::string& line);
  [[nodiscard]] std::optional<TransportError> drive(const HttpRequest& request, const std::stop_token& stop);
  [[nodiscard]] TransportError error_of(CURLcode code) const;

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* session);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* session);
  void take_header(std::string_view line);
  bool take_body(std::string_view piece);

  CURLM* const multi_;
  CURL* const easy_;

  // Of the exchange under way.
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  const HttpRequest* request_ = nullptr;
  const BodySink* sink_ = nullptr;
  HttpReply reply_;
  Clock::time_point last_byte_;
  std::optional<TransportError> own_error_;  // what made on_body end the exchange
  std::exception_ptr thrown_;
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace walguard::kube
