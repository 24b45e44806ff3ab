#include "operator/docker/engine_state.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <tl/expected.hpp>

#include "operator/docker/engine_api.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_api.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"

namespace walguard::docker {
namespace {

/// What may have happened between the list and the first event is told again: the engine keeps the last 256.
constexpr std::chrono::seconds kOverlap{2};

std::string events_target() {
  const auto now = std::chrono::system_clock::now() - kOverlap;
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  // filters={"type":["container","volume","daemon"]}
  return "/events?since=" + std::to_string(since) +
         "&filters=%7B%22type%22%3A%5B%22container%22%2C%22volume%22%2C%22daemon%22%5D%7D";
}

/// Waits unless `stop` is requested.
void wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, time, [] { return false; });
}

bool concerns_containers(std::string_view action) {
  return action == "create" || action == "rename" || action == "start" || action == "die" ||
         action == "update";
}

}  // namespace

EngineState::EngineState(EngineApi& api, Options options) : api_(api), options_(std::move(options)) {}

EngineState::~EngineState() { stop(); }

void EngineState::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EngineState::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  set_lost("walguard no longer follows the engine");
}

std::shared_ptr<const EngineSnapshot> EngineState::get() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

EngineHealth EngineState::health() const {
  const std::lock_guard lock(mutex_);
  EngineHealth health = health_;
  health.current = snapshot_->current;
  health.why_not_current = snapshot_->why_not_current;
  return health;
}

void EngineState::run(const std::stop_token& stop) {
  auto wait = options_.first_wait;
  std::string last_problem;
  while (!stop.stop_requested()) {
    const auto lists_before = health().lists;
    Problem problem;
    try {
      problem = follow_once(stop);
    } catch (const std::exception& error) {
      problem = std::string("walguard could not follow the engine: ") + error.what();
    }
    if (stop.stop_requested()) return;
    if (health().lists > lists_before) wait = options_.first_wait;
    if (!problem) continue;  // in good order: everything is listed anew at once
    set_lost(*problem);
    if (*problem != std::exchange(last_problem, *problem)) options_.on_change(*problem);
    wait_for(wait, stop);
    wait = std::min(wait * 2, options_.longest_wait);
  }
}

/// The events come first, so that what happens during the list is not missed; they wait in the socket.
EngineState::Problem EngineState::follow_once(const std::stop_token& stop) {
  Problem problem;
  bool listed = false;
  const auto begun = std::chrono::duration_cast<std::chrono::nanoseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  const auto on_open = [&] {
    auto next = list(stop);
    listed = next.has_value();
    if (!next) {
      problem = std::move(next.error());
      return;
    }
    const bool was_lost = !health().current;
    set_current(*std::move(next));
    if (was_lost) options_.on_change("the engine's containers and volumes are in view");
  };
  const auto on_line = [&](std::string_view line) {
    const auto event = wire::read_docker_event(line);
    if (!event) {
      problem = "an event cannot be read: " + event.error();
      return false;
    }
    // The engine has read its configuration anew, its default runtime with it: all is asked anew.
    if (event->type == wire::DockerEvent::Type::kDaemon && event->time_nano > begun) return false;
    problem = take(*event, stop);
    return !problem;
  };
  // A list that failed leaves nothing to follow: the stream is then ended from within.
  std::stop_source ended;
  const std::stop_callback passed_on(stop, [&] { ended.request_stop(); });
  const auto opened = [&] {
    on_open();
    if (!listed) ended.request_stop();
  };
  const auto result = api_.stream(events_target(), options_.relist_after, opened, on_line, ended.get_token());
  if (problem) return problem;
  if (!result) {
    return (listed ? "the engine's events broke off: " : "the engine cannot be reached: ") +
           result.error().message;
  }
  if (!listed) return "the engine did not answer for its events";
  return std::nullopt;
}

tl::expected<EngineSnapshot, std::string> EngineState::list(const std::stop_token& stop) {
  EngineSnapshot next;
  const auto before = get();
  next.last_seen = before->last_seen;
  const auto info = api_.get("/info", stop);
  if (!info) return tl::make_unexpected("GET /info: " + info.error().message);
  auto read = wire::read_docker_info(*info);
  if (!read) return tl::make_unexpected("GET /info: " + read.error());
  next.info = *std::move(read);
  if (auto problem = list_volumes(next, stop)) return tl::make_unexpected(*std::move(problem));
  if (auto problem = list_containers(next, stop)) return tl::make_unexpected(*std::move(problem));
  return next;
}

EngineState::Problem EngineState::list_volumes(EngineSnapshot& next, const std::stop_token& stop) {
  const auto body = api_.get("/volumes", stop);
  if (!body) return "GET /volumes: " + body.error().message;
  auto volumes = wire::read_docker_volumes(*body);
  if (!volumes) return "GET /volumes: " + volumes.error();
  next.volumes.clear();
  for (wire::DockerVolume& volume : *volumes) {
    const std::string name = volume.name;
    next.volumes[name] = std::make_shared<const wire::DockerVolume>(std::move(volume));
  }
  return std::nullopt;
}

EngineState::Problem EngineState::list_containers(EngineSnapshot& next, const std::stop_token& stop) {
  const auto body = api_.get("/containers/json?all=1", stop);
  if (!body) return "GET /containers/json: " + body.error().message;
  const auto containers = wire::read_docker_containers(*body);
  if (!containers) return "GET /containers/json: " + containers.error();
  for (const wire::DockerContainer& listed : *containers) {
    if (auto problem = inspect(listed.id, next, stop)) return problem;
  }
  return std::nullopt;
}

EngineState::Problem EngineState::inspect(const std::string& id, EngineSnapshot& into,
                                          const std::stop_token& stop) {
  const auto body = api_.get("/containers/" + id + "/json", stop);
  if (!body && body.error().not_found) {
    into.containers.erase(id);
    return std::nullopt;
  }
  if (!body) return "GET /containers/" + id + "/json: " + body.error().message;
  auto container = wire::read_docker_container(*body);
  if (!container) return "GET /containers/" + id + "/json: " + container.error();
  put(into, *std::move(container));
  return std::nullopt;
}

/// One that was there in the last snapshot keeps its number.
void EngineState::put(EngineSnapshot& into, wire::DockerContainer container) {
  const auto before = get();
  const auto found = before->containers.find(container.id);
  const std::string id = container.id;
  const bool known = found != before->containers.end();
  const std::uint64_t seen = known ? found->second->first_seen : ++into.last_seen;
  into.containers[id] = std::make_shared<const KnownContainer>(
      KnownContainer{.container = std::move(container), .first_seen = seen});
}

EngineState::Problem EngineState::take(const wire::DockerEvent& event, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    ++health_.events;
  }
  EngineSnapshot next = *get();
  Problem problem;
  using Type = wire::DockerEvent::Type;
  if (event.type == Type::kContainer && event.action == "destroy") {
    next.containers.erase(event.id);
  } else if (event.type == Type::kContainer && concerns_containers(event.action)) {
    problem = inspect(event.id, next, stop);
  } else if (event.type == Type::kVolume && (event.action == "create" || event.action == "destroy")) {
    problem = list_volumes(next, stop);
  } else {
    return std::nullopt;
  }
  if (!problem) replace(std::move(next));
  return problem;
}

void EngineState::replace(EngineSnapshot next) {
  auto shared = std::make_shared<const EngineSnapshot>(std::move(next));
  const std::lock_guard lock(mutex_);
  snapshot_.swap(shared);
}

void EngineState::set_current(EngineSnapshot next) {
  next.current = true;
  next.why_not_current.clear();
  replace(std::move(next));
  const std::lock_guard lock(mutex_);
  ++health_.lists;
  health_.failures = 0;
}

void EngineState::set_lost(const std::string& why) {
  EngineSnapshot next = *get();
  next.current = false;
  next.why_not_current = why;
  replace(std::move(next));
  const std::lock_guard lock(mutex_);
  ++health_.failures;
}

}  // namespace walguard::docker
