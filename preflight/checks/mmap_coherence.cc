// mmap-coherence: is a file mapped shared by two processes one memory?
//
// WAL keeps its index in such a file and reads it without a lock or any other call to the kernel, so nothing
// else here may touch the file while it is watched: on some network filesystems a lock refreshes the mapping
// and hides the fault. Order comes from the agents' own line: A stores, A says so, B is told, B looks. On one
// memory the very first look must see it, however loaded the machine is; no clock is compared and no delay is
// forgiven.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/agent/shared_map.h"
#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kPageWords = SharedMap::kPageWords;
constexpr std::size_t kPageBytes = kPageWords * sizeof(SharedMap::Word);
constexpr std::size_t kBytes = 2 * SharedMap::kRegionBytes;
constexpr double kWatchSeconds = 2;  // how long an unseen store is watched for
constexpr double kRallySeconds = 0.15;
constexpr int kRallyRounds = 2000;
constexpr double kHammerSeconds = 0.2;
// Words of the file, a page or more apart; the header protocol uses the first 24.
constexpr std::size_t kRallyPage = 1;
constexpr std::size_t kToldPage = 4;
constexpr std::size_t kToldPages = 12;
// Every other page of a file of its own, so that each is a write of its own when they are written back: more
// than enough for a write in fifty to be lost among them.
constexpr std::size_t kStampedPages = 136;
constexpr std::size_t kStampedBytes = 2 * kStampedPages * kPageBytes;

// `stores` stores by one, each looked for by the other at once.
void tell_and_look(Hand& writer, Hand& reader, int stores, Numbers& numbers) {
  const std::string way = name_of(writer.side()) + "'s stores in " + name_of(reader.side()) + "'s mapping";
  int late = 0;
  double latest = 0;
  for (int i = 0; i < stores; ++i) {
    const std::size_t page = kToldPage + static_cast<std::size_t>(i) % kToldPages;
    // One word for each direction, so that neither is ever left with the other's last value.
    const std::size_t word = page * kPageWords + (writer.side() == Side::kA ? 16 : 32);
    writer.call("map-store", {{"words", {word}}, {"value", i + 1}});
    const Json seen = reader.call_for(kWatchSeconds, "map-await",
                                      {{"word", word}, {"value", i + 1}, {"seconds", kWatchSeconds}});
    numbers["stores"] += 1;
    if (!seen.at("seen").get<bool>()) {
      numbers["unseen"] += 1;
      throw CheckStopped{fail("not seen within 2 s: " + way + " (two page caches)", numbers)};
    }
    if (seen.at("at_once").get<bool>()) continue;
    ++late;
    latest = std::max(latest, seen.at("seconds").get<double>());
  }
  numbers["stale_looks"] += late;
  if (late == 0) return;
  numbers["longest_stale_seconds"] = latest;
  throw CheckStopped{fail("seen late, by up to " + std::to_string(latest) + " s: " + way, numbers)};
}

// Back and forth as fast as memory goes, for the numbers only. A store's visibility is measured there and
// back, since no two clocks are compared.
void rally(Hand& server, Hand& echoer, std::size_t page, std::vector<double>& round_trips) {
  const Json words = {{"ball", page * kPageWords}, {"echo", page * kPageWords + 512}};
  Json serve = words;
  serve.update({{"rounds", kRallyRounds}, {"seconds", kRallySeconds}});
  Json echo = words;
  echo.update({{"seconds", kRallySeconds + 1}});
  const Call echoing = echoer.send("map-echo", echo);
  const Json result = server.call_for(kRallySeconds, "map-serve", serve);
  echoer.wait(echoing, kRallySeconds + 1);
  for (const Json& seconds : result.at("round_trips")) round_trips.push_back(seconds.get<double>());
}

// The double-read of the wal-index header while the other side rewrites it without a pause.
void hammer_headers(Hand& writer, Hand& reader, std::uint32_t first_change, Numbers& numbers) {
  const Json time = {{"seconds", kHammerSeconds}};
  Json write = time;
  write["change"] = first_change;
  const Call writing = writer.send("map-write-headers", write);
  const Json read = reader.call_for(kHammerSeconds, "map-read-headers", time);
  const auto last = writer.wait(writing, kHammerSeconds).at("change").get<std::uint64_t>();
  const Json settled = reader.call("map-read-headers", {{"seconds", 0}});

  numbers["header_reads"] += read.at("accepted").get<double>();
  numbers["header_retries"] += read.at("retried").get<double>();
  const std::string who = name_of(reader.side());
  if (read.at("mixed").get<double>() > 0) {
    throw CheckStopped{fail(who + " read a wal-index header mixed of two and could not know it", numbers)};
  }
  if (read.at("backwards").get<double>() > 0) {
    throw CheckStopped{fail(who + " read an older wal-index header after a newer one", numbers)};
  }
  if (settled.at("newest").get<std::uint64_t>() != last) {
    throw CheckStopped{fail(who + " does not see the last wal-index header written", numbers)};
  }
}

// What is stored must outlive the memory it was stored in: written back and dropped, as happens when memory
// runs short, the file holds it on both sides.
void write_back_and_reread(CheckContext& context, Side writer) {
  const std::uint32_t first_value = writer == Side::kA ? 1 : 1001;
  const std::string file = "wg-mmap-" + name_of(writer) + ".db-shm";
  Json words = Json::array();
  for (std::size_t i = 0; i < kStampedPages; ++i) words.push_back(2 * i * kPageWords + i % kPageWords);
  {
    Hand hand(context, writer);
    const int handle = hand.open(file, /*create=*/true);
    hand.call("write", {{"file", handle}, {"pieces", {{0, kStampedBytes, 0}}}});
    map_shared(hand, handle, kStampedBytes);
    hand.call("map-store", {{"words", words}, {"value", first_value}});
    hand.call("map-write-back", Json::object());
    hand.call("unmap", Json::object());
    hand.call("sync", {{"file", handle}});
    hand.call("drop-cache", {{"file", handle}});
    hand.call("close", {{"file", handle}});
  }
  for (const Side side : {other(writer), writer}) {
    Hand reader(context, side);
    const int handle = reader.open(file, /*create=*/false);
    reader.call("drop-cache", {{"file", handle}});
    map_shared(reader, handle, kStampedBytes);
    const Json values = reader.call("map-load", {{"words", words}}).at("values");
    for (std::size_t i = 0; i < kStampedPages; ++i) {
      if (values.at(i).get<std::uint64_t>() == first_value + i) continue;
      throw CheckStopped{fail("a page that " + name_of(writer) +
                              " stored into and wrote back (msync) came back " + "without it to " +
                              name_of(side) + ": page " + std::to_string(2 * i))};
    }
    if (side == writer) reader.call("unlink", {{"name", file}});
  }
}

}  // namespace

CheckOutcome check_mmap_coherence(CheckContext& context) {
  Hand a(context, Side::kA);
  Hand b(context, Side::kB);
  const std::string file = "wg-mmap.db-shm";
  const int file_a = a.open(file, /*create=*/true);
  // Written, not only extended: a store into a hole of a full filesystem is SIGBUS, which would blame the
  // wrong thing.
  a.call("write", {{"file", file_a}, {"pieces", {{0, kBytes, 0}}}});
  map_shared(a, file_a, kBytes);
  map_shared(b, b.open(file, /*create=*/false), kBytes);

  Numbers numbers = {{"stores", 0}, {"stale_looks", 0}};
  const int stores = rounds_for(context.profile, 60);
  tell_and_look(a, b, stores, numbers);
  tell_and_look(b, a, stores, numbers);
  std::vector<double> round_trips;
  rally(a, b, kRallyPage, round_trips);
  rally(b, a, kRallyPage + 1, round_trips);
  numbers["round_trips"] = static_cast<double>(round_trips.size());
  add_percentiles(numbers, "visibility", std::move(round_trips));
  hammer_headers(a, b, 1, numbers);
  hammer_headers(b, a, 0x40000000, numbers);
  for (const Side side : {Side::kA, Side::kB}) write_back_and_reread(context, side);
  return pass("every store seen at once, both ways, and kept when written back", numbers);
}

}  // namespace walguard::preflight
