#include "operator/kube/reflector.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector_plan.h"
#include "operator/kube/resource.h"

namespace walguard::kube {
namespace {

using Clock = std::chrono::steady_clock;

ReflectorOptions with_chance(ReflectorOptions options) {
  if (!options.chance) {
    options.chance = [generator = std::minstd_rand(std::random_device()())]() mutable {
      return std::uniform_real_distribution<>(0.0, 1.0)(generator);
    };
  }
  return options;
}

}  // namespace

Reflector::Reflector(const Client& client, ResourceType type, Selection selection, ObjectSink& sink,
                     ReflectorOptions options)
    : client_(client),
      type_(std::move(type)),
      selection_(std::move(selection)),
      sink_(sink),
      options_(with_chance(std::move(options))) {}

void Reflector::run(const std::stop_token& stop) {
  ReflectorState state;
  while (!stop.stop_requested()) {
    const ReflectorStep step = next_step(options_.policy, state, options_.chance());
    if (step.wait.count() > 0 && !options_.wait(step.wait, stop)) return;
    const bool lists = step.what == ReflectorStep::What::kList;
    state = lists ? list(std::move(state), stop) : watch(std::move(state), stop);
    const std::lock_guard lock(mutex_);
    health_.failures = state.failures;
  }
}

ReflectorState Reflector::list(ReflectorState state, const std::stop_token& stop) {
  const ListReceiver receiver{[this] { sink_.begin_list(); },
                              [this](const ObjectView& object) { sink_.put(object); }};
  const auto result = client_.list(type_, selection_, receiver, stop);
  if (result) {
    sink_.end_list();
    confirm();
    const std::lock_guard lock(mutex_);
    health_.listed = true;
    ++health_.lists;
  } else {
    report(result.error());
  }
  return after_list(std::move(state), result);
}

ReflectorState Reflector::watch(ReflectorState state, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    ++health_.watches;
  }
  const std::chrono::seconds least = state.failures > 0 ? options_.first_timeout : options_.server_timeout;
  const auto spread = std::chrono::duration<double>(least) * options_.chance();
  const WatchOptions watch_options{state.resource_version,
                                   least + std::chrono::duration_cast<std::chrono::seconds>(spread),
                                   options_.silence};
  WatchOutcome outcome;
  const auto on_event = [&](const WatchEvent& event) {
    take(event);
    outcome.resource_version = event.object.meta.resource_version;
  };
  const Clock::time_point begun = Clock::now();
  const auto result = client_.watch(type_, selection_, watch_options, on_event, stop);
  outcome.lasted = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
  if (result) {
    confirm();
  } else {
    outcome.error = result.error();
    report(result.error());
  }
  return after_watch(options_.policy, std::move(state), outcome);
}

void Reflector::take(const WatchEvent& event) {
  switch (event.type) {
    case WatchEventType::kAdded:
    case WatchEventType::kModified:
      sink_.put(event.object);
      break;
    case WatchEventType::kDeleted:
      sink_.remove(event.object);
      break;
    case WatchEventType::kBookmark:
    case WatchEventType::kError:  // the client makes an ApiError of it
      break;
  }
  confirm();
  if (event.type == WatchEventType::kBookmark) return;
  const std::lock_guard lock(mutex_);
  ++health_.events;
}

void Reflector::confirm() {
  const std::lock_guard lock(mutex_);
  health_.last_contact = Clock::now();
  health_.failures = 0;
}

void Reflector::report(const ApiError& error) {
  if (error.kind == ApiError::Kind::kStopped) return;
  {
    const std::lock_guard lock(mutex_);
    health_.last_error = error.text();
  }
  options_.on_problem(error);
}

ReflectorHealth Reflector::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace walguard::kube
