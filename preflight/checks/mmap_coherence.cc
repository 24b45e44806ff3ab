// mmap-coherence: is a file mapped shared by two processes one memory?
//
// WAL keeps its index in such a file and reads it without a lock or any other call to the kernel, so nothing
// else here may touch the file while it is watched: on some network filesystems a lock refreshes the mapping
// and hides the fault. Order comes from the agents' own line: A stores, A says so, B is told, B looks. On one
// memory the very first look must see it, however loaded the machine is; no clock is compared and no delay is
// forgiven.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kBytes = 64UL * 1024;  // -shm grows in units of 32 KiB
constexpr std::size_t kWordsPerPage = 1024;
constexpr double kWatchSeconds = 2;  // how long an unseen store is watched for
constexpr double kRallySeconds = 0.3;
constexpr double kHammerSeconds = 0.3;
// Words of the file, a page or more apart; the header protocol uses the first 24.
constexpr std::size_t kRallyPage = 1;
constexpr std::size_t kToldPage = 4;
constexpr std::size_t kToldPages = 12;

using Numbers = std::map<std::string, double>;

bool means_unsupported(std::string_view error) {
  constexpr std::array<std::string_view, 6> kRefusals = {"ENODEV", "EINVAL", "EACCES",
                                                         "EPERM",  "ENOSYS", "EOPNOTSUPP"};
  return std::ranges::find(kRefusals, error) != kRefusals.end();
}

std::string name(Side side) { return side == Side::kA ? "A" : "B"; }

void map_file(Hand& hand, int file) {
  const Outcome<Json> mapped = hand.try_call("map", {{"file", file}, {"bytes", kBytes}});
  if (!mapped) {
    const bool refused =
        mapped.error().kind == Failure::Kind::kRefused && means_unsupported(mapped.error().error);
    throw CheckStopped{refused ? unsupported("a shared mapping is refused: " + mapped.error().what)
                               : outcome_of(mapped.error())};
  }
  const auto size = mapped->at("size").get<std::size_t>();
  if (size < kBytes) {
    throw CheckStopped{fail(name(hand.side()) + " sees " + std::to_string(size) + " of the " +
                            std::to_string(kBytes) + " bytes that the other wrote")};
  }
}

// `stores` stores by one, each looked for by the other at once.
void tell_and_look(Hand& writer, Hand& reader, int stores, Numbers& numbers) {
  const std::string way = name(writer.side()) + "'s stores in " + name(reader.side()) + "'s mapping";
  int late = 0;
  double latest = 0;
  for (int i = 0; i < stores; ++i) {
    const std::size_t page = kToldPage + static_cast<std::size_t>(i) % kToldPages;
    // One word for each direction, so that neither is ever left with the other's last value.
    const std::size_t word = page * kWordsPerPage + (writer.side() == Side::kA ? 16 : 32);
    const Json what = {{"word", word}, {"value", i + 1}};
    writer.call("map-store", what);
    Json look = what;
    look["seconds"] = kWatchSeconds;
    const Json seen = reader.call_for(kWatchSeconds, "map-await", look);
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

// Back and forth as fast as memory goes; for the numbers only.
void rally(Hand& server, Hand& echoer, std::size_t page, Numbers& numbers) {
  const Json words = {{"ball", page * kWordsPerPage}, {"echo", page * kWordsPerPage + 512}};
  Json serve = words;
  serve.update({{"rounds", 20000}, {"seconds", kRallySeconds}});
  Json echo = words;
  echo.update({{"seconds", kRallySeconds + 1}});
  const Call echoing = echoer.send("map-echo", echo);
  const Json result = server.call_for(kRallySeconds, "map-serve", serve);
  echoer.wait(echoing, kRallySeconds + 1);
  numbers["round_trips"] += result.at("rounds").get<double>();
  for (const char* const figure : {"p50", "p99", "max"}) {
    double& worst = numbers["round_trip_" + std::string(figure) + "_seconds"];
    worst = std::max(worst, result.at(figure).get<double>());
  }
}

// The double-read of the wal-index header while the other side rewrites it without a pause.
void hammer_headers(Hand& writer, Hand& reader, std::uint32_t first_change, Numbers& numbers) {
  const Json time = {{"seconds", kHammerSeconds}};
  Json write = time;
  write["change"] = first_change;
  const Call writing = writer.send("map-write-headers", write);
  const Json read = reader.call_for(kHammerSeconds, "map-read-headers", time);
  const auto last = writer.wait(writing, kHammerSeconds).at("change").get<std::uint32_t>();
  const Json settled = reader.call("map-read-headers", {{"seconds", 0}});

  numbers["header_reads"] += read.at("accepted").get<double>();
  numbers["header_retries"] += read.at("retried").get<double>();
  const std::string who = name(reader.side());
  if (read.at("mixed").get<double>() > 0) {
    throw CheckStopped{fail(who + " read a wal-index header mixed of two and could not know it", numbers)};
  }
  if (read.at("backwards").get<double>() > 0) {
    throw CheckStopped{fail(who + " read an older wal-index header after a newer one", numbers)};
  }
  if (settled.at("newest").get<std::uint32_t>() != last) {
    throw CheckStopped{fail(who + " does not see the last wal-index header written", numbers)};
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
  a.call("write", {{"file", file_a}, {"offset", 0}, {"length", kBytes}, {"seed", 0}});
  map_file(a, file_a);
  map_file(b, b.open(file, /*create=*/false));

  Numbers numbers = {{"stores", 0}, {"stale_looks", 0}};
  const int stores = context.profile == Profile::kQuick ? 60 : 1000;
  tell_and_look(a, b, stores, numbers);
  tell_and_look(b, a, stores, numbers);
  rally(a, b, kRallyPage, numbers);
  rally(b, a, kRallyPage + 1, numbers);
  hammer_headers(a, b, 1, numbers);
  hammer_headers(b, a, 0x40000000, numbers);
  return pass("every store seen at once, both ways", numbers);
}

}  // namespace walguard::preflight
