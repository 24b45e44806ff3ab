#include "tests/docker_engine/engine.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <curl/curl.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/docker_engine/machine.h"
#include "tests/preflight/process/program.h"

namespace walguard::docker_engine {

namespace {

using Json = nlohmann::json;
using testing_support::eventually;

constexpr const char* kSettings = "/etc/docker/daemon.json";
constexpr const char* kSocket = "/run/docker.sock";
constexpr const char* kGvisor = "/usr/bin/runsc";

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

std::size_t times_it_says(const std::string& log, const std::string& words) {
  std::size_t times = 0;
  for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++times;
  return times;
}

std::string end_of(const std::string& text) {
  constexpr std::size_t kShown = 3000;
  return text.size() <= kShown ? text : text.substr(text.size() - kShown);
}

/// The headers of a request, as curl wants them.
class Headers {
 public:
  explicit Headers(const ApiRequest& request) {
    add("Content-Type:" + (request.content_type.empty() ? "" : " " + request.content_type));
    if (request.chunked) add("Transfer-Encoding: chunked");
    add("Expect:");
  }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_slist_free_all(list_); }
  [[nodiscard]] curl_slist* list() const { return list_; }

 private:
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list_ = nullptr;
};

}  // namespace

Engine::Engine(const Machine& machine) : machine_(machine) { write_settings(); }

bool Engine::has_gvisor() { return std::filesystem::exists(kGvisor); }

void Engine::set_plugins(const std::vector<std::string>& names) {
  plugins_ = names;
  write_settings();
}

void Engine::set_default_runtime(const std::string& name) {
  default_runtime_ = name;
  write_settings();
}

void Engine::write_settings() const {
  Json settings = {{"bridge", "none"},
                   {"iptables", false},
                   {"ip6tables", false},
                   {"ip-forward", false},
                   {"storage-driver", "overlay2"},
                   {"cgroup-parent", machine_.cgroup()},
                   {"default-runtime", default_runtime_},
                   {"authorization-plugins", plugins_}};
  if (has_gvisor()) {
    // ptrace works on every machine.
    settings["runtimes"] = {
        {"runsc",
         {{"path", kGvisor}, {"runtimeArgs", {"--platform=ptrace", "--network=none", "--ignore-cgroups"}}}}};
  }
  std::ofstream(machine_.outside(kSettings)) << settings.dump(2);
}

void Engine::start() {
  daemon_ = machine_.start({"dockerd"});
  const auto serves = [this] {
    return !daemon_->running() || daemon_->log().find("API listen on") != std::string::npos;
  };
  if (!eventually(serves) || !daemon_->running()) {
    throw std::runtime_error("dockerd does not start: " + end_of(daemon_->log()));
  }
}

void Engine::reload() {
  constexpr const char* kReloaded = "Reloaded configuration";
  const std::size_t before = times_it_says(daemon_->log(), kReloaded);
  daemon_->signal(SIGHUP);
  if (!eventually([&] { return times_it_says(daemon_->log(), kReloaded) > before; })) {
    throw std::runtime_error("dockerd does not read its settings again: " + end_of(daemon_->log()));
  }
}

void Engine::stop() {
  if (daemon_ == nullptr) return;
  daemon_->signal(SIGTERM);
  if (!daemon_->wait(std::chrono::seconds(20))) throw std::runtime_error("dockerd does not end");
}

std::string Engine::log() const { return daemon_ == nullptr ? "" : daemon_->log(); }

void Engine::load_image() const {
  const CommandResult done =
      docker({"import", "--change", R"(CMD ["wal_app"])", WALGUARD_WAL_APP_IMAGE, kImage});
  if (!done.ok()) throw std::runtime_error("docker import: " + done.errors);
}

CommandResult Engine::docker(const std::vector<std::string>& arguments,
                             std::chrono::milliseconds deadline) const {
  std::vector<std::string> command = {"docker"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return machine_.run(command, deadline);
}

ApiAnswer Engine::api(const ApiRequest& request) const {
  ApiAnswer answer;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  const Headers headers(request);
  const std::string url = "http://docker" + request.path;
  const std::string socket = machine_.outside(kSocket);
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 100L);
  if (request.method != "GET") {
    // Also for an empty body: a POST without one announces its length.
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.list());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (curl_easy_perform(curl.get()) == CURLE_OK) {
    long status = 0;  // NOLINT(google-runtime-int): curl's own
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
  }
  return answer;
}

}  // namespace walguard::docker_engine
