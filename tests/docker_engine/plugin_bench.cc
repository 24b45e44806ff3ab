// How fast walguard's plugin answers a real engine's question about a container that shares a volume, at a
// steady rate. See scripts/bench-docker-plugin.
//
//   docker_plugin_bench WALGUARD SECONDS RATE CONTAINERS
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <ratio>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/machine.h"
#include "tests/preflight/process/program.h"

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using walguard::docker_engine::Engine;
using walguard::docker_engine::kCreate;
using walguard::docker_engine::kImage;
using walguard::docker_engine::Machine;
using walguard::testing_support::eventually;

constexpr const char* kSocket = "/run/docker/plugins/walguard.sock";
constexpr const char* kMetrics = "127.0.0.1:9469";

std::string create_body(const std::string& volume) {
  return Json{{"Image", kImage},
              {"Labels", {{"walguard.databases", "/data/app.db"}}},
              {"Cmd", {"wal_app", "hold", "/data/app.db"}},
              {"HostConfig", {{"Binds", {volume + ":/data"}}, {"NetworkMode", "none"}}}}
      .dump();
}

std::string in_base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// What the engine would send for such a request.
std::string question(const std::string& volume) {
  return Json{{"RequestMethod", "POST"},
              {"RequestUri", kCreate},
              {"RequestHeaders", {{"Content-Type", "application/json"}}},
              {"RequestBody", in_base64(create_body(volume))}}
      .dump();
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

/// One connection that is kept, as the engine keeps it.
class Asker {
 public:
  explicit Asker(std::string socket)
      : socket_(std::move(socket)), curl_(curl_easy_init(), curl_easy_cleanup) {
    curl_easy_setopt(curl_.get(), CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_URL, "http://plugin/AuthZPlugin.AuthZReq");
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &answer_);
  }
  std::string ask(const std::string& body) {
    answer_.clear();
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDS, body.c_str());
    if (curl_easy_perform(curl_.get()) != CURLE_OK) throw std::runtime_error("the plugin does not answer");
    return answer_;
  }

 private:
  std::string socket_;
  std::string answer_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
};

/// Milliseconds of each answer, sorted, from when it was due: what waits behind a slow one is slow itself.
std::vector<double> measure(Asker& asker, int seconds, int rate, int volumes) {
  std::vector<double> took;
  const auto begun = Clock::now();
  for (int i = 0; i < seconds * rate; ++i) {
    const auto due = begun + std::chrono::microseconds(1'000'000LL * i / rate);
    std::this_thread::sleep_until(due);
    const std::string answer = asker.ask(question("data-" + std::to_string(i % volumes)));
    if (!Json::parse(answer).value("Allow", false)) throw std::runtime_error("refused: " + answer);
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
  }
  std::ranges::sort(took);
  return took;
}

void run(const std::string& walguard, int seconds, int rate, int containers) {
  const Machine machine;
  Engine engine(machine);
  engine.start();
  engine.load_image();
  for (int i = 0; i < containers; ++i) {
    const auto made =
        engine.api({.method = "POST", .path = kCreate, .body = create_body("data-" + std::to_string(i / 2))});
    if (made.status != 201) throw std::runtime_error("the engine makes no container: " + made.body);
  }
  const auto plugin = machine.start({walguard, "docker-plugin", "--docker-host", "unix:///run/docker.sock",
                                     "--data-dir", "/run/walguard", "--metrics-address", kMetrics});
  const auto sees_all = [&] {
    const auto metrics =
        machine.run({"curl", "--silent", std::string("http://") + kMetrics + "/metrics"}).output;
    return metrics.find("\nwalguard_docker_engine_current 1\n") != std::string::npos;
  };
  if (!eventually(sees_all)) throw std::runtime_error("the plugin does not see the engine: " + plugin->log());
  Asker asker(machine.outside(kSocket));
  (void)measure(asker, 1, rate, (containers + 1) / 2);  // warm
  const auto took = measure(asker, seconds, rate, (containers + 1) / 2);
  const auto at = [&](double share) {
    return took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))];
  };
  std::cout << containers << " containers, " << rate << " requests/s, " << took.size() << " answers: p50 "
            << at(0.5) << " ms, p99 " << at(0.99) << " ms, longest " << took.back() << " ms\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 4) {
    std::cerr << "usage: docker_plugin_bench WALGUARD SECONDS RATE CONTAINERS\n";
    return 2;
  }
  try {
    run(words[0], std::stoi(words[1]), std::stoi(words[2]), std::stoi(words[3]));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "docker_plugin_bench: " << error.what() << "\n";
    return 1;
  }
}
