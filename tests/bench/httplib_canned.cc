// cpp-httplib alone with the canned answer, as its documentation sets it up but for limits that let 16
// connections live through the run. Usage: bench_httplib_canned PORT CERTIFICATE KEY; ends with its standard
// input.

#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <thread>

#include <httplib.h>

#include "tests/bench/canned_answer.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: bench_httplib_canned PORT CERTIFICATE KEY\n";
    return 2;
  }
  httplib::SSLServer server(argv[2], argv[3]);
  server.new_task_queue = [] {
    return new httplib::ThreadPool(32);
  };  // a thread for each connection it keeps
  server.set_keep_alive_max_count(std::numeric_limits<std::size_t>::max());
  server.set_tcp_nodelay(true);
  server.Post("/validate", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(walguard::bench::kCannedAnswer), "application/json");
  });
  if (!server.is_valid() || !server.bind_to_port("127.0.0.1", std::atoi(argv[1]))) {
    std::cerr << "cannot listen, or cannot use the certificate\n";
    return 1;
  }
  std::thread serving([&] { server.listen_after_bind(); });
  for (std::string line; std::getline(std::cin, line);) {
  }
  server.stop();
  serving.join();
  return 0;
}
