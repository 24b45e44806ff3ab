#include "tests/docker_engine/stub_plugin.h"

#include <cstddef>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <sched.h>
#include <unistd.h>

#include "tests/docker_engine/machine.h"

namespace walguard::docker_engine {

namespace {

using Json = nlohmann::json;

std::string from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 1, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) throw std::runtime_error("the engine sends a body that is no base64");
  const auto padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

ShownRequest read(const Json& call) {
  ShownRequest request{.method = call.value("RequestMethod", ""),
                       .uri = call.value("RequestUri", ""),
                       .content_type = {},
                       .body = {}};
  if (const auto headers = call.find("RequestHeaders"); headers != call.end() && headers->is_object()) {
    request.content_type = headers->value("Content-Type", "");
  }
  if (const auto body = call.find("RequestBody"); body != call.end() && body->is_string()) {
    request.body = from_base64(body->get<std::string>());
  }
  return request;
}

// A socket is of the network namespace of the thread that makes it.
int bind_inside(httplib::Server& server, const std::string& net) {
  const int file = ::open(net.c_str(), O_RDONLY | O_CLOEXEC);
  const bool inside = file >= 0 && ::setns(file, CLONE_NEWNET) == 0;
  if (file >= 0) ::close(file);
  return inside ? server.bind_to_any_port("127.0.0.1") : -1;
}

}  // namespace

StubPlugin::StubPlugin(const Machine& machine, const std::string& name)
    : server_(std::make_unique<httplib::Server>()) {
  server_->Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.path == "/AuthZPlugin.AuthZReq" ? answer(request.body)
                         : request.path == "/Plugin.Activate"    ? R"({"Implements":["authz"]})"
                                                                 : R"({"Allow":true})",
                         "application/vnd.docker.plugins.v1.1+json");
  });
  std::promise<int> port;
  auto bound = port.get_future();
  thread_ = std::thread([this, net = machine.name_space("net"), &port] {
    const int number = bind_inside(*server_, net);
    port.set_value(number);
    if (number > 0) server_->listen_after_bind();
  });
  const int number = bound.get();
  if (number <= 0) {
    thread_.join();
    throw std::runtime_error("the stub cannot listen inside the machine");
  }
  std::ofstream(machine.outside("/etc/docker/plugins/" + name + ".spec"))
      << "tcp://127.0.0.1:" << number << "\n";
}

StubPlugin::~StubPlugin() {
  server_->stop();
  thread_.join();
}

std::string StubPlugin::answer(const std::string& call) {
  const ShownRequest request = read(Json::parse(call));
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  return R"({"Allow":true})";
}

std::vector<ShownRequest> StubPlugin::shown(const std::string& words) const {
  const std::lock_guard lock(mutex_);
  std::vector<ShownRequest> found;
  for (const ShownRequest& request : requests_) {
    if (request.uri.find(words) != std::string::npos) found.push_back(request);
  }
  return found;
}

}  // namespace walguard::docker_engine
