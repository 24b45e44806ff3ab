#include "operator/docker/preflight_container.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/controller/preflight_runner.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_orders.h"
#include "operator/docker/preflight_pass.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/docker_info.h"

namespace walguard::docker {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFolder = "/volume";
constexpr std::size_t kLargestReport = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds kCreateTimeout{30'000};  // a driver may mount a volume for it
constexpr std::chrono::milliseconds kEndTimeout{30'000};
constexpr std::int64_t kMemory = std::int64_t{512} << 20U;
constexpr int kProcesses = 256;

controller::RunResult no_report(std::string reason, int exit_code = -1) {
  return {std::nullopt, exit_code, std::move(reason)};
}

/// Of a JSON answer; "" where it is not there. Never throws.
std::string text_at(const std::string& answer, const char* key) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains(key) || !json[key].is_string()) return {};
  return json[key].get<std::string>();
}

std::optional<int> number_at(const std::string& answer, const char* key) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains(key) || !json[key].is_number_integer()) return std::nullopt;
  return json[key].get<int>();
}

/// The last words of a program as part of a line.
std::string words(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  std::string line(text.substr(text.size() > kLongest ? text.size() - kLongest : 0));
  std::ranges::replace_if(
      line, [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == 0x7F; }, ' ');
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line.empty() ? line : ": " + line;
}

bool is_left_over(const Json& container) {
  const auto labels = container.find("Labels");
  const auto names = container.find("Names");
  if (labels == container.end() || !labels->is_object() || !labels->contains(kPreflightLabel)) return false;
  if (names == container.end() || !names->is_array()) return false;
  const std::string begin = "/" + std::string(kPreflightNamePrefix);
  // Anybody may set a label; a container that is not named by us is not removed for it.
  return std::ranges::any_of(*names, [&](const Json& name) {
    return name.is_string() && name.get<std::string>().starts_with(begin);
  });
}

}  // namespace

struct PreflightContainers::Made {
  std::string id;
};

std::string preflight_container_json(const PreflightPlace& place, const std::string& runtime,
                                     const PreflightContainerOptions& options) {
  Json mount = {{"Type", place.volume.empty() ? "bind" : "volume"},
                {"Source", place.volume.empty() ? place.path : place.volume},
                {"Target", kFolder}};
  // What the image has at that place is not to be copied into a volume that is still empty.
  if (!place.volume.empty()) mount["VolumeOptions"] = {{"NoCopy", true}};
  Json host = {{"NetworkMode", "none"},
               {"Mounts", Json::array({std::move(mount)})},
               {"ReadonlyRootfs", true},
               {"Tmpfs", {{"/tmp", "size=16m"}}},
               {"SecurityOpt", Json::array({"no-new-privileges"})},
               {"CapDrop", Json::array({"ALL"})},
               // Volumes belong to whoever uses them, as to user 999 of a database.
               {"CapAdd", Json::array({"DAC_OVERRIDE"})},
               {"Memory", kMemory},
               {"PidsLimit", kProcesses},
               {"RestartPolicy", {{"Name", "no"}}},
               {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "4m"}, {"max-file", "1"}}}}}};
  if (!runtime.empty()) host["Runtime"] = runtime;
  const Json body = {{"Image", options.image},
                     {"Entrypoint", Json::array({"walguard-preflight"})},
                     {"Cmd", Json::array({"run", kFolder, "--profile", options.profile, "--strategy", "all",
                                          "-o", "json", "--scope", "node"})},
                     {"User", "0:0"},
                     {"Tty", false},
                     {"NetworkDisabled", true},
                     {"Labels", {{std::string(kPreflightLabel), std::string(kPreflightLabelValue)}}},
                     {"HostConfig", std::move(host)}};
  return body.dump();
}

std::string stream_of_log(std::string_view log, unsigned char stream) {
  constexpr std::size_t kHead = 8;
  std::string text;
  while (log.size() >= kHead) {
    std::size_t length = 0;
    for (std::size_t i = 4; i < kHead; ++i) length = length << 8U | static_cast<unsigned char>(log[i]);
    const bool wanted = static_cast<unsigned char>(log[0]) == stream;
    log.remove_prefix(kHead);
    const std::string_view piece = log.substr(0, length);
    if (wanted) text += piece;
    log.remove_prefix(piece.size());
  }
  return text;
}

PreflightContainers::PreflightContainers(EngineApi& api, EngineOrders& orders, PreflightPass& pass,
                                         PreflightContainerOptions options)
    : api_(api), orders_(orders), pass_(pass), options_(std::move(options)) {}

/// The engine's default may be a sandbox, where a verdict is wanted about the machine's own kernel.
tl::expected<std::string, std::string> PreflightContainers::shared_kernel_runtime(
    const std::stop_token& stop) {
  const auto answer = api_.get("/info", stop);
  if (!answer) return tl::unexpected("GET /info: " + answer.error().message);
  const auto info = wire::read_docker_info(*answer);
  if (!info) return tl::unexpected("GET /info: " + info.error());
  const auto shares = [](std::string_view name) {
    return engine::kernel_of_runtime(name) == core::KernelDomain::kShared;
  };
  if (!info->default_runtime.empty() && shares(info->default_runtime)) return info->default_runtime;
  for (const auto& [name, runtime] : info->runtimes) {
    if (shares(name)) return name;
  }
  return tl::make_unexpected(std::string("the engine names no runtime that shares the machine's kernel"));
}

auto PreflightContainers::make(const PreflightPlace& place, const std::stop_token& stop)
    -> tl::expected<Made, std::string> {
  std::string runtime = place.runtime;
  if (runtime.empty()) {
    auto shared = shared_kernel_runtime(stop);
    if (!shared) return tl::unexpected(std::move(shared.error()));
    runtime = *std::move(shared);
  }
  const std::string name = pass_.issue();
  EngineOrder order{.target = "/containers/create?name=" + name,
                    .body = preflight_container_json(place, runtime, options_),
                    .longest = kCreateTimeout};
  const auto answer = orders_.order(order, stop);
  std::string id = answer ? text_at(*answer, "Id") : std::string();
  if (!id.empty()) {
    pass_.made(id);
    pass_.withdraw(name);
    return Made{std::move(id)};
  }
  end(name, false);  // it may be there although the answer was lost
  pass_.withdraw(name);
  if (answer) return tl::make_unexpected(std::string("the engine made a container and told no id"));
  if (answer.error().not_found && answer.error().message.find("image") != std::string::npos) {
    return tl::make_unexpected("--preflight-image: the engine has no image \"" + options_.image +
                               "\": load it there, or name one that is");
  }
  return tl::make_unexpected("the preflight's container could not be made: " + answer.error().message);
}

controller::RunResult PreflightContainers::run(const PreflightPlace& place, const std::stop_token& stop) {
  if (options_.image.empty()) {
    return no_report("this is measured in a container, and no image is given for it: --preflight-image");
  }
  auto made = make(place, stop);
  if (!made) return no_report(std::move(made.error()));
  controller::RunResult result = run_to_the_end(made->id, stop);
  pass_.close(made->id);
  end(made->id, !result.report);
  return result;
}

controller::RunResult PreflightContainers::run_to_the_end(const std::string& id,
                                                          const std::stop_token& stop) {
  const std::string container = "/containers/" + id;
  const auto started = orders_.order({.target = container + "/start", .longest = kCreateTimeout}, stop);
  if (!started)
    return no_report("the preflight's container could not be started: " + started.error().message);
  const auto ended = orders_.order(
      {.target = container + "/wait?condition=not-running", .longest = options_.deadline}, stop);
  if (stop.stop_requested()) return no_report("the preflight was stopped: walguard is shutting down");
  if (!ended) return no_report("the preflight's container did not come to its end: " + ended.error().message);
  return read_result(id, number_at(*ended, "StatusCode").value_or(-1), stop);
}

controller::RunResult PreflightContainers::read_result(const std::string& id, int exit_code,
                                                       const std::stop_token& stop) {
  const auto log = api_.get("/containers/" + id + "/logs?stdout=1&stderr=1", stop);
  if (!log) return no_report("the preflight's report could not be read: " + log.error().message, exit_code);
  std::string report = stream_of_log(*log, 1);
  const bool comes_with_a_report = exit_code == 0 || exit_code == 1 || exit_code == 3;
  if (comes_with_a_report && report.size() <= kLargestReport && Json::accept(report)) {
    return {std::move(report), exit_code, {}};
  }
  return no_report("the preflight ended with exit code " + std::to_string(exit_code) + " and no JSON report" +
                       words(stream_of_log(*log, 2)),
                   exit_code);
}

/// Whatever has happened, and also while walguard itself is being ended.
void PreflightContainers::end(const std::string& id_or_name, bool may_run) {
  const std::stop_token never;
  const std::string container = "/containers/" + id_or_name;
  // SIGTERM first: the preflight then takes its folder out of the volume.
  if (may_run) (void)orders_.order({.target = container + "/stop?t=5", .longest = kEndTimeout}, never);
  (void)orders_.order({.method = "DELETE", .target = container + "?force=1", .longest = kEndTimeout}, never);
}

tl::expected<void, std::string> PreflightContainers::remove_leftovers(const std::stop_token& stop) {
  // filters={"label":["walguard.preflight"]}
  const auto answer =
      api_.get("/containers/json?all=1&filters=%7B%22label%22%3A%5B%22walguard.preflight%22%5D%7D", stop);
  if (!answer) return tl::unexpected("GET /containers/json: " + answer.error().message);
  const Json listed = Json::parse(*answer, nullptr, false);
  if (!listed.is_array()) return tl::make_unexpected(std::string("GET /containers/json: expected a list"));
  for (const Json& container : listed) {
    if (!container.is_object() || !is_left_over(container)) continue;
    if (const auto id = container.find("Id"); id != container.end() && id->is_string()) {
      end(id->get<std::string>(), true);
    }
  }
  return {};
}

}  // namespace walguard::docker
