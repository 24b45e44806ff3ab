#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/pattern.h"
#include "preflight/agent/shared_map.h"
#include "preflight/agent/timing.h"

// What one side does with a file mapped shared. After "map" no operation here makes a file or lock call
// (shared_map.h), but for "map-write-back", which is one.
namespace walguard::preflight {
namespace {

using Word = SharedMap::Word;

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
  MapOps(std::shared_ptr<WorkerContext> context, std::shared_ptr<SharedMap> map)
      : context_(std::move(context)), map_(std::move(map)) {}

  // {"file","bytes"}: maps what is not mapped yet. The size as fstat sees it is returned without mapping
  // where it is too small, since a touch past the end is SIGBUS.
  OpResult map(const Json& arguments) {
    const auto bytes = arguments.at("bytes").get<std::size_t>();
    const int fd = context_->file(arguments);
    struct stat status{};
    if (::fstat(fd, &status) != 0) return tl::unexpected(errno_error("fstat"));
    if (static_cast<std::size_t>(status.st_size) >= bytes) {
      if (const auto mapped = map_->map(fd, bytes); !mapped) return tl::unexpected(mapped.error());
    }
    return Json{{"size", status.st_size}};
  }

  OpResult unmap(const Json& /*arguments*/) {
    map_->unmap();
    return Json::object();
  }

  OpResult write_back(const Json& /*arguments*/) {
    if (const auto written = map_->write_back(); !written) return tl::unexpected(written.error());
    return Json::object();
  }

  // {"words":[...],"value"}: the value into the first word, value + 1 into the second, ...
  OpResult store_values(const Json& arguments) {
    auto value = arguments.at("value").get<Word>();
    for (const Json& word : arguments.at("words")) map_->store(word.get<std::size_t>(), value++);
    return Json::object();
  }

  // {"words":[...]}
  OpResult load_values(const Json& arguments) {
    Json values = Json::array();
    for (const Json& word : arguments.at("words")) values.push_back(map_->load(word.get<std::size_t>()));
    return Json{{"values", values}};
  }

  // {"word","value","seconds"}: polls memory alone. "at_once" is whether the very first look saw it.
  OpResult await_value(const Json& arguments) {
    const auto word = arguments.at("word").get<std::size_t>();
    const auto value = arguments.at("value").get<Word>();
    const auto patience = arguments.at("seconds").get<double>();
    const Stopwatch watch;
    if (map_->load(word) == value) return Json{{"seen", true}, {"at_once", true}, {"seconds", 0}};
    PoliteSpin spin;
    while (map_->load(word) != value) {
      if (watch.seconds() > patience) {
        return Json{{"seen", false}, {"at_once", false}, {"holds", map_->load(word)}};
      }
      spin.pause();
    }
    return Json{{"seen", true}, {"at_once", false}, {"seconds", watch.seconds()}};
  }

  // {"ball","echo","rounds","seconds"}: stores 1, 2, 3... in word `ball` and waits for each in word `echo`.
  OpResult serve(const Json& arguments) {
    const auto ball = arguments.at("ball").get<std::size_t>();
    const auto echo = arguments.at("echo").get<std::size_t>();
    const auto rounds = arguments.at("rounds").get<Word>();
    const auto time = arguments.at("seconds").get<double>();
    const Stopwatch game;
    Json round_trips = Json::array();
    for (Word round = 1; round <= rounds; ++round) {
      const Stopwatch watch;
      map_->store(ball, round);
      PoliteSpin spin;
      while (map_->load(echo) != round && game.seconds() < time) spin.pause();
      if (map_->load(echo) != round) break;
      round_trips.push_back(watch.seconds());
    }
    map_->store(ball, kGameOver);
    return Json{{"round_trips", round_trips}};
  }

  // {"ball","echo","seconds"}: the other player.
  OpResult echo(const Json& arguments) {
    const auto ball = arguments.at("ball").get<std::size_t>();
    const auto echo_word = arguments.at("echo").get<std::size_t>();
    const auto time = arguments.at("seconds").get<double>();
    const Stopwatch game;
    Word seen = 0;
    PoliteSpin spin;
    while (game.seconds() < time) {
      const Word now = map_->load(ball);
      if (now == kGameOver) break;
      if (now != seen) map_->store(echo_word, seen = now);
      spin.pause();
    }
    return Json::object();
  }

  // {"seconds","change"}: publishes headers as fast as it can from `change` on. Returns the last one's
  // number.
  OpResult write_headers(const Json& arguments) {
    const auto time = arguments.at("seconds").get<double>();
    const Stopwatch watch;
    auto change = arguments.at("change").get<Word>();
    do {
      const Header header = header_for(++change);
      for (std::size_t i = 0; i < kHeaderWords; ++i) map_->store(kHeaderWords + i, header.at(i));
      for (std::size_t i = 0; i < kHeaderWords; ++i) map_->store(i, header.at(i));
    } while (watch.seconds() < time);
    return Json{{"change", change}};
  }

  // {"seconds"}: reads headers by the double-read protocol and looks for one that it should not have
  // accepted.
  OpResult read_headers(const Json& arguments) {
    const auto time = arguments.at("seconds").get<double>();
    const Stopwatch watch;
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
    } while (watch.seconds() < time);
    return Json{{"accepted", accepted},
                {"retried", retried},
                {"mixed", mixed},
                {"backwards", backwards},
                {"newest", newest}};
  }

 private:
  static constexpr Word kGameOver = 0xffffffff;

  Header load_header(std::size_t first_word) {
    Header header{};
    for (std::size_t i = 0; i < kHeaderWords; ++i) header.at(i) = map_->load(first_word + i);
    return header;
  }

  std::shared_ptr<WorkerContext> context_;
  std::shared_ptr<SharedMap> map_;
};

}  // namespace

void add_map_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context,
                 const std::shared_ptr<SharedMap>& map) {
  const auto ops = std::make_shared<MapOps>(context, map);
  table["map"] = [ops](const Json& arguments) { return ops->map(arguments); };
  table["unmap"] = [ops](const Json& arguments) { return ops->unmap(arguments); };
  table["map-write-back"] = [ops](const Json& arguments) { return ops->write_back(arguments); };
  table["map-store"] = [ops](const Json& arguments) { return ops->store_values(arguments); };
  table["map-load"] = [ops](const Json& arguments) { return ops->load_values(arguments); };
  table["map-await"] = [ops](const Json& arguments) { return ops->await_value(arguments); };
  table["map-serve"] = [ops](const Json& arguments) { return ops->serve(arguments); };
  table["map-echo"] = [ops](const Json& arguments) { return ops->echo(arguments); };
  table["map-write-headers"] = [ops](const Json& arguments) { return ops->write_headers(arguments); };
  table["map-read-headers"] = [ops](const Json& arguments) { return ops->read_headers(arguments); };
}

}  // namespace walguard::preflight
