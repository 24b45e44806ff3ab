/// Keeps evidence over restarts: walguard's own small SQLite database, in WAL mode, in its data directory.
///
/// File `walguard.db`; format in evidence_store.cc. One row for each key, scope and set of verdicts: a newer
/// run that says the same replaces the older one, so that the file does not grow with the number of runs.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/data_dir.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"

struct sqlite3;
struct sqlite3_stmt;

namespace walguard::controller {

/// Thread-safe: one connection behind a mutex. Every call blocks for the disk (each save is synced) and,
/// while another process writes the same file, for up to 5 s. Errors are sentences that name the file and,
/// where a person has to act, the remedy; after an error the file holds what it held before.
class EvidenceStore {
 public:
  /// Opens or creates the database. Refuses a directory that is not on a local filesystem, and a file that is
  /// damaged, is not walguard's, or was written by a newer walguard: it never starts empty in place of those.
  [[nodiscard]] static tl::expected<std::unique_ptr<EvidenceStore>, std::string> open(
      const std::string& data_dir, const core::Catalog& catalog,
      const FilesystemMagic& magic_of = filesystem_magic);

  EvidenceStore(const EvidenceStore&) = delete;
  EvidenceStore& operator=(const EvidenceStore&) = delete;
  ~EvidenceStore();

  /// On the disk when this returns without an error. Text that is not UTF-8 is refused in the key and
  /// replaced in the reasons.
  [[nodiscard]] tl::expected<void, std::string> save(const core::Evidence& evidence);

  /// Everything kept, in no order. One row that cannot be read is an error: half of the evidence is not
  /// evidence.
  [[nodiscard]] tl::expected<std::vector<core::Evidence>, std::string> load_all() const;

  /// Forgets what was measured before `older_than` and says `unsafe` of no strategy: a pass that old proves
  /// nothing any more, while a failure does not age. Returns how many were forgotten.
  [[nodiscard]] tl::expected<int, std::string> prune(core::UtcSeconds older_than);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Database = std::unique_ptr<sqlite3, CloseDatabase>;
  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  EvidenceStore(std::string file, Database database);

  [[nodiscard]] tl::expected<void, std::string> run(const char* sql);
  [[nodiscard]] tl::expected<std::string, std::string> ask(const char* sql);
  [[nodiscard]] tl::expected<void, std::string> prepare_file();
  [[nodiscard]] tl::expected<void, std::string> check_version();
  [[nodiscard]] tl::expected<void, std::string> prepare_statements();
  [[nodiscard]] tl::expected<Statement, std::string> prepare(const char* sql) const;
  [[nodiscard]] std::string problem(const std::string& what) const;

  std::string file_;
  mutable std::mutex mutex_;
  Database database_;  // before the statements: it must outlive them
  Statement save_;
  Statement load_;
  Statement prune_;
};

}  // namespace walguard::controller
