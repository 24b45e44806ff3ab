#include "preflight/render/scan_format.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "preflight/scan/scan.h"
#include "preflight/text/printable.h"
#include "preflight/text/utf8.h"

namespace walguard::preflight {
namespace {

using Json = nlohmann::ordered_json;

std::string_view journal_word(const FoundDatabase& database) {
  return database.header.wal ? "wal" : "rollback";
}

// Calls use(suffix, sidecar) for those that are there.
template <typename Use>
void for_each_sidecar(const FoundDatabase& database, const Use& use) {
  if (database.wal) use("-wal", *database.wal);
  if (database.shm) use("-shm", *database.shm);
  if (database.journal) use("-journal", *database.journal);
}

void put_path(Json& json, std::string_view path) {
  json["path"] = text::to_utf8(path);
  if (text::is_utf8(path)) return;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const char byte : path) {
    hex += kHex[static_cast<unsigned char>(byte) >> 4U];
    hex += kHex[static_cast<unsigned char>(byte) & 0xFU];
  }
  json["path_hex"] = std::move(hex);
}

Json database_json(const FoundDatabase& database) {
  Json json = Json::object();
  put_path(json, database.path);
  json["journal"] = journal_word(database);
  json["page_size"] = database.header.page_size;
  json["user_version"] = database.header.user_version;
  json["application_id"] = database.header.application_id;
  json["bytes"] = database.bytes;
  json["wal_bytes"] = database.wal.value_or(Sidecar{}).bytes;
  json["shm_bytes"] = database.shm.value_or(Sidecar{}).bytes;
  json["journal_bytes"] = database.journal.value_or(Sidecar{}).bytes;
  if (database.wal_header_valid) json["wal_header_valid"] = *database.wal_header_valid;
  json["sidecars"] = Json::array();
  for_each_sidecar(database,
                   [&](std::string_view suffix, const Sidecar&) { json["sidecars"].push_back(suffix); });
  return json;
}

class ScanJson : public ScanFormat {
 public:
  std::string begin(const std::string& dir) override {
    return R"({"schema":"walguard.dev/scan/v1","dir":)" + Json(text::to_utf8(dir)).dump() +
           ",\"databases\":[";
  }
  std::string database(const FoundDatabase& database) override {
    return std::exchange(separator_, ",\n") + database_json(database).dump();
  }
  std::string end(const ScanSummary& summary) override {
    Json first = Json::array();
    for (const SkippedPath& skipped : summary.skipped_first) {
      Json json = Json::object();
      put_path(json, skipped.path);
      json["reason"] = skipped.reason;
      first.push_back(std::move(json));
    }
    return "\n],\"folders\":" + std::to_string(summary.folders) +
           ",\"files\":" + std::to_string(summary.files) +
           ",\"skipped\":" + Json{{"count", summary.skipped}, {"first", std::move(first)}}.dump() + "}\n";
  }

 private:
  std::string separator_ = "\n";
};

std::string counted(std::uint64_t count, std::string_view thing) {
  return text::human_count(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

// The path stands last, so that no width has to be known beforehand.
class ScanTable : public ScanFormat {
 public:
  std::string begin(const std::string& dir) override {
    dir_ = text::printable(dir);
    return {};
  }
  std::string database(const FoundDatabase& database) override {
    const std::string heading = databases_ == 0 ? row("JOURNAL", "SIZE", "WAL", "SIDECARS", "PATH") : "";
    ++databases_;
    if (database.header.wal) ++in_wal_;
    std::string sidecars;
    for_each_sidecar(database, [&](std::string_view suffix, const Sidecar&) {
      sidecars += (sidecars.empty() ? "" : " ") + std::string(suffix);
    });
    const std::string wal = database.wal ? text::human_bytes(database.wal->bytes) : "";
    return heading + row(journal_word(database), text::human_bytes(database.bytes), wal, sidecars,
                         text::printable(database.path));
  }
  std::string end(const ScanSummary& summary) override {
    const std::string where =
        counted(summary.files, "file") + " of " + counted(summary.folders, "folder") + " in " + dir_;
    std::string text;
    if (databases_ == 0) {
      text = "No SQLite database in " + where + " (encrypted ones cannot be told by their header).\n";
    } else {
      text = "\n" + counted(databases_, "SQLite database") + ", " + text::human_count(in_wal_) +
             " in WAL mode, in " + where + ".\n";
    }
    return text + skipped_text(summary);
  }

 private:
  static std::string row(std::string_view journal, std::string_view size, std::string_view wal,
                         std::string_view sidecars, std::string_view path) {
    return text::padded(journal, 10) + text::padded(size, 11) + text::padded(wal, 11) +
           text::padded(sidecars, 15) + std::string(path) + "\n";
  }

  static std::string skipped_text(const ScanSummary& summary) {
    if (summary.skipped == 0) return {};
    std::string text =
        "Not looked into, so what is there is not known: " + text::human_count(summary.skipped) + "\n";
    for (const SkippedPath& skipped : summary.skipped_first) {
      text += "  " + text::printable(skipped.path) + ": " + skipped.reason + "\n";
    }
    if (summary.skipped > summary.skipped_first.size()) text += "  ...\n";
    return text;
  }

  std::string dir_;
  std::uint64_t databases_ = 0;
  std::uint64_t in_wal_ = 0;
};

}  // namespace

std::unique_ptr<ScanFormat> make_scan_json() { return std::make_unique<ScanJson>(); }
std::unique_ptr<ScanFormat> make_scan_table() { return std::make_unique<ScanTable>(); }

}  // namespace walguard::preflight
