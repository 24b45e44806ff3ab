#include "preflight/checks/kept_writes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/agent/pattern.h"
#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"
#include "preflight/conductor/session.h"

namespace walguard::preflight {
namespace {

constexpr std::size_t kPage = 4096;
// How readers cut a file up: by pages, and across them with ends that no cache has.
constexpr std::array<std::size_t, 3> kReadSizes = {kPage, 3907, 61001};
// The bytes that SQLite locks in a database file; a lock orders writer and reader on filesystems that need
// one.
constexpr long kSharedFirst = 0x40000002;
constexpr long kSharedBytes = 510;

// The writes to one file, in order. Each has a seed of its own, so that no stale byte can pass for a new one.
class Plan {
 public:
  explicit Plan(std::uint64_t first_seed) : seed_(first_seed) {}

  void write(std::size_t offset, std::size_t length) {
    const std::vector<std::uint8_t> bytes = pattern(seed_, length);
    content_.resize(std::max(content_.size(), offset + length));
    std::ranges::copy(bytes, content_.begin() + static_cast<std::ptrdiff_t>(offset));
    pieces_.push_back({offset, length, seed_++});
  }

  [[nodiscard]] const Json& pieces() const { return pieces_; }
  /// What the file must hold in the end.
  [[nodiscard]] const std::vector<std::uint8_t>& content() const { return content_; }

 private:
  std::uint64_t seed_;
  Json pieces_ = Json::array();
  std::vector<std::uint8_t> content_;
};

// Pages in order; then all of them again, scattered, the change counter in the header now and then.
void write_like_a_database(Plan& plan) {
  constexpr std::size_t kPages = 137;  // a prime, so that the steps below reach them all
  for (std::size_t i = 0; i < kPages; ++i) plan.write(i * kPage, kPage);
  for (std::size_t i = 0; i < kPages; ++i) {
    plan.write(i * 61 % kPages * kPage, kPage);
    if (i % 8 == 0) plan.write(24, 4);
  }
}

// A header, records of page number, page and checksum, and the header's count of them rewritten at every
// sync.
void write_like_a_journal(Plan& plan) {
  constexpr std::size_t kSector = 512;
  plan.write(0, kSector);
  for (std::size_t record = 0; record < 48; ++record) {
    const std::size_t offset = kSector + record * (kPage + 8);
    plan.write(offset, 4);
    plan.write(offset + 4, kPage);
    plan.write(offset + 4 + kPage, 4);
    if (record % 4 == 3) plan.write(8, 8);
  }
}

// A header and frames of header and page; then it begins anew over the old frames.
void write_like_a_wal(Plan& plan) {
  constexpr std::size_t kFrameHeader = 24;
  for (const std::size_t frames : {std::size_t{64}, std::size_t{24}}) {
    plan.write(0, 32);
    for (std::size_t frame = 0; frame < frames; ++frame) {
      const std::size_t offset = 32 + frame * (kFrameHeader + kPage);
      plan.write(offset, kFrameHeader);
      plan.write(offset + kFrameHeader, kPage);
    }
  }
}

struct Kind {
  std::string_view suffix;
  void (*plan)(Plan&);
};
constexpr std::array<Kind, 3> kKinds = {
    {{"", write_like_a_database}, {"-journal", write_like_a_journal}, {"-wal", write_like_a_wal}}};

void write_file(CheckContext& context, Side side, const std::string& name, const Plan& plan) {
  Hand writer(context, side);
  const int file = writer.open(name, /*create=*/true);
  take_lock(writer, file, "write", kSharedFirst, kSharedBytes);
  writer.call("write", {{"file", file}, {"pieces", plan.pieces()}});
  writer.call("sync", {{"file", file}});
  writer.call("drop-cache", {{"file", file}});
  take_lock(writer, file, "none", kSharedFirst, kSharedBytes);
}

std::string describe(Side writer, Side reader, const std::string& name, std::size_t offset, const Json& piece,
                     const Json& read) {
  const std::string where = name + " at byte " + std::to_string(offset) + ", written and synced by " +
                            name_of(writer) + ", read anew by " + name_of(reader);
  const auto asked = piece.at(1).get<std::size_t>();
  const auto got = read.at(0).get<std::size_t>();
  if (got == asked) return "other bytes than were written: " + where;
  return "a read of " + std::to_string(asked) + " bytes brought " + std::to_string(got) + ": " + where;
}

void compare_file(CheckContext& context, Side writer, Side reader, const std::string& name, const Plan& plan,
                  Numbers& numbers) {
  Hand hand(context, reader);
  const int file = hand.open(name, /*create=*/false);
  take_lock(hand, file, "read", kSharedFirst, kSharedBytes);
  const std::span<const std::uint8_t> content(plan.content());
  for (const std::size_t size : kReadSizes) {
    Json pieces = Json::array();
    for (std::size_t at = 0; at < content.size(); at += size) {
      pieces.push_back({at, std::min(size, content.size() - at)});
    }
    hand.call("drop-cache", {{"file", file}});
    const Json reads = hand.call("read", {{"file", file}, {"pieces", pieces}});
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::size_t offset = i * size;
      const auto expected = content.subspan(offset, pieces.at(i).at(1).get<std::size_t>());
      if (reads.at(i) == Json({expected.size(), fingerprint(expected)})) continue;
      throw CheckStopped{fail(describe(writer, reader, name, offset, pieces.at(i), reads.at(i)), numbers)};
    }
    numbers["bytes_compared"] += static_cast<double>(content.size());
  }
}

}  // namespace

void check_kept_writes(CheckContext& context, Numbers& numbers) {
  std::uint64_t seed = 1;
  for (int round = 0; round < rounds_for(context.profile, 1); ++round) {
    for (const Side writer : {Side::kA, Side::kB}) {
      for (const Kind& kind : kKinds) {
        Plan plan(seed);
        kind.plan(plan);
        seed += plan.pieces().size();
        const std::string name = "wg-kept-by-" + name_of(writer) + ".db" + std::string(kind.suffix);
        write_file(context, writer, name, plan);
        numbers["writes"] += static_cast<double>(plan.pieces().size());
        for (const Side reader : {other(writer), writer}) {
          compare_file(context, writer, reader, name, plan, numbers);
        }
        Hand(context, writer).call("unlink", {{"name", name}});
      }
    }
  }
}

}  // namespace walguard::preflight
