#include "operator/server/timely_calls.h"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace walguard::server {
// Outlives the pool where a thread hangs: each thread holds a reference.
struct TimelyCalls::State {
  struct Call {
    enum class Phase : std::uint8_t { kWaiting, kRunning, kDone, kAbandoned };
    std::function<void()> work;
    Phase phase = Phase::kWaiting;
    bool overdue = false;  // running, and nobody waits for it any more
    std::exception_ptr thrown = {};
  };

  mutable std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable work_ended;
  std::deque<std::shared_ptr<Call>> queue;
  unsigned stuck = 0;
  bool stopping = false;
  std::vector<std::thread> threads;  // touched by the pool's owner alone
  std::vector<bool> ended;           // by thread

  void serve(std::size_t index);
  void perform(std::unique_lock<std::mutex>& lock, Call& call);
};

void TimelyCalls::State::serve(std::size_t index) {
  std::unique_lock lock(mutex);
  while (true) {
    work_came.wait(lock, [this] { return stopping || !queue.empty(); });
    if (queue.empty()) break;
    const std::shared_ptr<Call> call = std::move(queue.front());
    queue.pop_front();
    if (call->phase == Call::Phase::kWaiting) perform(lock, *call);
  }
  ended[index] = true;
  work_ended.notify_all();
}

void TimelyCalls::State::perform(std::unique_lock<std::mutex>& lock, Call& call) {
  call.phase = Call::Phase::kRunning;
  lock.unlock();
  std::exception_ptr thrown;
  try {
    call.work();
  } catch (...) {  // NOLINT(bugprone-empty-catch): thrown again where it was called
    thrown = std::current_exception();
  }
  call.work = nullptr;  // what it holds ends outside the lock
  lock.lock();
  call.thrown = thrown;
  call.phase = Call::Phase::kDone;
  if (call.overdue) --stuck;
  work_ended.notify_all();
}

TimelyCalls::TimelyCalls(TimelyOptions options) : options_(options), state_(std::make_shared<State>()) {
  state_->ended.resize(options.threads);
  for (unsigned i = 0; i < options.threads; ++i)
    state_->threads.emplace_back([state = state_, i] { state->serve(i); });
}

TimelyCalls::~TimelyCalls() { stop(); }

CallEnd TimelyCalls::run(std::function<void()> work) {
  State& state = *state_;
  using Call = State::Call;
  const auto call = std::make_shared<Call>(Call{.work = std::move(work)});
  std::unique_lock lock(state.mutex);
  if (state.stopping || state.stuck >= options_.threads) return CallEnd::kFull;
  const auto patience = state.stuck > 0 ? options_.patience_while_stuck : options_.patience;
  state.queue.push_back(call);
  state.work_came.notify_one();
  if (state.work_ended.wait_for(lock, patience, [&] { return call->phase == Call::Phase::kDone; })) {
    if (call->thrown) std::rethrow_exception(call->thrown);
    return CallEnd::kDone;
  }
  if (call->phase == Call::Phase::kRunning) {
    call->overdue = true;
    ++state.stuck;
  } else {
    call->phase = Call::Phase::kAbandoned;
  }
  return CallEnd::kLate;
}

unsigned TimelyCalls::stuck() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stuck;
}

bool TimelyCalls::stop() {
  std::vector<std::thread> threads;
  std::vector<bool> ended;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->work_came.notify_all();
    const auto all_ended = [this] {
      return std::find(state_->ended.begin(), state_->ended.end(), false) == state_->ended.end();
    };
    state_->work_ended.wait_for(lock, options_.patience, all_ended);
    threads = std::exchange(state_->threads, {});
    ended = state_->ended;
  }
  bool all = true;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (ended[i]) {
      threads[i].join();
    } else {
      threads[i].detach();
      all = false;
    }
  }
  return all;
}

}  // namespace walguard::server
