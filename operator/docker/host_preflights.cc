#include "operator/docker/host_preflights.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <tl/expected.hpp>

#include "operator/controller/evidence_store.h"
#include "operator/controller/log.h"
#include "operator/controller/preflight_controller.h"
#include "operator/controller/preflight_runner.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_api.h"
#include "operator/docker/engine_orders.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/plugin_judge.h"
#include "operator/docker/preflight_container.h"
#include "operator/wire/docker_api.h"
#include "operator/wire/report.h"

namespace walguard::docker {
namespace {

using controller::RunResult;
using core::Scope;

// As storage_facts writes them into keys.
constexpr std::string_view kVolumeKey = "docker:";
constexpr std::string_view kBindKey = "hostPath:";
constexpr int kBadInput = 2;  // exit code of walguard-preflight, as for a folder that it cannot write to

RunResult no_report(std::string reason) { return {std::nullopt, -1, std::move(reason)}; }

RunResult nothing_there(std::string reason) {
  return {.report = std::nullopt, .exit_code = -1, .reason = std::move(reason), .nothing_there = true};
}

/// As the engine takes them for names: what else is no name, and must not become part of a path.
bool is_volume_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.find_first_not_of(kLetters) == std::string_view::npos && name.front() != '.';
}

/// A child process, or a container of the host's own kernel, sees what all containers of that kernel do.
Scope scope_for(const core::EvidenceKey& key) {
  return key.runtime_handler.empty() ? Scope::kNode : Scope::kContainer;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

struct HostPreflights::Storage {
  PreflightPlace place;
  /// Empty: it is mounted only while a container has it.
  std::string path;
};

bool sees_files_of(const std::string& mountinfo, const std::string& path) {
  if (mountinfo.empty()) return false;
  const auto theirs = read_file(mountinfo);
  const auto ours = read_file("/proc/self/mountinfo");
  if (!theirs || !ours) return false;
  const MountTable their_table(parse_mountinfo(*theirs));
  const MountTable our_table(parse_mountinfo(*ours));
  const Mount* const their = their_table.find(path);
  const Mount* const our = our_table.find(path);
  return their != nullptr && our != nullptr && their->device == our->device &&
         path_in(*their, path) == path_in(*our, path);
}

tl::expected<core::Evidence, std::string> host_evidence(std::string_view report, core::EvidenceKey key) {
  const bool same_kernel = key.runtime_handler.empty();
  const std::string fs_type = key.fs_type;
  auto evidence = wire::evidence_from_report(report, std::move(key));
  if (!evidence) return evidence;
  // A sandbox shows a filesystem of its own in place of the host's.
  if (same_kernel && !fs_type.empty() && !evidence->filesystem.empty() && evidence->filesystem != fs_type) {
    return tl::make_unexpected("the storage was " + fs_type +
                               " when it was judged, and the preflight ran on " + evidence->filesystem);
  }
  if (!same_kernel) evidence->scope = Scope::kContainer;
  return evidence;
}

HostPreflights::HostPreflights(EngineApi& api, EngineOrders& orders, HostPreflightParts parts,
                               HostPreflightOptions options)
    : api_(api),
      parts_(std::move(parts)),
      options_(std::move(options)),
      containers_(api, orders, pass_, options_.container) {}

HostPreflights::~HostPreflights() = default;

tl::expected<std::unique_ptr<HostPreflights>, std::string> HostPreflights::start(
    controller::EvidenceStore& store, EngineApi& api, EngineOrders& orders, HostPreflightParts parts,
    HostPreflightOptions options) {
  std::unique_ptr<HostPreflights> self(new HostPreflights(api, orders, std::move(parts), std::move(options)));
  HostPreflights& host = *self;
  controller::PreflightParts controller_parts;
  controller_parts.run = [&host](const core::ProbeRequest& request, const std::stop_token& stop) {
    return host.run(request, stop);
  };
  controller_parts.read_report = host_evidence;
  controller_parts.now = host.parts_.now;
  controller_parts.count_run = host.parts_.count_run;
  controller_parts.log = host.parts_.log;
  controller::PreflightOptions controller_options;
  controller_options.policy = host.options_.policy;
  controller_options.limits = host.options_.limits;
  controller_options.tick = host.options_.tick;
  auto started = controller::PreflightController::start(store, std::move(controller_parts),
                                                        std::move(controller_options));
  if (!started) return tl::unexpected(std::move(started.error()));
  host.controller_ = *std::move(started);
  for (const core::Evidence& kept : host.evidence()->all()) {
    host.want_key(kept.key);
  }
  host.clearer_ = std::jthread([&host](const std::stop_token& stop) { host.keep_clearing(stop); });
  return self;
}

void HostPreflights::want(const WantedPreflight& wanted) { want_key(wanted.key); }

/// A key tells all: what is kept from an earlier start is measured anew by it.
void HostPreflights::want_key(const core::EvidenceKey& key) {
  if (!key.volume.starts_with(kVolumeKey) && !key.volume.starts_with(kBindKey)) return;
  (void)controller_->want({.key = key, .scope = scope_for(key)});
}

std::shared_ptr<const core::EvidenceBook> HostPreflights::evidence() const { return controller_->evidence(); }

controller::PreflightController::Status HostPreflights::status() const { return controller_->status(); }

auto HostPreflights::find_volume(const core::EvidenceKey& key, const std::string& name,
                                 const std::stop_token& stop) -> tl::expected<Storage, RunResult> {
  if (!is_volume_name(name)) return tl::unexpected(no_report("\"" + name + "\" is no name of a volume"));
  const auto answer = api_.get("/volumes/" + name, stop);
  if (!answer && answer.error().not_found) {
    return tl::unexpected(nothing_there("volume \"" + name + "\" is not there, or not yet"));
  }
  if (!answer) return tl::unexpected(no_report("GET /volumes/" + name + ": " + answer.error().message));
  auto volume = wire::read_docker_volume(*answer);
  if (!volume) return tl::unexpected(no_report("GET /volumes/" + name + ": " + volume.error()));
  if (volume->cluster || volume->driver != key.driver) {
    return tl::unexpected(
        nothing_there("volume \"" + name + "\" is another one than was judged: driver " + volume->driver));
  }
  Storage storage{.place = {.volume = name, .path = {}, .runtime = key.runtime_handler}, .path = {}};
  // Any other is mounted only while a container has it; the folder below it is of another filesystem.
  if (volume->driver == "local" && volume->options.empty()) storage.path = std::move(volume->mountpoint);
  return storage;
}

auto HostPreflights::find_storage(const core::EvidenceKey& key, const std::stop_token& stop)
    -> tl::expected<Storage, RunResult> {
  const std::string_view volume = key.volume;
  if (volume.starts_with(kVolumeKey)) {
    return find_volume(key, std::string(volume.substr(kVolumeKey.size())), stop);
  }
  const std::string path(volume.substr(std::min(kBindKey.size(), volume.size())));
  if (!volume.starts_with(kBindKey) || !path.starts_with('/')) {
    return tl::unexpected(no_report("\"" + key.volume + "\" names no storage of this host"));
  }
  return Storage{.place = {.volume = {}, .path = path, .runtime = key.runtime_handler}, .path = path};
}

/// As measured, until `stop` or stop().
RunResult HostPreflights::run(const core::ProbeRequest& request, const std::stop_token& stop) {
  {
    const std::lock_guard lock(running_mutex_);
    if (stopping_.stop_requested()) return no_report("walguard is shutting down");
    ++running_;
  }
  std::stop_source either;
  RunResult result;
  {
    const std::stop_callback by_caller(stop, [&] { either.request_stop(); });
    const std::stop_callback by_stop(stopping_.get_token(), [&] { either.request_stop(); });
    result = measure(request, either.get_token());
  }
  const std::lock_guard lock(running_mutex_);
  --running_;
  ended_.notify_all();
  return result;
}

void HostPreflights::stop() {
  clearer_.request_stop();
  std::unique_lock lock(running_mutex_);
  stopping_.request_stop();
  ended_.wait(lock, [this] { return running_ == 0; });
}

/// A volume may be removed and made anew under the same name meanwhile: then this was about neither.
RunResult HostPreflights::measure(const core::ProbeRequest& request, const std::stop_token& stop) {
  const auto storage = find_storage(request.key, stop);
  if (!storage) return storage.error();
  const std::string& volume = storage->place.volume;
  const auto before = volume.empty() ? std::string() : api_.get("/volumes/" + volume, stop).value_or("");
  RunResult result = run_at(*storage, request, stop);
  if (volume.empty() || !result.report) return result;
  const auto after = api_.get("/volumes/" + volume, stop);
  if (after && *after == before) return result;
  return no_report("volume \"" + volume + "\" was changed while it was measured");
}

RunResult HostPreflights::run_at(const Storage& storage, const core::ProbeRequest& request,
                                 const std::stop_token& stop) {
  const bool as_child = request.key.runtime_handler.empty() && !storage.path.empty() && parts_.sees &&
                        parts_.sees(storage.path);
  if (!as_child) return run_in_container(storage, stop);
  // The runner finds a path by its class, and a volume of an engine has none.
  controller::PreflightRunner runner(options_.command, {{request.key.storage_class, {storage.path, {}}}},
                                     options_.child);
  RunResult result = runner.run(request, stop);
  const bool not_for_us = !result.report && result.exit_code == kBadInput;
  // As where the unit that walguard runs in keeps it from writing: a container can.
  if (not_for_us && !options_.container.image.empty()) return run_in_container(storage, stop);
  return result;
}

RunResult HostPreflights::run_in_container(const Storage& storage, const std::stop_token& stop) {
  if (!clear_leftovers(stop)) {
    return no_report("the engine does not tell which containers an earlier preflight has left");
  }
  return containers_.run(storage.place, stop);
}

bool HostPreflights::clear_leftovers(const std::stop_token& stop) {
  const std::lock_guard lock(leftovers_mutex_);
  if (!cleared_) cleared_ = containers_.remove_leftovers(stop).has_value();
  return cleared_;
}

/// Once; the engine may come up long after its plugin.
void HostPreflights::keep_clearing(const std::stop_token& stop) {
  std::chrono::seconds wait{1};
  while (!stop.stop_requested() && !clear_leftovers(stop)) {
    std::unique_lock lock(leftovers_mutex_);
    wake_.wait_for(lock, stop, wait, [] { return false; });
    wait = std::min(wait * 2, std::chrono::seconds(60));
  }
}

}  // namespace walguard::docker
