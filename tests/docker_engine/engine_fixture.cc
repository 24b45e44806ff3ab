#include "tests/docker_engine/engine_fixture.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/machine.h"
#include "tests/preflight/process/program.h"

namespace walguard::docker_engine {

namespace {

using Json = nlohmann::json;
using testing_support::eventually;

constexpr const char* kPlugin = "walguard";
constexpr const char* kMetrics = "127.0.0.1:9469";
constexpr const char* kPluginSocket = "/run/docker/plugins/walguard.sock";

bool has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

::testing::AssertionResult says(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!has(text, word))
      return ::testing::AssertionFailure() << "it does not say '" << word << "': " << text;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace

bool EngineTest::in_ci() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

void EngineTest::SetUp() {
  if (const auto why = why_no_machine()) {
    ASSERT_FALSE(in_ci()) << *why;
    GTEST_SKIP() << *why;
  }
  machine_ = std::make_unique<Machine>();
  engine_ = std::make_unique<Engine>(*machine_);
}

void EngineTest::TearDown() {
  if (engine_ != nullptr && HasFailure()) std::cerr << "--- dockerd:\n" << engine_->log();
  engine_.reset();
  machine_.reset();
}

Json EngineTest::inspect(const std::string& name) const {
  const CommandResult answer = docker({"inspect", name});
  if (!answer.ok()) return nullptr;
  return Json::parse(answer.output).at(0);
}

int EngineTest::wait_for_end(const std::string& container) const {
  const CommandResult answer = docker({"wait", container});
  return answer.ok() ? std::atoi(answer.output.c_str()) : -1;
}

void PluginTest::SetUp() {
  EngineTest::SetUp();
  if (machine_ == nullptr) return;
  ASSERT_NO_FATAL_FAILURE(bring_up());
  ASSERT_TRUE(eventually([this] { return sees_the_engine(); })) << plugin_log();
}

void PluginTest::bring_up() {
  ASSERT_NO_FATAL_FAILURE(start_plugin());
  engine_->set_plugins({kPlugin});
  engine_->start();
  engine_->load_image();
}

bool PluginTest::sees_the_engine() const {
  const std::string url = std::string("http://") + kMetrics + "/metrics";
  const CommandResult metrics = machine_->run({"curl", "--silent", "--show-error", url});
  return has(metrics.output, "\nwalguard_docker_engine_current 1\n");
}

void PluginTest::TearDown() {
  if (plugin_ != nullptr && HasFailure()) std::cerr << "--- walguard docker-plugin:\n" << plugin_->log();
  plugin_.reset();
  EngineTest::TearDown();
}

void PluginTest::start_plugin(const std::string& docker_host) {
  std::vector<std::string> command = {WALGUARD_BINARY,     "docker-plugin", "--socket",   kPluginSocket,
                                      "--docker-host",     docker_host,     "--data-dir", "/run/walguard",
                                      "--metrics-address", kMetrics};
  const auto more = plugin_arguments();
  command.insert(command.end(), more.begin(), more.end());
  plugin_ = machine_->start(command);
  const auto answers = [this] {
    return !plugin_->running() ||
           run_here({"curl", "--silent", "--fail", "--output", "/dev/null", "--unix-socket",
                     machine_->outside(kPluginSocket), "--data", "", "http://plugin/Plugin.Activate"})
               .ok();
  };
  ASSERT_TRUE(eventually(answers) && plugin_->running()) << "the plugin does not start: " << plugin_->log();
}

void PluginTest::kill_plugin() {
  plugin_->signal(SIGKILL);
  ASSERT_TRUE(plugin_->wait(std::chrono::seconds(10)).has_value());
}

std::string PluginTest::plugin_log() const { return plugin_ == nullptr ? "" : plugin_->log(); }

CommandResult PluginTest::run_holder(const std::string& name, std::vector<std::string> options) const {
  std::vector<std::string> command = {"run",       "--detach", "--name",  name,
                                      "--network", "none",     "--label", "walguard.databases=/data/app.db"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {kImage, "wal_app", "hold", "/data/app.db"});
  return docker(command);
}

Json PluginTest::holder_json(const Json& host_config) {
  return {{"Image", kImage},
          {"Cmd", {"wal_app", "hold", "/data/app.db"}},
          {"Labels", {{"walguard.databases", "/data/app.db"}}},
          {"HostConfig", host_config}};
}

::testing::AssertionResult refused(const CommandResult& result, const std::string& rule) {
  if (result.ok()) return ::testing::AssertionFailure() << "it was allowed: " << result.output;
  return says(result.errors, {"authorization denied by plugin walguard", rule, "Remedy: "});
}

::testing::AssertionResult refused(const ApiAnswer& answer, const std::string& rule) {
  if (answer.status != 403) {
    return ::testing::AssertionFailure() << "status " << answer.status << ": " << answer.body;
  }
  return says(answer.body, {"authorization denied by plugin walguard", rule, "Remedy: "});
}

::testing::AssertionResult unreadable(const ApiAnswer& answer, const std::string& why) {
  if (answer.status != 403) {
    return ::testing::AssertionFailure() << "status " << answer.status << ": " << answer.body;
  }
  return says(answer.body, {"authorization denied by plugin walguard", why});
}

}  // namespace walguard::docker_engine
