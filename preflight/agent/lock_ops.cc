#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <stdio.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"

// Byte-range locks as SQLite takes them: never waiting. A range is {"start","length"}; "ofd": true takes open
// file description locks, false the POSIX ones of stock SQLite.
namespace walguard::preflight {
namespace {

struct flock range_of(const Json& range, short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = range.at("start").get<off_t>();
  lock.l_len = range.at("length").get<off_t>();
  return lock;
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

}  // namespace

void add_lock_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  table["lock"] = [context](const Json& arguments) { return lock(*context, arguments); };
  table["lock-probe"] = [context](const Json& arguments) { return probe(*context, arguments); };
}

}  // namespace walguard::preflight
