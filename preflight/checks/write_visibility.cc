// write-visibility: what one side has done to a file or a name, the other must find done; and what was
// written must stay written.
//
// As in mmap-coherence order comes from the agents' own line, so nothing is forgiven for being late: A's call
// has returned before B looks. B has looked before, so that whatever it caches is cached: old bytes, an old
// size, a name, or the absence of a name. SQLite tells a hot journal from none and a live -wal from a stale
// one by just this.
//
// Everything here is handed over with locks on the database file, as every strategy does: whoever changes
// something holds its RESERVED, PENDING and SHARED bytes for writing, whoever looks holds SHARED for reading.
// Only WAL's readers look at a file without a lock; what they need is judged by `publication`, so that the
// verdicts of rollback and wal-exclusive do not fall for a promise they do not need.
#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "preflight/agent/pattern.h"
#include "preflight/checks/check.h"
#include "preflight/checks/kept_writes.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr long kReservedByte = 0x40000001;
constexpr long kPendingByte = 0x40000000;
constexpr long kSharedFirst = 0x40000002;
constexpr long kSharedBytes = 510;

// One way: `doer` changes things, the other side looks.
class Visibility {
 public:
  Visibility(CheckContext& context, Side doer, Numbers& numbers)
      : prefix_("wg-done-by-" + name_of(doer)),
        doer_(context, doer),
        looker_(context, other(doer)),
        numbers_(numbers),
        database_of_doer_(doer_.open(prefix_ + ".db", /*create=*/true)),
        database_of_looker_(looker_.open(prefix_ + ".db", /*create=*/false)) {}

  void run(int rounds) {
    for (int i = 0; i < rounds; ++i) overwrite();
    for (int i = 0; i < rounds; ++i) grow_and_truncate();
    for (int i = 0; i < rounds / 2; ++i) names(prefix_ + "-name-" + std::to_string(i));
  }

 private:
  // The locks of a rollback transaction, in SQLite's order; back to none at once.
  template <typename Step>
  void changing(const Step& step) {
    take_lock(doer_, database_of_doer_, "read", kSharedFirst, kSharedBytes);
    take_lock(doer_, database_of_doer_, "write", kReservedByte, 1);
    take_lock(doer_, database_of_doer_, "write", kPendingByte, 1);
    take_lock(doer_, database_of_doer_, "write", kSharedFirst, kSharedBytes);
    step();
    take_lock(doer_, database_of_doer_, "none", kPendingByte, 2 + kSharedBytes);
  }
  template <typename Step>
  void looking(const Step& step) {
    take_lock(looker_, database_of_looker_, "read", kSharedFirst, kSharedBytes);
    step();
    take_lock(looker_, database_of_looker_, "none", kSharedFirst, kSharedBytes);
  }

  void expect(bool right, const std::string& what) {
    numbers_["looks"] += 1;
    if (right) return;
    throw CheckStopped{fail(name_of(doer_.side()) + "'s " + what + " is not seen by " +
                                name_of(looker_.side()) +
                                ", though handed over with a lock of the database file",
                            numbers_)};
  }

  std::uint64_t write(int file, std::size_t offset) {
    doer_.call("write", {{"file", file}, {"pieces", {{offset, kBlock, ++seed_}}}});
    return seed_;
  }

  void expect_block(int file, std::size_t offset, std::uint64_t seed, const std::string& what) {
    const Json read = looker_.call("read", {{"file", file}, {"pieces", {{offset, kBlock}}}});
    const auto length = read.at(0).at(0).get<std::size_t>();
    expect(length == kBlock,
           what + " (a read of " + std::to_string(kBlock) + " bytes brought " + std::to_string(length) + ")");
    expect(read.at(0).at(1) == fingerprint(pattern(seed, kBlock)), what);
  }

  void expect_size(int file, std::size_t size, const std::string& what) {
    expect(looker_.call("size", {{"file", file}}).at("size").get<std::size_t>() == size, what);
    // One byte past the end: a reader with an old size finds something, or misses what is there.
    const Json read = looker_.call("read", {{"file", file}, {"pieces", {{size, 1}, {size - 1, 2}}}});
    expect(read.at(0).at(0) == 0 && read.at(1).at(0) == 1, what + " (by reading at its end)");
  }

  void overwrite() {
    std::uint64_t seed = 0;
    changing([&] { seed = write(database_of_doer_, 0); });
    looking([&] { expect_block(database_of_looker_, 0, seed, "write"); });
  }

  void grow_and_truncate() {
    std::uint64_t seed = 0;
    changing([&] { seed = write(database_of_doer_, kBlock); });
    looking([&] {
      expect_size(database_of_looker_, 2 * kBlock, "growth of a file");
      expect_block(database_of_looker_, kBlock, seed, "appended block");
    });
    changing([&] { truncate(kBlock); });
    looking([&] { expect_size(database_of_looker_, kBlock, "truncation of a file"); });
    changing([&] { truncate(2 * kBlock); });
    looking(
        [&] { expect_block(database_of_looker_, kBlock, /*seed=*/0, "block of zeros after a truncation"); });
    changing([&] { truncate(kBlock); });
  }

  void truncate(std::size_t size) { doer_.call("truncate", {{"file", database_of_doer_}, {"size", size}}); }

  // One name through its life, looked up before and after each step.
  void names(const std::string& name) {
    const std::string renamed = name + "-renamed";
    looking([&] { expect_no_file(name, "absence of a file"); });
    create(name, "file made under a name looked up in vain before");
    looking([&] { expect_no_file(renamed, "absence of a file"); });
    changing([&] { doer_.call("rename", {{"from", name}, {"to", renamed}}); });
    looking([&] {
      expect_file(renamed, "rename (its new name)");
      expect_no_file(name, "rename (its old name)");
    });
    const std::uint64_t seed = create(name, "file made anew under a name renamed away");
    changing([&] { doer_.call("rename", {{"from", name}, {"to", renamed}}); });
    looking([&] { expect_content(renamed, seed, "rename onto a name that was there"); });
    create(name, "file made anew under a name renamed away twice");
    changing([&] { doer_.call("unlink", {{"name", name}}); });
    looking([&] { expect_no_file(name, "unlinking of a file"); });
    create(name, "file made anew under a name unlinked before");
    changing([&] {
      doer_.call("unlink", {{"name", name}});
      doer_.call("unlink", {{"name", renamed}});
    });
    looking([&] { expect_no_file(renamed, "unlinking of a file"); });
  }

  std::uint64_t create(const std::string& name, const std::string& what) {
    std::uint64_t seed = 0;
    changing([&] {
      const int file = doer_.open(name, /*create=*/true);
      seed = write(file, 0);
      doer_.call("close", {{"file", file}});
    });
    looking([&] {
      expect_file(name, what);
      expect_content(name, seed, "content of a " + what);
    });
    return seed;
  }

  void expect_file(const std::string& name, const std::string& what) {
    const Json found = looker_.call("look-up", {{"name", name}});
    expect(found.at("access").get<bool>() && found.at("open").get<bool>(), what);
    expect(found.at("size").get<std::size_t>() == kBlock, "size of a " + what);
  }

  void expect_no_file(const std::string& name, const std::string& what) {
    const Json found = looker_.call("look-up", {{"name", name}});
    const bool by_any =
        found.at("access").get<bool>() || found.at("open").get<bool>() || found.at("size") != -1;
    expect(!by_any, what);
  }

  void expect_content(const std::string& name, std::uint64_t seed, const std::string& what) {
    const int file = looker_.open(name, /*create=*/false);
    expect_block(file, 0, seed, what);
    looker_.call("close", {{"file", file}});
  }

  std::string prefix_;
  Hand doer_;
  Hand looker_;
  Numbers& numbers_;
  int database_of_doer_;
  int database_of_looker_;
  std::uint64_t seed_ = 0;
};

}  // namespace

CheckOutcome check_write_visibility(CheckContext& context) {
  Numbers numbers = {{"looks", 0}, {"writes", 0}, {"bytes_compared", 0}};
  for (const Side doer : {Side::kA, Side::kB}) {
    Visibility(context, doer, numbers).run(rounds_for(context.profile, 8));
  }
  check_kept_writes(context, numbers);
  return pass("all changes seen at once under a lock of the database file; every byte read back uncached",
              numbers);
}

}  // namespace walguard::preflight
