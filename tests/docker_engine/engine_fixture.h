/// Tests of label `docker` on an engine of their own: bare, with the stub, or with walguard as its plugin.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/docker_engine/engine.h"
#include "tests/docker_engine/machine.h"

namespace walguard::docker_engine {

/// Skips where there can be no engine, and fails there when CI=true. A failed test shows the engine's log.
class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] const Machine& machine() const { return *machine_; }
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] CommandResult docker(const std::vector<std::string>& arguments) const {
    return engine_->docker(arguments);
  }
  /// `docker inspect` of a container or volume; null where there is none.
  [[nodiscard]] nlohmann::json inspect(const std::string& name) const;
  /// Where CI=true a test that cannot run has failed.
  [[nodiscard]] static bool in_ci();
  /// Waits until a container has ended by itself; its exit code, -1 where it does not end.
  [[nodiscard]] int wait_for_end(const std::string& container) const;

  std::unique_ptr<Machine> machine_;  // null: skipped
  std::unique_ptr<Engine> engine_;
};

/// With walguard as the engine's plugin, which has seen the engine when the test begins.
class PluginTest : public EngineTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// `walguard docker-plugin` first, then the engine with it, as on a machine that boots. For those who
  /// override it.
  virtual void bring_up();
  /// What the plugin is started with beside its own defaults. For those who override it.
  [[nodiscard]] virtual std::vector<std::string> plugin_arguments() const { return {}; }

  /// Waits until the plugin's socket takes connections. `docker_host`: where it looks for the engine.
  void start_plugin(const std::string& docker_host = "unix:///run/docker.sock");
  /// Whether what it knows of the engine is what the engine has.
  [[nodiscard]] bool sees_the_engine() const;
  /// kill -9
  void kill_plugin();
  [[nodiscard]] std::string plugin_log() const;

  /// `docker run --detach` of the app, which opens /data/app.db and holds it; the database is declared.
  /// `options`: what `docker run` takes.
  [[nodiscard]] CommandResult run_holder(const std::string& name, std::vector<std::string> options) const;
  /// JSON of a container to create over the API: the same app, its database declared, with this HostConfig.
  [[nodiscard]] static nlohmann::json holder_json(const nlohmann::json& host_config);

 private:
  std::unique_ptr<Daemon> plugin_;
};

/// That a command was refused by walguard, by this rule, with a remedy, in the error that a person sees.
[[nodiscard]] ::testing::AssertionResult refused(const CommandResult& result, const std::string& rule);
[[nodiscard]] ::testing::AssertionResult refused(const ApiAnswer& answer, const std::string& rule);
/// That it was refused because it could not be judged whole; `why`: words that the error has.
[[nodiscard]] ::testing::AssertionResult unreadable(const ApiAnswer& answer, const std::string& why);

}  // namespace walguard::docker_engine
