#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/pattern.h"

// A file mapped shared, as SQLite maps its -shm. After "map" no operation here makes a file or lock call: on
// some network filesystems those refresh the mapping, which would hide exactly the fault that is looked for.
namespace walguard::preflight {
namespace {

using Clock = std::chrono::steady_clock;
using Word = std::uint32_t;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

double percentile(std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// Lets the other side run where both share a processor.
class PoliteSpin {
 public:
  void pause() {
    if (++spins_ % 64 == 0) ::sched_yield();
  }

 private:
  unsigned spins_ = 0;
};

// The header that WAL readers trust (SQLite, "WAL-index header"): 12 words, kept twice. The writer fills the
// second copy first; a reader that sees both alike, with a right checksum, holds a whole header and needed no
// lock for it.
constexpr std::size_t kHeaderWords = 12;
using Header = std::array<Word, kHeaderWords>;

// Every word follows from the first, so a mixture of two headers is known for one whatever its checksum says.
Header header_for(Word change) {
  Header header{};
  header[0] = change;
  for (std::size_t i = 1; i < kHeaderWords; ++i) header.at(i) = static_cast<Word>(mix(change, i));
  return header;
}

class MapOps {
 public:
  explicit MapOps(std::shared_ptr<WorkerContext> context) : context_(std::move(context)) {}
  MapOps(const MapOps&) = delete;
  MapOps& operator=(const MapOps&) = delete;
  ~MapOps() {
    if (words_ != nullptr) ::munmap(words_, bytes_);
  }

  // {"file","bytes"}: maps it shared and touches every page, so that this side has them cached from now on.
  // The size as fstat sees it is returned without mapping where it is too small: a touch past the end is
  // SIGBUS.
  OpResult map(const Json& arguments) {
    bytes_ = arguments.at("bytes").get<std::size_t>();
    struct stat status{};
    if (::fstat(context_->file(arguments), &status) != 0) return tl::unexpected(errno_error("fstat"));
    if (static_cast<std::size_t>(status.st_size) < bytes_) return Json{{"size", status.st_size}};
    void* const address =
        ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, context_->file(arguments), 0);
    if (address == MAP_FAILED) return tl::unexpected(errno_error("mmap"));
    words_ = static_cast<Word*>(address);
    Word touched = 0;
    for (std::size_t i = 0; i < bytes_ / sizeof(Word); i += 1024) touched |= load(i);
    return Json{{"size", status.st_size}, {"touched", touched}};
  }

  // {"word","value"}
  OpResult store_value(const Json& arguments) {
    store(arguments.at("word").get<std::size_t>(), arguments.at("value").get<Word>());
    return Json::object();
  }

  // {"word","value","seconds"}: polls memory alone. "at_once" is whether the very first look saw it.
  OpResult await_value(const Json& arguments) {
    const auto word = arguments.at("word").get<std::size_t>();
    const auto value = arguments.at("value").get<Word>();
    const auto start = Clock::now();
    const auto give_up = in_seconds(arguments.at("seconds").get<double>());
    if (load(word) == value) return Json{{"seen", true}, {"at_once", true}, {"seconds", 0}};
    PoliteSpin spin;
    while (load(word) != value) {
      if (Clock::now() > give_up) return Json{{"seen", false}, {"at_once", false}, {"holds", load(word)}};
      spin.pause();
    }
    return Json{{"seen", true}, {"at_once", false}, {"seconds", seconds_since(start)}};
  }

  // {"ball","echo","rounds","seconds"}: stores 1, 2, 3... in word `ball` and waits for each in word `echo`.
  OpResult serve(const Json& arguments) {
    const auto ball = arguments.at("ball").get<std::size_t>();
    const auto echo = arguments.at("echo").get<std::size_t>();
    const auto rounds = arguments.at("rounds").get<Word>();
    const auto give_up = in_seconds(arguments.at("seconds").get<double>());
    std::vector<double> round_trips;
    for (Word round = 1; round <= rounds; ++round) {
      const auto start = Clock::now();
      store(ball, round);
      if (!spin_until(echo, round, give_up)) break;
      round_trips.push_back(seconds_since(start));
    }
    store(ball, kGameOver);
    std::ranges::sort(round_trips);
    return Json{{"rounds", round_trips.size()},
                {"p50", percentile(round_trips, 0.50)},
                {"p99", percentile(round_trips, 0.99)},
                {"max", percentile(round_trips, 1.0)}};
  }

  // {"ball","echo","seconds"}: the other player.
  OpResult echo(const Json& arguments) {
    const auto ball = arguments.at("ball").get<std::size_t>();
    const auto echo_word = arguments.at("echo").get<std::size_t>();
    const auto give_up = in_seconds(arguments.at("seconds").get<double>());
    Word seen = 0;
    PoliteSpin spin;
    while (Clock::now() < give_up) {
      const Word now = load(ball);
      if (now == kGameOver) break;
      if (now != seen) store(echo_word, seen = now);
      spin.pause();
    }
    return Json::object();
  }

  // {"seconds","change"}: publishes headers as fast as it can from `change` on. Returns the last one's
  // number.
  OpResult write_headers(const Json& arguments) {
    const auto give_up = in_seconds(arguments.at("seconds").get<double>());
    auto change = arguments.at("change").get<Word>();
    do {
      const Header header = header_for(++change);
      for (std::size_t i = 0; i < kHeaderWords; ++i) store(kHeaderWords + i, header.at(i));
      for (std::size_t i = 0; i < kHeaderWords; ++i) store(i, header.at(i));
    } while (Clock::now() < give_up);
    return Json{{"change", change}};
  }

  // {"seconds"}: reads headers by the double-read protocol and looks for one that it should not have
  // accepted.
  OpResult read_headers(const Json& arguments) {
    const auto give_up = in_seconds(arguments.at("seconds").get<double>());
    std::uint64_t accepted = 0;
    std::uint64_t retried = 0;
    std::uint64_t mixed = 0;
    std::uint64_t backwards = 0;
    Word newest = 0;
    do {
      const Header first = load_header(0);
      if (first != load_header(kHeaderWords)) {
        ++retried;
        continue;
      }
      ++accepted;
      if (first[0] != 0 && first != header_for(first[0])) ++mixed;
      if (first[0] < newest) ++backwards;
      newest = first[0];
    } while (Clock::now() < give_up);
    return Json{{"accepted", accepted},
                {"retried", retried},
                {"mixed", mixed},
                {"backwards", backwards},
                {"newest", newest}};
  }

 private:
  static constexpr Word kGameOver = 0xffffffff;

  // Ordered like SQLite's barrier-separated accesses, and never folded or cached by the compiler.
  void store(std::size_t word, Word value) { std::atomic_ref<Word>(*at(word)).store(value); }
  Word load(std::size_t word) { return std::atomic_ref<Word>(*at(word)).load(); }
  Word* at(std::size_t word) {
    if (words_ == nullptr || (word + 1) * sizeof(Word) > bytes_)
      throw std::out_of_range("word outside the mapping");
    return words_ + word;
  }

  Header load_header(std::size_t first_word) {
    Header header{};
    for (std::size_t i = 0; i < kHeaderWords; ++i) header.at(i) = load(first_word + i);
    return header;
  }

  bool spin_until(std::size_t word, Word value, Clock::time_point give_up) {
    PoliteSpin spin;
    while (load(word) != value) {
      if (Clock::now() > give_up) return false;
      spin.pause();
    }
    return true;
  }

  std::shared_ptr<WorkerContext> context_;
  Word* words_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace

void add_map_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  const auto ops = std::make_shared<MapOps>(context);
  table["map"] = [ops](const Json& arguments) { return ops->map(arguments); };
  table["map-store"] = [ops](const Json& arguments) { return ops->store_value(arguments); };
  table["map-await"] = [ops](const Json& arguments) { return ops->await_value(arguments); };
  table["map-serve"] = [ops](const Json& arguments) { return ops->serve(arguments); };
  table["map-echo"] = [ops](const Json& arguments) { return ops->echo(arguments); };
  table["map-write-headers"] = [ops](const Json& arguments) { return ops->write_headers(arguments); };
  table["map-read-headers"] = [ops](const Json& arguments) { return ops->read_headers(arguments); };
}

}  // namespace walguard::preflight
