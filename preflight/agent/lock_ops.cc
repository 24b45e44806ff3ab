#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <stdio.h>
#include <sys/types.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/timing.h"

// Byte-range locks as SQLite takes them: never waiting. A range is {"start","length"}; "ofd": true takes open
// file description locks, false the POSIX ones of stock SQLite.
namespace walguard::preflight {
namespace {

struct flock range_of(off_t start, off_t length, short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

struct flock range_of(const Json& range, short type) {
  return range_of(range.at("start").get<off_t>(), range.at("length").get<off_t>(), type);
}

short lock_type(const std::string& word) {
  if (word == "read") return F_RDLCK;
  return word == "write" ? F_WRLCK : F_UNLCK;
}

const char* type_word(short type) {
  if (type == F_RDLCK) return "read";
  return type == F_WRLCK ? "write" : "none";
}

// fcntl(2): a lock that is held elsewhere is EACCES or EAGAIN.
bool is_conflict(int error) { return error == EACCES || error == EAGAIN; }

tl::expected<bool, OpError> set_lock(int fd, bool ofd, struct flock lock) {
  if (::fcntl(fd, ofd ? F_OFD_SETLK : F_SETLK, &lock) == 0) return true;
  if (is_conflict(errno)) return false;
  return tl::unexpected(errno_error(ofd ? "fcntl(F_OFD_SETLK)" : "fcntl(F_SETLK)"));
}

// {"file","ofd","type":"read|write|none","start","length"}
OpResult lock(const WorkerContext& context, const Json& arguments) {
  const auto type = lock_type(arguments.at("type").get<std::string>());
  const auto granted =
      set_lock(context.file(arguments), arguments.at("ofd").get<bool>(), range_of(arguments, type));
  if (!granted) return tl::unexpected(granted.error());
  return Json{{"granted", *granted}};
}

// What one who holds nothing here is told about one range, by asking and by trying; what is granted is given
// back.
tl::expected<Json, OpError> probe_range(int fd, bool ofd, const Json& range, short type) {
  struct flock asked = range_of(range, type);
  if (::fcntl(fd, ofd ? F_OFD_GETLK : F_GETLK, &asked) != 0) {
    return tl::unexpected(errno_error(ofd ? "fcntl(F_OFD_GETLK)" : "fcntl(F_GETLK)"));
  }
  const auto granted = set_lock(fd, ofd, range_of(range, type));
  if (!granted) return tl::unexpected(granted.error());
  if (*granted) {
    if (const auto unlocked = set_lock(fd, ofd, range_of(range, F_UNLCK)); !unlocked) {
      return tl::unexpected(unlocked.error());
    }
  }
  return Json{{"getlk", type_word(asked.l_type)}, {"granted", *granted}};
}

// {"file","ofd","ranges":[...]}: for each range, {"read":{...},"write":{...}}.
OpResult probe(const WorkerContext& context, const Json& arguments) {
  Json answers = Json::array();
  for (const Json& range : arguments.at("ranges")) {
    Json answer;
    for (const char* const word : {"read", "write"}) {
      auto result =
          probe_range(context.file(arguments), arguments.at("ofd").get<bool>(), range, lock_type(word));
      if (!result) return tl::unexpected(result.error());
      answer[word] = *result;
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

// Tries until `start` is granted; false after `patience` seconds.
tl::expected<bool, OpError> await_lock(int fd, off_t start, double patience) {
  const Stopwatch watch;
  PoliteSpin spin;
  while (true) {
    auto granted = set_lock(fd, /*ofd=*/false, range_of(start, 1, F_WRLCK));
    if (!granted || *granted) return granted;
    if (watch.seconds() > patience) return false;
    spin.pause();
  }
}

// {"file","hold","want","leads","rounds","seconds","patience"}: two processes, each with one of two bytes
// locked, pass them back and forth. The leader lets go of its own and tries for the other's; the other, once
// it has got what was let go, lets go in turn. So each round is two hand-overs, timed by one clock. Ends with
// nothing locked.
OpResult lock_rally(const WorkerContext& context, const Json& arguments) {
  const int fd = context.file(arguments);
  auto held = arguments.at("hold").get<off_t>();
  auto wanted = arguments.at("want").get<off_t>();
  const bool leads = arguments.at("leads").get<bool>();
  const auto rounds = arguments.at("rounds").get<std::size_t>();
  const auto time = arguments.at("seconds").get<double>();
  const Stopwatch game;
  Json round_trips = Json::array();
  while (round_trips.size() < rounds && game.seconds() < time) {
    const Stopwatch watch;
    if (leads) (void)set_lock(fd, false, range_of(held, 1, F_UNLCK));
    const auto granted = await_lock(fd, wanted, arguments.at("patience").get<double>());
    if (!granted) return tl::unexpected(granted.error());
    if (!*granted) break;
    if (!leads) (void)set_lock(fd, false, range_of(held, 1, F_UNLCK));
    round_trips.push_back(watch.seconds());
    std::swap(held, wanted);
  }
  for (const off_t byte : {held, wanted}) (void)set_lock(fd, false, range_of(byte, 1, F_UNLCK));
  return Json{{"round_trips", round_trips}};
}

}  // namespace

void add_lock_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  table["lock"] = [context](const Json& arguments) { return lock(*context, arguments); };
  table["lock-rally"] = [context](const Json& arguments) { return lock_rally(*context, arguments); };
  table["lock-probe"] = [context](const Json& arguments) { return probe(*context, arguments); };
}

}  // namespace walguard::preflight
