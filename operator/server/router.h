#pragma once

#include <string>
#include <vector>

#include "operator/server/http_message.h"

namespace walguard::server {

/// Finds the handler of a request and is the one place where a handler's exception ends. Filled before the
/// server starts, then only read: respond() is thread-safe.
class Router {
 public:
  explicit Router(HttpLog log);

  void add(std::string method, std::string path, HttpHandler handler);

  /// The handler's answer, or 404, 405 or 500 with a line of text that says why.
  [[nodiscard]] HttpResponse respond(const HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::string path;
    HttpHandler handler;
  };

  [[nodiscard]] HttpResponse run(const Route& route, const HttpRequest& request) const;
  [[nodiscard]] HttpResponse no_route(const HttpRequest& request) const;

  HttpLog log_;
  std::vector<Route> routes_;
};

}  // namespace walguard::server
