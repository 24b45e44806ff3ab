#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/ops.h"
#include "preflight/agent/pattern.h"
#include "preflight/agent/shared_map.h"
#include "preflight/agent/timing.h"

// Publishing as WAL does it: a frame goes into the log by pwrite, then its number into shared memory; whoever
// sees the number reads the frame at once, without a lock and without asking for the file's size.
namespace walguard::preflight {
namespace {

using Word = SharedMap::Word;
using Bytes = std::vector<std::uint8_t>;

constexpr Word kGameOver = 0xffffffff;
// SQLite's WAL: a header of 32 bytes, then frames of a 24-byte header and a page, each written on its own.
constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kPage = 4096;

off_t offset_of(std::size_t frame) { return static_cast<off_t>(kLogHeader + frame * (kFrameHeader + kPage)); }

Bytes frame_bytes(Word number) { return pattern(number, kFrameHeader + kPage); }

tl::expected<void, OpError> write_all(int fd, const std::uint8_t* bytes, std::size_t length, off_t offset) {
  const ssize_t written = ::pwrite(fd, bytes, length, offset);
  if (written < 0) return tl::unexpected(errno_error("pwrite"));
  if (static_cast<std::size_t>(written) != length) return tl::unexpected(errno_error("short pwrite", ENOSPC));
  return {};
}

class PublicationOps {
 public:
  PublicationOps(std::shared_ptr<WorkerContext> context, std::shared_ptr<SharedMap> map)
      : context_(std::move(context)), map_(std::move(map)) {}

  // {"file","word","echo","frames","first","rounds","seconds","patience"}: publishes numbers from `first` on,
  // each with its frame; the log is begun anew after `frames` of them. Waits up to `patience` for each to
  // come back in word `echo`, and stops after `rounds` or `seconds`, whichever is first.
  OpResult publish(const Json& arguments) {
    const auto first = arguments.at("first").get<Word>();
    const auto rounds = arguments.at("rounds").get<Word>();
    const auto time = arguments.at("seconds").get<double>();
    const Stopwatch game;
    Json round_trips = Json::array();
    bool answered = true;
    for (Word number = first; answered && number < first + rounds && game.seconds() < time; ++number) {
      if (const auto written = append(arguments, number); !written) {
        map_->store(arguments.at("word").get<std::size_t>(), kGameOver);
        return tl::unexpected(written.error());
      }
      const Stopwatch watch;
      map_->store(arguments.at("word").get<std::size_t>(), number);
      answered = await_echo(arguments, number);
      if (answered) round_trips.push_back(watch.seconds());
    }
    map_->store(arguments.at("word").get<std::size_t>(), kGameOver);
    return Json{{"round_trips", round_trips}, {"answered", answered}};
  }

  // The same arguments: watches `word` by memory alone and reads each number's frame at once. One that is not
  // whole is "stale", and is read again until it is, to say for how long.
  OpResult subscribe(const Json& arguments) {
    const auto word = arguments.at("word").get<std::size_t>();
    const double time = arguments.at("seconds").get<double>() + arguments.at("patience").get<double>();
    const Stopwatch game;
    Word seen = arguments.at("first").get<Word>() - 1;
    std::uint64_t rounds = 0;
    std::uint64_t stale = 0;
    double longest = 0;
    PoliteSpin spin;
    while (game.seconds() < time) {
      const Word now = map_->load(word);
      if (now == kGameOver) break;
      // Until the first number comes, the word holds what an earlier game has left there.
      if (now == seen || now < arguments.at("first").get<Word>()) {
        spin.pause();
        continue;
      }
      seen = now;
      ++rounds;
      const auto delay = seconds_until_whole(arguments, now, time - game.seconds());
      if (!delay) return tl::unexpected(delay.error());
      if (*delay > 0) ++stale;
      longest = std::max(longest, *delay);
      map_->store(arguments.at("echo").get<std::size_t>(), now);
    }
    return Json{{"rounds", rounds}, {"stale", stale}, {"longest_stale_seconds", longest}};
  }

 private:
  static std::size_t frame_of(const Json& arguments, Word number) {
    return (number - arguments.at("first").get<Word>()) % arguments.at("frames").get<std::size_t>();
  }

  tl::expected<void, OpError> append(const Json& arguments, Word number) {
    const int fd = context_->file(arguments);
    const Bytes bytes = frame_bytes(number);
    const off_t offset = offset_of(frame_of(arguments, number));
    auto header = write_all(fd, bytes.data(), kFrameHeader, offset);
    if (!header) return header;
    return write_all(fd, bytes.data() + kFrameHeader, kPage, offset + static_cast<off_t>(kFrameHeader));
  }

  bool await_echo(const Json& arguments, Word number) {
    const auto echo = arguments.at("echo").get<std::size_t>();
    const auto patience = arguments.at("patience").get<double>();
    const Stopwatch watch;
    PoliteSpin spin;
    while (map_->load(echo) != number) {
      if (watch.seconds() > patience) return false;
      spin.pause();
    }
    return true;
  }

  // 0 where the first read brought the whole frame.
  tl::expected<double, OpError> seconds_until_whole(const Json& arguments, Word number, double patience) {
    const int fd = context_->file(arguments);
    const Bytes expected = frame_bytes(number);
    const off_t offset = offset_of(frame_of(arguments, number));
    const Stopwatch watch;
    bool first = true;
    PoliteSpin spin;
    while (true) {
      Bytes bytes(expected.size());
      const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), offset);
      if (got < 0) return tl::unexpected(errno_error("pread"));
      if (static_cast<std::size_t>(got) == bytes.size() && bytes == expected) break;
      first = false;
      if (watch.seconds() > patience) break;
      spin.pause();
    }
    return first ? 0 : watch.seconds();
  }

  std::shared_ptr<WorkerContext> context_;
  std::shared_ptr<SharedMap> map_;
};

}  // namespace

void add_publication_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context,
                         const std::shared_ptr<SharedMap>& map) {
  const auto ops = std::make_shared<PublicationOps>(context, map);
  table["publish"] = [ops](const Json& arguments) { return ops->publish(arguments); };
  table["subscribe"] = [ops](const Json& arguments) { return ops->subscribe(arguments); };
}

}  // namespace walguard::preflight
