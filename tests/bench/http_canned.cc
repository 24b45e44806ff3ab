// walguard's HTTP server with a canned answer and nothing behind it: what the transport alone costs. Its
// rival under the same load is httplib_canned.cc. Usage: bench_http_canned PORT CERTIFICATE KEY; ends with
// its standard input.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "tests/bench/canned_answer.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: bench_http_canned PORT CERTIFICATE KEY\n";
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
  const auto port = server.start("127.0.0.1", std::atoi(argv[1]));
  if (!port) {
    std::cerr << port.error() << '\n';
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
  }
  return server.drain(std::chrono::seconds(1)) ? 0 : 1;
}
