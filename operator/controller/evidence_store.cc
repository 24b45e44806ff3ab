// The file, version 2 (PRAGMA user_version; PRAGMA application_id says that it is walguard's):
//
//   evidence(key TEXT, scope TEXT, wal TEXT, wal_exclusive TEXT, rollback TEXT,   -- unique together
//            reasons TEXT, measured_at INTEGER, filesystem TEXT, kernel_release TEXT, probe_version TEXT,
//            digest TEXT, contention TEXT)
//
// `key` is a JSON object with every field of core::EvidenceKey (sorted members, so that equal keys are equal
// text), `reasons` a JSON array, scopes and verdicts the words of core/verdict.h, `measured_at` seconds since
// the epoch; `contention` is a JSON object or empty, and was not there in version 1.
#include "operator/controller/evidence_store.h"

#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <tl/expected.hpp>

#include "operator/controller/data_dir.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"

namespace walguard::controller {
namespace {

using core::Evidence;
using core::EvidenceKey;
using Json = nlohmann::json;

constexpr int kSchemaVersion = 2;
constexpr int kApplicationId = 0x77616C67;  // "walg"
constexpr int kBusyTimeoutMs = 5000;

constexpr const char* kCreate = R"sql(
  CREATE TABLE evidence(
    key TEXT NOT NULL, scope TEXT NOT NULL,
    wal TEXT NOT NULL, wal_exclusive TEXT NOT NULL, rollback TEXT NOT NULL,
    reasons TEXT NOT NULL, measured_at INTEGER NOT NULL,
    filesystem TEXT NOT NULL, kernel_release TEXT NOT NULL, probe_version TEXT NOT NULL, digest TEXT NOT NULL,
    contention TEXT NOT NULL DEFAULT '',
    UNIQUE(key, scope, wal, wal_exclusive, rollback)) STRICT;
)sql";

constexpr const char* kFromVersion1 = R"sql(
  ALTER TABLE evidence ADD COLUMN contention TEXT NOT NULL DEFAULT '';
  PRAGMA user_version=2;
  COMMIT;
)sql";

// A report that arrives late must not replace a newer one that says the same.
constexpr const char* kSave = R"sql(
  INSERT INTO evidence(key, scope, wal, wal_exclusive, rollback, reasons, measured_at, filesystem, kernel_release,
                       probe_version, digest, contention)
  VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
  ON CONFLICT(key, scope, wal, wal_exclusive, rollback) DO UPDATE SET
    reasons = excluded.reasons, measured_at = excluded.measured_at, filesystem = excluded.filesystem,
    kernel_release = excluded.kernel_release, probe_version = excluded.probe_version, digest = excluded.digest,
    contention = excluded.contention
    WHERE excluded.measured_at >= measured_at
)sql";

constexpr const char* kLoad = R"sql(
  SELECT key, scope, wal, wal_exclusive, rollback, reasons, measured_at, filesystem, kernel_release, probe_version,
         digest, contention FROM evidence
)sql";

constexpr const char* kPrune = R"sql(
  DELETE FROM evidence WHERE measured_at < ?1 AND 'unsafe' NOT IN (wal, wal_exclusive, rollback)
)sql";

std::string remedy_for_file(const std::string& file) {
  return ". Remedy: restore " + file +
         " from a backup, or move it and its -wal and -shm aside and start again: the "
         "preflights are then run anew";
}

std::string key_text(const EvidenceKey& key) {
  // dump() throws on text that is not UTF-8: a key with a replaced letter would be another key.
  return Json{{"class", key.storage_class},
              {"volume", key.volume},
              {"driver", key.driver},
              {"parameters", key.parameters},
              {"mountOptions", key.mount_options},
              {"fsType", key.fs_type},
              {"accessMode", key.access_mode ? core::name(*key.access_mode) : std::string_view()},
              {"runtime", key.runtime_handler}}
      .dump();
}

EvidenceKey parse_key(const std::string& text) {
  const Json json = Json::parse(text);
  EvidenceKey key;
  json.at("class").get_to(key.storage_class);
  json.at("volume").get_to(key.volume);
  json.at("driver").get_to(key.driver);
  // Rows of an older walguard have the parameters themselves, and match nothing any more.
  const Json& parameters = json.at("parameters");
  key.parameters = parameters.is_string() ? parameters.get<std::string>() : parameters.dump();
  json.at("mountOptions").get_to(key.mount_options);
  json.at("fsType").get_to(key.fs_type);
  key.access_mode = core::parse<core::AccessMode>(json.value("accessMode", std::string()));
  json.at("runtime").get_to(key.runtime_handler);
  return key;
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  // Static: save() keeps the text alive until it has stepped.
  sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

std::string column(sqlite3_stmt* statement, int index) {
  const auto* text = sqlite3_column_text(statement, index);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text), size);
}

/// A word of core/verdict.h. Throws std::out_of_range where it is none.
template <typename Enum>
Enum parse_word(const std::string& word) {
  if (const auto value = core::parse<Enum>(word)) return *value;
  throw std::out_of_range("\"" + word + "\" is no scope or verdict");
}

std::string contention_text(const std::optional<core::Contention>& contention) {
  if (!contention) return {};
  Json json = {{"refused", contention->refused}};
  if (contention->longest_wait) json["longestWait"] = *contention->longest_wait;
  return json.dump();
}

std::optional<core::Contention> parse_contention(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const Json json = Json::parse(text);
  core::Contention contention{.refused = json.at("refused").get<double>(), .longest_wait = {}};
  if (json.contains("longestWait")) contention.longest_wait = json.at("longestWait").get<double>();
  return contention;
}

/// Throws std::exceptions where the row is not one of ours.
Evidence parse_row(sqlite3_stmt* row) {
  Evidence evidence;
  evidence.key = parse_key(column(row, 0));
  evidence.scope = parse_word<core::Scope>(column(row, 1));
  evidence.verdicts[core::Strategy::kWal] = parse_word<core::Verdict>(column(row, 2));
  evidence.verdicts[core::Strategy::kWalExclusive] = parse_word<core::Verdict>(column(row, 3));
  evidence.verdicts[core::Strategy::kRollback] = parse_word<core::Verdict>(column(row, 4));
  Json::parse(column(row, 5)).get_to(evidence.reasons);
  evidence.measured_at = sqlite3_column_int64(row, 6);
  evidence.filesystem = column(row, 7);
  evidence.kernel_release = column(row, 8);
  evidence.probe_version = column(row, 9);
  evidence.digest = column(row, 10);
  evidence.contention = parse_contention(column(row, 11));
  return evidence;
}

/// Leaves a statement ready for its next use, however the current one ends.
class ResetAtExit {
 public:
  explicit ResetAtExit(sqlite3_stmt* statement) : statement_(statement) {}
  ResetAtExit(const ResetAtExit&) = delete;
  ResetAtExit& operator=(const ResetAtExit&) = delete;
  ~ResetAtExit() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

/// The directory with no symbolic link in its name, created where it is missing.
tl::expected<std::string, std::string> prepare_directory(const std::string& data_dir) {
  std::error_code error;
  if (std::filesystem::create_directories(data_dir, error)) {
    std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all, error);
  }
  const std::filesystem::path real = std::filesystem::canonical(data_dir, error);
  if (error) return tl::unexpected("data directory " + data_dir + " cannot be used: " + error.message());
  if (!std::filesystem::is_directory(real, error)) {
    return tl::unexpected("data directory " + data_dir + " cannot be used: it is not a directory");
  }
  return real.string();
}

}  // namespace

void EvidenceStore::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close(database); }
void EvidenceStore::FinalizeStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

EvidenceStore::EvidenceStore(std::string file, Database database)
    : file_(std::move(file)), database_(std::move(database)) {}
EvidenceStore::~EvidenceStore() = default;

tl::expected<std::unique_ptr<EvidenceStore>, std::string> EvidenceStore::open(
    const std::string& data_dir, const core::Catalog& catalog, const FilesystemMagic& magic_of) {
  const auto directory = prepare_directory(data_dir);
  if (!directory) return tl::unexpected(directory.error());
  if (auto local = require_local_filesystem(*directory, catalog, magic_of); !local) {
    return tl::unexpected(local.error());
  }
  const std::string file = *directory + "/walguard.db";
  sqlite3* raw = nullptr;
  // No symbolic link: the file would lie on a filesystem that nobody has looked at.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, flags, nullptr);
  std::unique_ptr<EvidenceStore> store(new EvidenceStore(file, Database(raw)));
  if (opened != SQLITE_OK) {
    return tl::unexpected(store->problem("cannot be opened") +
                          (std::filesystem::is_symlink(file) ? ": it is a symbolic link" : ""));
  }
  if (auto ready = store->prepare_file(); !ready) return tl::unexpected(ready.error());
  return store;
}

tl::expected<void, std::string> EvidenceStore::prepare_file() {
  sqlite3_busy_timeout(database_.get(), kBusyTimeoutMs);
  sqlite3_extended_result_codes(database_.get(), 1);
  auto version_fits = check_version();  // first: a file that is not ours is left as it is
  if (!version_fits) return version_fits;
  const auto mode = ask("PRAGMA journal_mode=WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "wal")
    return tl::unexpected(file_ + " cannot be kept in WAL mode (SQLite says " + *mode + ")");
  if (auto durable = run("PRAGMA synchronous=FULL"); !durable) return durable;
  return prepare_statements();
}

/// Creates the schema in a new file; refuses every file that is not exactly this version's.
tl::expected<void, std::string> EvidenceStore::check_version() {
  const auto sound = ask("PRAGMA quick_check(1)");
  if (!sound) return tl::unexpected(sound.error());
  if (*sound != "ok") return tl::unexpected(file_ + " is damaged: " + *sound + remedy_for_file(file_));

  // One transaction from the look to the creation: two servers may start on one directory.
  if (auto begun = run("BEGIN IMMEDIATE"); !begun) return begun;
  const auto tables = ask("SELECT count(*) FROM sqlite_schema");
  const auto owner = ask("PRAGMA application_id");
  const auto version = ask("PRAGMA user_version");
  if (!tables || !owner || !version) return tl::unexpected(problem("cannot be read"));
  const bool fresh = *tables == "0" && *owner == "0" && *version == "0";
  if (!fresh && *owner != std::to_string(kApplicationId)) {
    return tl::unexpected(file_ +
                          " is not a database of walguard's. Remedy: give --data-dir a directory of its own");
  }
  if (!fresh && *version == "1") return run(kFromVersion1);
  if (!fresh && *version != std::to_string(kSchemaVersion)) {
    return tl::unexpected(file_ + " has schema version " + *version + ", this walguard knows " +
                          std::to_string(kSchemaVersion) +
                          ": it was written by a newer one. Remedy: start that one, " +
                          "or move the file and its -wal and -shm aside: the preflights are then run anew");
  }
  if (!fresh) return run("COMMIT");
  const std::string create = kCreate + ("PRAGMA application_id=" + std::to_string(kApplicationId)) +
                             ";PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";COMMIT";
  return run(create.c_str());
}

tl::expected<void, std::string> EvidenceStore::prepare_statements() {
  for (const auto& [statement, sql] :
       {std::pair{&save_, kSave}, std::pair{&load_, kLoad}, std::pair{&prune_, kPrune}}) {
    auto prepared = prepare(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

tl::expected<EvidenceStore::Statement, std::string> EvidenceStore::prepare(const char* sql) const {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return tl::unexpected(problem("cannot be read"));
  }
  return Statement(raw);
}

tl::expected<void, std::string> EvidenceStore::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(problem("cannot be written"));
}

/// The first column of the first row; empty when there is no row.
tl::expected<std::string, std::string> EvidenceStore::ask(const char* sql) {
  const auto statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const int result = sqlite3_step(statement->get());
  if (result == SQLITE_ROW) return column(statement->get(), 0);
  if (result == SQLITE_DONE) return std::string();
  return tl::unexpected(problem("cannot be read"));
}

std::string EvidenceStore::problem(const std::string& what) const {
  const int code = sqlite3_errcode(database_.get()) & 0xff;  // without the extended part
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return file_ + " " + what + ": " + sqlite3_errmsg(database_.get()) +
         (damaged ? remedy_for_file(file_) : "");
}

tl::expected<void, std::string> EvidenceStore::save(const Evidence& evidence) {
  std::string key;
  try {
    key = key_text(evidence.key);
  } catch (const Json::exception& error) {
    return tl::unexpected(std::string("evidence cannot be kept: its key is not UTF-8: ") + error.what());
  }
  const std::string reasons = Json(evidence.reasons).dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string contention = contention_text(evidence.contention);

  const std::lock_guard lock(mutex_);
  sqlite3_stmt* row = save_.get();
  const ResetAtExit reset(row);
  bind_text(row, 1, key);
  bind_text(row, 2, core::name(evidence.scope));
  bind_text(row, 3, core::name(evidence.verdicts[core::Strategy::kWal]));
  bind_text(row, 4, core::name(evidence.verdicts[core::Strategy::kWalExclusive]));
  bind_text(row, 5, core::name(evidence.verdicts[core::Strategy::kRollback]));
  bind_text(row, 6, reasons);
  sqlite3_bind_int64(row, 7, evidence.measured_at);
  bind_text(row, 8, evidence.filesystem);
  bind_text(row, 9, evidence.kernel_release);
  bind_text(row, 10, evidence.probe_version);
  bind_text(row, 11, evidence.digest);
  bind_text(row, 12, contention);
  if (sqlite3_step(row) != SQLITE_DONE) return tl::unexpected(problem("cannot be written"));
  return {};
}

tl::expected<std::vector<Evidence>, std::string> EvidenceStore::load_all() const {
  const std::lock_guard lock(mutex_);
  const ResetAtExit reset(load_.get());
  std::vector<Evidence> all;
  int result = SQLITE_ROW;
  while ((result = sqlite3_step(load_.get())) == SQLITE_ROW) {
    try {
      all.push_back(parse_row(load_.get()));
    } catch (const std::exception& error) {
      return tl::unexpected(file_ + " is damaged: row " + std::to_string(all.size() + 1) + ": " +
                            error.what() + remedy_for_file(file_));
    }
  }
  if (result != SQLITE_DONE) return tl::unexpected(problem("cannot be read"));
  return all;
}

tl::expected<int, std::string> EvidenceStore::prune(core::UtcSeconds older_than) {
  const std::lock_guard lock(mutex_);
  const ResetAtExit reset(prune_.get());
  sqlite3_bind_int64(prune_.get(), 1, older_than);
  if (sqlite3_step(prune_.get()) != SQLITE_DONE) return tl::unexpected(problem("cannot be written"));
  return sqlite3_changes(database_.get());
}

}  // namespace walguard::controller
