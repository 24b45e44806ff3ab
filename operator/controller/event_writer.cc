#include "operator/controller/event_writer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/resource.h"
#include "operator/wire/event.h"

namespace walguard::controller {
namespace {

kube::ResourceType events() { return {"", "v1", "events", true}; }

std::chrono::sys_seconds as_time(core::UtcSeconds seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

}  // namespace

void EventFilter::forget_oldest() {
  const auto oldest =
      std::ranges::min_element(objects_, {}, [](const auto& entry) { return entry.second.refilled_at; });
  if (oldest != objects_.end()) objects_.erase(oldest);
}

EventFilter::ObjectBudget& EventFilter::budget_of(const std::string& uid, core::UtcSeconds now) {
  const auto found = objects_.find(uid);
  if (found == objects_.end()) {
    if (objects_.size() >= limits_.objects) forget_oldest();
    return objects_.emplace(uid, ObjectBudget{limits_.burst, now, {}}).first->second;
  }
  ObjectBudget& budget = found->second;
  const core::UtcSeconds more = (now - budget.refilled_at) / limits_.refill;
  if (more > 0) {
    budget.left = static_cast<int>(std::min<core::UtcSeconds>(limits_.burst, budget.left + more));
    budget.refilled_at += more * limits_.refill;
    std::erase_if(budget.said, [&](const auto& entry) { return now - entry.second >= limits_.repeat_after; });
  }
  return budget;
}

bool EventFilter::admit(const wire::EventNote& note, core::UtcSeconds now) {
  ObjectBudget& budget = budget_of(note.object.uid, now);
  const std::string name = wire::event_name(note);
  const auto said = budget.said.find(name);
  if (said != budget.said.end() && now - said->second < limits_.repeat_after) return false;
  if (budget.left <= 0) return false;
  --budget.left;
  budget.said[name] = now;
  return true;
}

EventWriter::EventWriter(const kube::Client& client, EventWriterOptions options, LogLine log,
                         std::function<core::UtcSeconds()> now)
    : client_(client),
      options_(std::move(options)),
      log_(std::move(log)),
      now_(std::move(now)),
      filter_(options_.limits),
      writing_([this](const std::stop_token& stop) { run(stop); }) {}

void EventWriter::post(wire::EventNote note) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= options_.longest_queue) {
    ++lost_;
    return;
  }
  queue_.push_back(std::move(note));
  changed_.notify_one();
}

std::uint64_t EventWriter::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void EventWriter::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
    const wire::EventNote note = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (filter_.admit(note, now_())) write(note, stop);
  }
}

void EventWriter::write(const wire::EventNote& note, const std::stop_token& stop) {
  const auto created =
      client_.create(events(), wire::event_namespace(note.object),
                     wire::event_object(note, options_.reporter, as_time(now_())), kube::DryRun::kNo, stop);
  if (created) return;
  if (created.error().is_already_exists()) return count_again(note, stop);
  if (!stop.stop_requested()) lose(created.error().text());
}

void EventWriter::count_again(const wire::EventNote& note, const std::stop_token& stop) {
  const kube::ObjectName name{events(), wire::event_namespace(note.object), wire::event_name(note), ""};
  const auto written_before = client_.get(name, stop);
  if (!written_before) return lose(written_before.error().text());
  const auto count = wire::read_event_count(*written_before);
  if (!count) return lose(count.error());
  const auto patched = client_.patch(name, kube::PatchKind::kMerge,
                                     wire::event_count_patch(*count + 1, as_time(now_())), {}, stop);
  if (!patched) lose(patched.error().text());
}

void EventWriter::lose(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    ++lost_;
  }
  // Each problem once: an API server that refuses one Event mostly refuses all.
  if (why != last_problem_ && log_) log_(LogLevel::kWarning, "an Event is not written: " + why);
  last_problem_ = why;
}

}  // namespace walguard::controller
