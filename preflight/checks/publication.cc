// publication: what is written before it is announced in shared memory must be there for whoever sees the
// announcement.
//
// This is how WAL commits. The writer appends frames to the -wal file and then stores their number in the
// mapped -shm; a reader sees the number and reads the frames, without a lock and without asking how long the
// file is. Two files, two caches: a filesystem may keep the mapping of one coherent and serve stale pages of
// the other.
//
// WAL alone reads a file like that. A rollback journal's reader, and a WAL in exclusive mode, locks the
// database first; so what is written and looked for without any lock is judged here and not in
// write-visibility.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/agent/pattern.h"
#include "preflight/agent/shared_map.h"
#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr double kSeconds = 0.2;  // of publishing, each way
constexpr double kPatience = 2;   // for one announcement to be answered
// A disk that is busy may hold up one write for that long; the reader must still be there when it is done.
constexpr double kWriteStall = 10;
constexpr int kRounds = 400;          // at most
constexpr std::size_t kFrames = 64;   // then the log begins anew, over what everybody has cached
constexpr long kFirstLockByte = 120;  // of -shm: WRITE, CKPT, RECOVER, READ0-4
constexpr long kLockBytes = 8;

// One way: `writer` publishes, `reader` reads. Files of its own, since a side's cache remembers.
class Publication {
 public:
  Publication(CheckContext& context, Side writer, Numbers& numbers)
      : writer_(context, writer), reader_(context, other(writer)), numbers_(numbers) {
    const std::string prefix = "wg-publication-" + name_of(writer);
    log_of_writer_ = writer_.open(prefix + ".db-wal", /*create=*/true);
    log_of_reader_ = reader_.open(prefix + ".db-wal", /*create=*/false);
    index_of_writer_ = writer_.open(prefix + ".db-shm", /*create=*/true);
    index_of_reader_ = reader_.open(prefix + ".db-shm", /*create=*/false);
    writer_.call("grow", {{"file", index_of_writer_}, {"size", SharedMap::kRegionBytes}});
    map_shared(writer_, index_of_writer_, SharedMap::kRegionBytes);
    map_shared(reader_, index_of_reader_, SharedMap::kRegionBytes);
  }

  // Announced by the agents' own line instead of by memory: the least that can be asked of the log.
  void by_word_of_mouth(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const std::size_t offset = i % 2 == 0 ? 0 : static_cast<std::size_t>(i) * kBlock;
      write(offset);
      expect_size();
      expect(reads_back(offset), "a write without a lock is not seen by the other side");
    }
    writer_.call("truncate", {{"file", log_of_writer_}, {"size", 0}});
    size_ = 0;
    expect_size();
  }

  // By memory alone, as fast as it goes. Returns how long each announcement took to come back, its frame
  // read.
  std::vector<double> by_memory(double seconds, int rounds) {
    const Json game = {{"word", 16},           {"echo", SharedMap::kPageWords + 16},
                       {"frames", kFrames},    {"first", 1},
                       {"rounds", rounds},     {"seconds", seconds},
                       {"patience", kPatience}};
    Json publish = game;
    publish["file"] = log_of_writer_;
    Json subscribe = game;
    subscribe["file"] = log_of_reader_;
    subscribe["seconds"] = seconds + kWriteStall;
    const Call reading = reader_.send("subscribe", subscribe);
    const Json published = writer_.call_for(seconds + kPatience, "publish", publish);
    const Json read = reader_.wait(reading, seconds + kWriteStall + kPatience);
    numbers_["publications"] += read.at("rounds").get<double>();
    numbers_["stale_reads"] += read.at("stale").get<double>();
    const auto longest = read.at("longest_stale_seconds").get<double>();
    expect(longest == 0,
           "a frame announced in shared memory was not there yet when read at once; whole after " +
               std::to_string(longest) + " s at the longest");
    expect(published.at("answered").get<bool>(), "an announcement in shared memory was not seen within " +
                                                     std::to_string(static_cast<int>(kPatience)) + " s");
    return published.at("round_trips").get<std::vector<double>>();
  }

  // A lock of the -shm passes from writer to reader; the log itself is never locked.
  void by_lock_of_index(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const long byte = kFirstLockByte + i % kLockBytes;
      const std::size_t word = 64 + static_cast<std::size_t>(i);
      const std::size_t offset = static_cast<std::size_t>(i) % kFrames * kBlock;
      take_lock(writer_, index_of_writer_, "write", byte, 1);
      write(offset);
      writer_.call("map-store", {{"words", {word}}, {"value", i + 1}});
      take_lock(writer_, index_of_writer_, "none", byte, 1);
      // As the next writer, and as a reader.
      take_lock(reader_, index_of_reader_, i % 2 == 0 ? "write" : "read", byte, 1);
      const Json values = reader_.call("map-load", {{"words", {word}}}).at("values");
      expect(values.at(0).get<std::int64_t>() == i + 1,
             "a store, handed over with a lock of the -shm, is not seen");
      expect(reads_back(offset), "a write to the -wal, handed over with a lock of the -shm, is not seen");
      take_lock(reader_, index_of_reader_, "none", byte, 1);
      numbers_["handed_over"] += 1;
    }
  }

 private:
  void write(std::size_t offset) {
    writer_.call("write", {{"file", log_of_writer_}, {"pieces", {{offset, kBlock, ++seed_}}}});
    size_ = std::max(size_, offset + kBlock);
  }

  bool reads_back(std::size_t offset) {
    const Json read = reader_.call("read", {{"file", log_of_reader_}, {"pieces", {{offset, kBlock}}}});
    return read.at(0) == Json({kBlock, fingerprint(pattern(seed_, kBlock))});
  }

  void expect_size() {
    const auto seen = reader_.call("size", {{"file", log_of_reader_}}).at("size").get<std::size_t>();
    expect(seen == size_, "a new size without a lock is not seen by the other side");
  }

  void expect(bool right, const std::string& otherwise) const {
    if (right) return;
    throw CheckStopped{
        fail(name_of(writer_.side()) + " to " + name_of(reader_.side()) + ": " + otherwise, numbers_)};
  }

  Hand writer_;
  Hand reader_;
  Numbers& numbers_;
  int log_of_writer_ = 0;
  int log_of_reader_ = 0;
  int index_of_writer_ = 0;
  int index_of_reader_ = 0;
  std::uint64_t seed_ = 0;
  std::size_t size_ = 0;
};

}  // namespace

CheckOutcome check_publication(CheckContext& context) {
  Numbers numbers = {{"publications", 0}, {"stale_reads", 0}};
  std::vector<double> round_trips;
  for (const Side writer : {Side::kA, Side::kB}) {
    Publication publication(context, writer, numbers);
    publication.by_word_of_mouth(rounds_for(context.profile, 10));
    const std::vector<double> measured =
        publication.by_memory(rounds_for(context.profile, 1) * kSeconds,
                              context.profile == Profile::kQuick ? kRounds : 10 * kRounds);
    round_trips.insert(round_trips.end(), measured.begin(), measured.end());
    publication.by_lock_of_index(rounds_for(context.profile, 32));
  }
  add_percentiles(numbers, "publication", std::move(round_trips));
  return pass("what shared memory announces can be read at once, without a lock on the file", numbers);
}

}  // namespace walguard::preflight
