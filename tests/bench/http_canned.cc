// walguard's HTTP server with a canned answer and nothing behind it: what the transport alone costs. Its
// rival under the same load is httplib_canned.cc. For an API server, which wants its uid back, /admit allows
// whatever it is asked. Usage: bench_http_canned PORT CERTIFICATE KEY [ADDRESS]; ends with its standard
// input.

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/bench/canned_answer.h"

namespace {

// The first uid in a review is the request's own (field order of AdmissionRequest, admission/v1 types.go).
std::string allow(std::string_view review) {
  constexpr std::string_view kUid = "\"uid\":\"";
  const std::size_t found = review.find(kUid);
  const std::string_view rest = review.substr(found == review.npos ? review.size() : found + kUid.size());
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true,"uid":")" +
         std::string(rest.substr(0, rest.find('"'))) + "\"}}";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::cerr << "usage: bench_http_canned PORT CERTIFICATE KEY [ADDRESS]\n";
    return 2;
  }
  using walguard::server::HttpRequest;
  using walguard::server::HttpResponse;
  walguard::server::HttpServer server(
      walguard::server::HttpLimits(),
      walguard::server::TlsFiles{.certificate = argv[2], .private_key = argv[3]},
      [](std::string_view line) { std::cerr << line << '\n'; });
  server.route("POST", "/validate", [](const HttpRequest&, HttpResponse& response) {
    response.content_type = "application/json";
    response.body = walguard::bench::kCannedAnswer;
  });
  server.route("POST", "/admit", [](const HttpRequest& request, HttpResponse& response) {
    response.content_type = "application/json";
    response.body = allow(request.body);
  });
  const auto port = server.start(argc == 5 ? argv[4] : "127.0.0.1", std::atoi(argv[1]));
  if (!port) {
    std::cerr << port.error() << '\n';
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
  }
  return server.drain(std::chrono::seconds(1)) ? 0 : 1;
}
