#include "operator/server/router.h"

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "operator/server/http_message.h"

namespace walguard::server {

Router::Router(HttpLog log) : log_(std::move(log)) {}

void Router::add(std::string method, std::string path, HttpHandler handler) {
  routes_.push_back({std::move(method), std::move(path), std::move(handler)});
}

HttpResponse Router::respond(const HttpRequest& request) const {
  const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
  for (const Route& route : routes_) {
    if (route.path == request.path && route.method == method) return run(route, request);
  }
  return no_route(request);
}

HttpResponse Router::run(const Route& route, const HttpRequest& request) const {
  std::string what = "an exception that is no std::exception";
  try {
    HttpResponse response;
    route.handler(request, response);
    return response;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): said by `what` and logged below
  }
  // The client learns nothing of what is inside; the log does.
  if (log_) log_("the handler of " + route.method + " " + route.path + " failed: " + what);
  return {.status = 500, .body = "walguard: internal error, see its log\n"};
}

HttpResponse Router::no_route(const HttpRequest& request) const {
  std::string allowed;
  for (const Route& route : routes_) {
    if (route.path == request.path) allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  if (allowed.empty()) return {.status = 404, .body = "walguard: there is nothing at this path\n"};
  return {
      .status = 405, .body = "walguard: this path takes " + allowed + "\n", .headers = {{"Allow", allowed}}};
}

}  // namespace walguard::server
