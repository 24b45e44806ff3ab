#include "operator/wire/scan.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<unsigned> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  return std::nullopt;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = digit_of(hex[i]);
    const auto low = digit_of(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes += static_cast<char>(*high << 4U | *low);
  }
  return bytes;
}

/// `path` has U+FFFD for what is no UTF-8; the bytes themselves then stand in `path_hex`.
std::optional<std::string> path_of(const Json& database) {
  const Json* const hex = member(database, "path_hex");
  if (hex != nullptr) return hex->is_string() ? from_hex(hex->get<std::string>()) : std::nullopt;
  const Json* const path = member(database, "path");
  if (path == nullptr || !path->is_string()) return std::nullopt;
  return path->get<std::string>();
}

std::optional<ScannedDatabase> database_of(const Json& json) {
  auto path = path_of(json);
  const Json* const journal = member(json, "journal");
  if (!path || path->empty() || journal == nullptr) return std::nullopt;
  if (*journal != "wal" && *journal != "rollback") return std::nullopt;
  return ScannedDatabase{.path = *std::move(path), .wal = *journal == "wal"};
}

tl::unexpected<std::string> unreadable(const std::string& what) {
  return tl::make_unexpected("walguard-preflight scan: " + what);
}

}  // namespace

tl::expected<Scan, std::string> read_scan(std::string_view json) {
  const Json read = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (read.is_discarded()) return unreadable("its output is no whole JSON; it may have been cut off");
  if (!read.is_object() || read.value("schema", Json()) != "walguard.dev/scan/v1") {
    return unreadable("schema is not walguard.dev/scan/v1; use the walguard-preflight of this walguard");
  }
  const Json* const databases = member(read, "databases");
  const Json* const skipped = member(read, "skipped");
  const Json* const count = skipped != nullptr && skipped->is_object() ? member(*skipped, "count") : nullptr;
  if (databases == nullptr || !databases->is_array()) return unreadable("databases is no list");
  if (count == nullptr || !count->is_number_unsigned()) return unreadable("skipped.count is no number");
  Scan scan;
  scan.skipped = count->get<std::uint64_t>();
  for (const Json& each : *databases) {
    auto database = each.is_object() ? database_of(each) : std::nullopt;
    if (!database) return unreadable("an entry of databases has no path or journal that can be read");
    scan.databases.push_back(*std::move(database));
  }
  return scan;
}

}  // namespace walguard::wire
