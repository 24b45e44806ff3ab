// mmap-growth: does a file that one side makes longer or shorter have that length for the other, mappings
// included?
//
// WAL's index grows while everybody has it mapped: whoever needs more makes the -shm 32 KiB longer, the
// others ask for its size, map the new region and use it. A side whose kernel still believes the old size
// gets SIGBUS there, or memory that nobody else sees.
//
// And it begins anew: the first to open a database on which nobody holds the dead-man-switch lock cuts the
// -shm to 3 bytes (os_unix.c, unixLockSharedMemory); SQLite before 3.32 cut it to 0. What is mapped
// afterwards must be zeros on both sides, not what an earlier page cache held.
#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "preflight/agent/shared_map.h"
#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kRegionBytes = SharedMap::kRegionBytes;
constexpr std::size_t kRegionWords = SharedMap::kRegionWords;
constexpr std::size_t kRegions = 8;
constexpr double kWatchSeconds = 2;
// One word for each direction in each region, on two pages of it; never the first 3 bytes of the file.
constexpr std::size_t kWordOfA = 16;
constexpr std::size_t kWordOfB = kRegionWords - 1;

enum class Manner { kTruncate, kWrite };  // ftruncate to the new size, or a byte at the end of every new page

class Growth {
 public:
  explicit Growth(CheckContext& context)
      : a_(context, Side::kA),
        b_(context, Side::kB),
        file_a_(a_.open(kFile, /*create=*/true)),
        file_b_(b_.open(kFile, /*create=*/false)) {}

  Numbers run(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      for (const Side first : {Side::kA, Side::kB}) {
        grow_by_turns(first);
        start_anew(first, /*left_over=*/3);
        start_anew(first, /*left_over=*/0);
      }
    }
    return numbers_;
  }

 private:
  static constexpr const char* kFile = "wg-growth.db-shm";

  Hand& hand(Side side) { return side == Side::kA ? a_ : b_; }
  [[nodiscard]] int file(Side side) const { return side == Side::kA ? file_a_ : file_b_; }

  void expect(bool right, const std::string& otherwise) {
    numbers_["looks"] += 1;
    if (!right) throw CheckStopped{fail(otherwise, numbers_)};
  }

  void expect_size(Side side, std::size_t size, const std::string& after) {
    const auto seen = hand(side).call("size", {{"file", file(side)}}).at("size").get<std::size_t>();
    expect(seen == size, name_of(side) + " sees " + std::to_string(seen) + " bytes instead of " +
                             std::to_string(size) + " after " + name_of(other(side)) + " " + after);
  }

  // Each region by the other side and in the other manner than the one before.
  void grow_by_turns(Side first) {
    Side grower = first;
    for (std::size_t region = 0; region < kRegions; ++region) {
      grow(grower, region, region / 2 % 2 == 0 ? Manner::kTruncate : Manner::kWrite);
      exchange(region);
      grower = other(grower);
    }
  }

  void grow(Side grower, std::size_t region, Manner manner) {
    const std::size_t size = (region + 1) * kRegionBytes;
    const char* const op = manner == Manner::kTruncate ? "truncate" : "grow";
    hand(grower).call(op, {{"file", file(grower)}, {"size", size}});
    expect_size(other(grower), size, "made the file longer");
    for (const Side side : {other(grower), grower}) map_shared(hand(side), file(side), size);
    numbers_["growths"] += 1;
  }

  void exchange(std::size_t region) {
    for (const Side storer : {Side::kA, Side::kB}) {
      const std::size_t word = region * kRegionWords + (storer == Side::kA ? kWordOfA : kWordOfB);
      const std::uint32_t value = ++value_;
      hand(storer).call("map-store", {{"words", {word}}, {"value", value}});
      const Json seen = hand(other(storer))
                            .call_for(kWatchSeconds, "map-await",
                                      {{"word", word}, {"value", value}, {"seconds", kWatchSeconds}});
      expect(seen.at("at_once").get<bool>(), name_of(other(storer)) + " does not see at once what " +
                                                 name_of(storer) +
                                                 " stores in a region mapped after the file grew");
    }
  }

  // As after everybody has closed: nothing is mapped any more, and the next opener starts from nothing.
  void start_anew(Side opener, std::size_t left_over) {
    for (const Side side : {Side::kA, Side::kB}) hand(side).call("unmap", Json::object());
    hand(opener).call("truncate", {{"file", file(opener)}, {"size", left_over}});
    expect_size(other(opener), left_over, "cut the file");
    grow(opener, 0, Manner::kWrite);
    for (const Side side : {Side::kA, Side::kB}) {
      const Json values = hand(side).call("map-load", {{"words", {kWordOfA, kWordOfB}}}).at("values");
      expect(values == Json({0, 0}),
             name_of(side) + " finds old values in a file cut and made longer again by " + name_of(opener));
    }
    exchange(0);
    numbers_["new_beginnings"] += 1;
    for (const Side side : {Side::kA, Side::kB}) hand(side).call("unmap", Json::object());
    hand(opener).call("truncate", {{"file", file(opener)}, {"size", 0}});
  }

  Hand a_;
  Hand b_;
  int file_a_;
  int file_b_;
  std::uint32_t value_ = 0;
  Numbers numbers_;
};

}  // namespace

CheckOutcome check_mmap_growth(CheckContext& context) {
  const Numbers numbers = Growth(context).run(rounds_for(context.profile, 1));
  return pass("growth and cuts seen by the other side, new regions are one memory", numbers);
}

}  // namespace walguard::preflight
