// byte-range-locks: does a lock that one process holds keep out another, exactly where SQLite locks?
//
// The whole matrix on bytes 120 to 128 of a -shm file (WRITE, CKPT, RECOVER, READ0-4, DMS) and on PENDING,
// RESERVED and SHARED of a database file: with one held, another process asks about all of them. Asking
// (F_GETLK) and trying (F_SETLK) must agree; only the held one may be refused, and a read lock refuses only
// writers. Then: a lock ends with unlock, with close and with SIGKILL of its holder.
//
// Stock SQLite takes POSIX locks; some builds take open file description (OFD) locks, and then meet the
// others' POSIX ones. A filesystem that does not know OFD locks fails: such a build cannot lock a database
// there, and who shares the volume cannot know how everybody's SQLite was built.
//
// At the end locks are passed back and forth as fast as they go, for the latency of a hand-over: the time
// from one side's unlock until it holds the lock that the other let go of in answer. Two hand-overs, by one
// clock.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

struct Range {
  std::string_view name;
  long start;
  long length;
};

// SQLite, os.h and wal.c.
constexpr long kPending = 0x40000000;
constexpr std::array<Range, 9> kShmRanges = {{{"WAL_WRITE", 120, 1},
                                              {"WAL_CKPT", 121, 1},
                                              {"WAL_RECOVER", 122, 1},
                                              {"WAL_READ0", 123, 1},
                                              {"WAL_READ1", 124, 1},
                                              {"WAL_READ2", 125, 1},
                                              {"WAL_READ3", 126, 1},
                                              {"WAL_READ4", 127, 1},
                                              {"DMS", 128, 1}}};
constexpr std::array<Range, 3> kDatabaseRanges = {
    {{"PENDING", kPending, 1}, {"RESERVED", kPending + 1, 1}, {"SHARED", kPending + 2, 510}}};

struct LockFile {
  std::string name;
  std::vector<Range> ranges;
};

const std::array<LockFile, 2>& lock_files() {
  static const std::array<LockFile, 2> files = {
      LockFile{"wg-locks.db-shm", {kShmRanges.begin(), kShmRanges.end()}},
      LockFile{"wg-locks.db", {kDatabaseRanges.begin(), kDatabaseRanges.end()}}};
  return files;
}

// Which kind of lock the holder takes and with which kind the other meets it.
struct Kinds {
  bool holder_ofd;
  bool asker_ofd;
};
constexpr std::array<Kinds, 4> kAllKinds = {{{false, false}, {true, true}, {true, false}, {false, true}}};

constexpr double kReleaseSeconds = 3;
constexpr double kReleaseInterval = 0.005;
constexpr double kRallySeconds = 0.1;
constexpr int kRallyRounds = 2000;

std::string kind(bool ofd) { return ofd ? "OFD" : "POSIX"; }

std::string describe(const Hand& holder, const Hand& asker, const Kinds& kinds) {
  return "held by " + name_of(holder.side()) + " (" + kind(kinds.holder_ofd) + "), met by " +
         (holder.side() == asker.side() ? "another process of " : "") + name_of(asker.side()) + " (" +
         kind(kinds.asker_ofd) + ")";
}

Json range_json(const Range& range) { return {{"start", range.start}, {"length", range.length}}; }

Json lock_arguments(int file, bool ofd, std::string_view type, const Range& range) {
  Json arguments = range_json(range);
  arguments.update({{"file", file}, {"ofd", ofd}, {"type", type}});
  return arguments;
}

bool lock(Hand& hand, int file, bool ofd, std::string_view type, const Range& range) {
  return hand.call("lock", lock_arguments(file, ofd, type, range)).at("granted").get<bool>();
}

// One process with both lock files open.
struct Party {
  Party(CheckContext& context, Side side) : hand(context, side) {
    for (const LockFile& file : lock_files()) files.push_back(hand.open(file.name, /*create=*/false));
  }
  Hand hand;
  std::vector<int> files;
};

// What the asker must be told about one range, or why its answer is wrong.
std::string judge(const Json& answer, bool is_held, std::string_view held_type, std::string_view wanted) {
  const bool conflict = is_held && (held_type == "write" || wanted == "write");
  const bool granted = answer.at("granted").get<bool>();
  const auto told = answer.at("getlk").get<std::string>();
  const std::string lock = std::string(wanted) + " lock";
  if (conflict && granted)
    return "a " + lock + " was granted beside a held " + std::string(held_type) + " lock";
  if (!conflict && !granted) return "a " + lock + " was refused where none conflicts";
  if (conflict && told == "none") return "F_GETLK says free where F_SETLK refuses a " + lock;
  if (!conflict && told != "none") return "F_GETLK says " + told + "-locked where F_SETLK grants a " + lock;
  return {};
}

class Matrix {
 public:
  Matrix(Party& holder, Party& asker, const Kinds& kinds, Numbers& numbers)
      : holder_(holder), asker_(asker), kinds_(kinds), numbers_(numbers) {}

  void run() {
    for (std::size_t file = 0; file < lock_files().size(); ++file) {
      for (const Range& held : lock_files().at(file).ranges) {
        for (const std::string_view type : {"read", "write"}) try_one(file, held, type);
      }
    }
  }

 private:
  void try_one(std::size_t file, const Range& held, std::string_view type) {
    if (!lock(holder_.hand, holder_.files.at(file), kinds_.holder_ofd, type, held)) {
      stop(held, "a " + std::string(type) + " lock was refused though nobody held one");
    }
    ask_about_all(file, &held, type);
    lock(holder_.hand, holder_.files.at(file), kinds_.holder_ofd, "none", held);
    ask_about_all(file, nullptr, "none");
  }

  void ask_about_all(std::size_t file, const Range* held, std::string_view held_type) {
    const std::vector<Range>& ranges = lock_files().at(file).ranges;
    Json asked = Json::array();
    for (const Range& range : ranges) asked.push_back(range_json(range));
    const Json answers = asker_.hand.call(
        "lock-probe", {{"file", asker_.files.at(file)}, {"ofd", kinds_.asker_ofd}, {"ranges", asked}});
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (const char* const wanted : {"read", "write"}) {
        const bool is_held = held != nullptr && ranges[i].start == held->start;
        const std::string wrong = judge(answers.at(i).at(wanted), is_held, held_type, wanted);
        numbers_["answers"] += 1;
        if (!wrong.empty()) stop(ranges[i], held == nullptr ? wrong + " after unlock" : wrong);
      }
    }
  }

  [[noreturn]] void stop(const Range& range, const std::string& wrong) const {
    throw CheckStopped{
        fail(wrong + " on " + std::string(range.name) + ", " + describe(holder_.hand, asker_.hand, kinds_),
             numbers_)};
  }

  Party& holder_;
  Party& asker_;
  Kinds kinds_;
  Numbers& numbers_;
};

// Waits until `asker` gets a write lock that `how` should have set free. At once on one kernel; over a
// network the release is a message of its own.
void expect_release(CheckContext& context, Party& asker, const Kinds& kinds, const Range& range,
                    const std::string& how, Numbers& numbers) {
  const auto start = Clock::now();
  while (!lock(asker.hand, asker.files.at(0), kinds.asker_ofd, "write", range)) {
    if (Seconds(Clock::now() - start).count() > kReleaseSeconds) {
      throw CheckStopped{fail("a " + kind(kinds.holder_ofd) + " lock on " + std::string(range.name) +
                                  " is still held " + std::to_string(static_cast<int>(kReleaseSeconds)) +
                                  " s after " + how,
                              numbers)};
    }
    if (const auto idled = context.session.idle(Seconds(kReleaseInterval)); !idled) {
      throw CheckStopped{outcome_of(idled.error())};
    }
  }
  lock(asker.hand, asker.files.at(0), kinds.asker_ofd, "none", range);
  double& longest = numbers["longest_release_seconds"];
  longest = std::max(longest, Seconds(Clock::now() - start).count());
}

void check_releases(CheckContext& context, Side holder_side, Party& asker, const Kinds& kinds,
                    Numbers& numbers) {
  const Range& range = kShmRanges.front();
  const auto hold = [&](Party& holder) {
    if (lock(holder.hand, holder.files.at(0), kinds.holder_ofd, "write", range)) return;
    throw CheckStopped{
        fail("a write lock was refused though nobody held one, " + describe(holder.hand, asker.hand, kinds),
             numbers)};
  };
  Party closing(context, holder_side);
  hold(closing);
  closing.hand.call("close", {{"file", closing.files.at(0)}});
  expect_release(context, asker, kinds, range, "its holder closed the file", numbers);

  Party dying(context, holder_side);
  hold(dying);
  dying.hand.kill_and_wait();
  expect_release(context, asker, kinds, range, "SIGKILL of its holder", numbers);
}

void make_lock_files(CheckContext& context) {
  Hand maker(context, Side::kA);
  for (const LockFile& file : lock_files()) {
    const int handle = maker.open(file.name, /*create=*/true);
    maker.call("write", {{"file", handle}, {"pieces", {{0, 4096, 1}}}});
  }
}

// Whether this side can take such locks at all; "" or the name of the refusal.
std::string refusal(Party& party, bool ofd) {
  const Range& range = kShmRanges.front();
  const Outcome<Json> taken =
      party.hand.try_call("lock", lock_arguments(party.files.at(0), ofd, "write", range));
  if (taken) {
    lock(party.hand, party.files.at(0), ofd, "none", range);
    return {};
  }
  constexpr std::array<std::string_view, 4> kRefusals = {"ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL"};
  const bool refused = taken.error().kind == Failure::Kind::kRefused &&
                       std::ranges::find(kRefusals, taken.error().error) != kRefusals.end();
  if (!refused) throw CheckStopped{outcome_of(taken.error())};
  return taken.error().what;
}

std::vector<double> time_hand_overs(Party& leader, Party& follower, Profile profile) {
  const long first = kShmRanges.at(3).start;
  const long second = kShmRanges.at(4).start;
  const double seconds = rounds_for(profile, 1) * kRallySeconds;
  take_lock(leader.hand, leader.files.at(0), "write", first, 1);
  take_lock(follower.hand, follower.files.at(0), "write", second, 1);
  const auto arguments = [first, second, seconds](const Party& party, bool leads) {
    return Json{{"file", party.files.at(0)},
                {"hold", leads ? first : second},
                {"want", leads ? second : first},
                {"leads", leads},
                {"rounds", kRallyRounds},
                {"patience", kReleaseSeconds},
                // The follower plays for as long as the leader may wait for an answer.
                {"seconds", seconds + (leads ? 0 : kReleaseSeconds)}};
  };
  const Call following = follower.hand.send("lock-rally", arguments(follower, false));
  const Json led = leader.hand.call_for(seconds + kReleaseSeconds, "lock-rally", arguments(leader, true));
  follower.hand.wait(following, seconds + kReleaseSeconds);
  auto round_trips = led.at("round_trips").get<std::vector<double>>();
  // None at all may be a process that got no processor. The lock itself must have been let go all the same.
  for (Party* const party : {&leader, &follower}) {
    for (const long byte : {first, second}) take_lock(party->hand, party->files.at(0), "none", byte, 1);
  }
  for (Party* const party : {&leader, &follower}) {
    take_lock(party->hand, party->files.at(0), "write", first, 1);
    take_lock(party->hand, party->files.at(0), "none", first, 1);
  }
  return round_trips;
}

}  // namespace

CheckOutcome check_byte_range_locks(CheckContext& context) {
  make_lock_files(context);
  Party a(context, Side::kA);
  Party b(context, Side::kB);
  for (Party* const party : {&a, &b}) {
    if (const std::string why = refusal(*party, /*ofd=*/false); !why.empty()) {
      return unsupported("locks are refused: " + why);
    }
  }
  for (Party* const party : {&a, &b}) {
    if (const std::string why = refusal(*party, /*ofd=*/true); !why.empty()) {
      return fail("OFD locks are refused (" + why +
                  "): a SQLite built to take them cannot lock a database here");
    }
  }
  Numbers numbers = {{"answers", 0}};
  for (const Kinds& kinds : kAllKinds) {
    Matrix(a, b, kinds, numbers).run();
    Matrix(b, a, kinds, numbers).run();
    check_releases(context, Side::kA, b, kinds, numbers);
    check_releases(context, Side::kB, a, kinds, numbers);
  }
  if (context.workspace.two_views()) {
    // A filesystem may keep locks between its mounts and not within one.
    constexpr Kinds kStock{.holder_ofd = false, .asker_ofd = false};
    for (Party* const party : {&a, &b}) {
      Party neighbour(context, party->hand.side());
      Matrix(*party, neighbour, kStock, numbers).run();
    }
  }
  std::vector<double> round_trips = time_hand_overs(a, b, context.profile);
  const std::vector<double> other_way = time_hand_overs(b, a, context.profile);
  round_trips.insert(round_trips.end(), other_way.begin(), other_way.end());
  numbers["handovers"] = 2 * static_cast<double>(round_trips.size());
  add_percentiles(numbers, "handover", std::move(round_trips));
  return pass("every conflict refused, nothing else; released by unlock, close and SIGKILL", numbers);
}

}  // namespace walguard::preflight
