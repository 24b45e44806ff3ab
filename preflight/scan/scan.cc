#include "preflight/scan/scan.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/link/errno_name.h"
#include "preflight/link/unique_fd.h"
#include "preflight/scan/sqlite_header.h"
#include "preflight/scan/walk.h"

namespace walguard::preflight {
namespace {

// A file's beginning, or the errno that kept it from being read.
struct Beginning {
  std::array<char, kDatabaseHeaderBytes> bytes{};
  std::size_t size = 0;
  int error = 0;

  [[nodiscard]] std::string_view text() const { return {bytes.data(), size}; }
};

std::uint64_t size_of(const struct stat& facts) {
  return static_cast<std::uint64_t>(std::max<off_t>(0, facts.st_size));
}

// O_NONBLOCK: of a file that became a FIFO a moment ago, or that somebody holds a lease on, nothing is
// awaited.
Beginning read_beginning(int folder, const char* name) {
  Beginning beginning;
  const UniqueFd file(open_quietly(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  struct stat facts{};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0) {
    beginning.error = errno;
    return beginning;
  }
  if (!S_ISREG(facts.st_mode)) return beginning;
  const ssize_t got = ::pread(file.get(), beginning.bytes.data(), beginning.bytes.size(), 0);
  if (got < 0) {
    beginning.error = errno;
  } else {
    beginning.size = static_cast<std::size_t>(got);
  }
  return beginning;
}

std::optional<Sidecar> find_sidecar(int folder, const std::string& name) {
  struct stat facts{};
  if (::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  if (!S_ISREG(facts.st_mode)) return std::nullopt;
  return Sidecar{.bytes = size_of(facts)};
}

class Finder : public WalkVisitor {
 public:
  explicit Finder(const std::function<void(const FoundDatabase&)>& found) : found_(found) {}

  void folder(std::string_view /*path*/) override { ++summary_.folders; }

  void skipped(std::string_view path, std::string_view reason) override {
    ++summary_.skipped;
    if (summary_.skipped_first.size() == ScanSummary::kMaxExamples) return;
    summary_.skipped_first.push_back({.path = std::string(path), .reason = std::string(reason)});
  }

  void file(const WalkedFile& file) override {
    ++summary_.files;
    if (file.bytes < kLeastDatabaseBytes) return;
    const Beginning beginning = read_beginning(file.folder, file.name);
    const bool vanished = beginning.error == ENOENT || beginning.error == ELOOP || beginning.error == ESTALE;
    if (beginning.error != 0 && !vanished) skipped(file.path, errno_name(beginning.error));
    if (!has_database_magic(beginning.text())) return;
    const auto header = parse_database_header(beginning.text());
    if (!header)
      return skipped(file.path, "a SQLite header with a page size or version that SQLite does not know");
    found_(describe(file, *header));
  }

  [[nodiscard]] const ScanSummary& summary() const { return summary_; }

 private:
  static FoundDatabase describe(const WalkedFile& file, const DatabaseHeader& header) {
    const std::string name = file.name;
    FoundDatabase database;
    database.path = file.path;
    database.header = header;
    database.bytes = file.bytes;
    database.wal = find_sidecar(file.folder, name + "-wal");
    database.shm = find_sidecar(file.folder, name + "-shm");
    database.journal = find_sidecar(file.folder, name + "-journal");
    if (database.wal) {
      const Beginning log = read_beginning(file.folder, (name + "-wal").c_str());
      if (log.error == 0) database.wal_header_valid = has_wal_magic(log.text());
    }
    return database;
  }

  const std::function<void(const FoundDatabase&)>& found_;
  ScanSummary summary_;
};

}  // namespace

tl::expected<ScanSummary, std::string> scan(const std::string& dir,
                                            const std::function<void(const FoundDatabase&)>& found) {
  Finder finder(found);
  if (auto walked = walk(dir, finder); !walked) return tl::unexpected(walked.error());
  return finder.summary();
}

}  // namespace walguard::preflight
