// write-visibility: what one side has done to a file or a name, the other must find done.
//
// As in mmap-coherence order comes from the agents' own line, so nothing is forgiven for being late: A's call
// has returned before B looks. B has looked before, so that whatever it caches is cached: old bytes, an old
// size, a name, or the absence of a name. SQLite tells a hot journal from none and a live -wal from a stale
// one by just this.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "preflight/agent/pattern.h"
#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr long kReservedByte = 0x40000001;

class Visibility {
 public:
  Visibility(CheckContext& context, Side doer, std::map<std::string, double>& numbers)
      : way_(doer == Side::kA ? "A's" : "B's"),
        prefix_(doer == Side::kA ? "wg-seen-by-b-" : "wg-seen-by-a-"),
        doer_(context, doer),
        looker_(context, doer == Side::kA ? Side::kB : Side::kA),
        numbers_(numbers) {}

  void run(int rounds) {
    const int written = doer_.open(prefix_ + "data", /*create=*/true);
    write(written, 0, next_seed());
    const int seen = looker_.open(prefix_ + "data", /*create=*/false);
    for (int i = 0; i < rounds; ++i) overwrite(written, seen, /*with_lock=*/true);
    for (int i = 0; i < rounds; ++i) overwrite(written, seen, /*with_lock=*/false);
    grow_and_truncate(written, seen, rounds);
    for (int i = 0; i < rounds; ++i) names(prefix_ + "name-" + std::to_string(i));
  }

 private:
  std::uint64_t next_seed() { return ++seed_; }

  void write(int file, std::size_t offset, std::uint64_t seed) {
    doer_.call("write", {{"file", file}, {"offset", offset}, {"length", kBlock}, {"seed", seed}});
  }

  void expect_block(int file, std::size_t offset, std::uint64_t seed, const std::string& what) {
    const Json read = looker_.call("read", {{"file", file}, {"offset", offset}, {"length", kBlock}});
    const bool right = read.at("length").get<std::size_t>() == kBlock &&
                       read.at("fingerprint").get<std::uint64_t>() == fingerprint(pattern(seed, kBlock));
    expect(right, what);
  }

  void expect(bool right, const std::string& what) {
    numbers_["looks"] += 1;
    if (!right) throw CheckStopped{fail(way_ + " " + what + " is not seen by the other side", numbers_)};
  }

  void lock(Hand& hand, int file, std::string_view type) {
    hand.call("lock",
              {{"file", file}, {"ofd", false}, {"type", type}, {"start", kReservedByte}, {"length", 1}});
  }

  void overwrite(int written, int seen, bool with_lock) {
    const std::uint64_t seed = next_seed();
    if (with_lock) lock(doer_, written, "write");
    write(written, 0, seed);
    if (with_lock) {
      lock(doer_, written, "none");
      lock(looker_, seen, "read");
    }
    expect_block(seen, 0, seed, with_lock ? "write, handed over with a lock," : "write, without a lock,");
    if (with_lock) lock(looker_, seen, "none");
  }

  void grow_and_truncate(int written, int seen, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const std::uint64_t seed = next_seed();
      write(written, kBlock, seed);
      expect_size(seen, 2 * kBlock, "growth of a file");
      expect_block(seen, kBlock, seed, "appended block");
      doer_.call("truncate", {{"file", written}, {"size", kBlock}});
      expect_size(seen, kBlock, "truncation of a file");
    }
  }

  void expect_size(int file, std::size_t size, const std::string& what) {
    expect(looker_.call("size", {{"file", file}}).at("size").get<std::size_t>() == size, what);
  }

  bool exists(const std::string& name) {
    return looker_.call("exists", {{"name", name}}).at("exists").get<bool>();
  }

  // One name through its life, looked at before and after each step.
  void names(const std::string& name) {
    const std::string renamed = name + "-renamed";
    expect(!exists(name), "absence of a file");
    create(name, "file made under a name looked up in vain before");
    expect(!exists(renamed), "absence of a file");
    doer_.call("rename", {{"from", name}, {"to", renamed}});
    expect(exists(renamed), "rename (its new name)");
    expect(!exists(name), "rename (its old name)");
    create(name, "file made anew under a name renamed away");
    doer_.call("unlink", {{"name", name}});
    expect(!exists(name), "unlinking of a file");
    create(name, "file made anew under a name unlinked before");
    doer_.call("unlink", {{"name", name}});
    doer_.call("unlink", {{"name", renamed}});
  }

  void create(const std::string& name, const std::string& what) {
    const std::uint64_t seed = next_seed();
    const int made = doer_.open(name, /*create=*/true);
    write(made, 0, seed);
    expect(exists(name), what);
    const int seen = looker_.open(name, /*create=*/false);
    expect_block(seen, 0, seed, "content of a " + what);
    looker_.call("close", {{"file", seen}});
    doer_.call("close", {{"file", made}});
  }

  std::string way_;
  std::string prefix_;
  Hand doer_;
  Hand looker_;
  std::map<std::string, double>& numbers_;
  std::uint64_t seed_ = 0;
};

}  // namespace

CheckOutcome check_write_visibility(CheckContext& context) {
  std::map<std::string, double> numbers = {{"looks", 0}};
  const int rounds = context.profile == Profile::kQuick ? 10 : 100;
  for (const Side doer : {Side::kA, Side::kB}) Visibility(context, doer, numbers).run(rounds);
  return pass("writes, sizes, names and absences seen at once, both ways", numbers);
}

}  // namespace walguard::preflight
