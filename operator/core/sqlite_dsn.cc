#include "operator/core/sqlite_dsn.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/mounted_path.h"
#include "operator/core/verdict.h"

namespace walguard::core {
namespace {

using Says = SqliteDsn::Says;

constexpr std::size_t kLongest = 16384;     // more than any connection string needs
constexpr std::size_t kLongestPath = 4096;  // PATH_MAX
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::string_view stripped(std::string_view text, std::string_view of) {
  const auto first = text.find_first_not_of(of);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(of) - first + 1);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

int hex_digit(char c) {
  c = lower(c);
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// A % that no two hexadecimal digits follow stands for itself.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool ends_as_databases_do(std::string_view path) {
  constexpr std::array<std::string_view, 4> kEndings = {".db", ".sqlite", ".sqlite3", ".db3"};
  const std::string base = lowered(path.substr(path.rfind('/') + 1));
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return base.ends_with(ending); });
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

/// Of a file's name, and of nothing that separates it from what follows.
bool is_plain(char c) {
  return is_one_of(lower(c), kLetters) || is_one_of(c, kDigits) || is_one_of(c, "._-/+");
}

/// An absolute path may have some more: other scripts' letters, and * where a part is not known.
bool is_plain_in_absolute(char c) {
  return is_plain(c) || is_one_of(c, "%~*") || static_cast<unsigned char>(c) >= 0x80;
}

/// Each component as far as it is plain, with * for its rest: what it matches holds both readings, that where
/// the name ends there and that where it goes on.
std::string with_stars(std::string_view path) {
  std::string out;
  bool in_rest = false;
  for (const char c : path) {
    if (c == '/') in_rest = false;
    if (in_rest) continue;
    in_rest = !is_plain_in_absolute(c);
    out += in_rest ? '*' : c;
  }
  return out;
}

/// As SQLite reads it: "yes", "true", "on", or what begins with a number other than 0 ("1x").
/// https://sqlite.org/c3ref/uri_boolean.html
bool is_true(std::string_view value) {
  if (value == "yes" || value == "true" || value == "on") return true;
  const auto number = value.substr(0, value.find_first_not_of(kDigits));
  return number.find_first_not_of('0') != std::string_view::npos;
}

std::optional<Strategy> journal_of(std::string_view value) {
  if (value == "wal") return Strategy::kWal;
  if (value == "delete" || value == "truncate" || value == "persist") return Strategy::kRollback;
  return std::nullopt;
}

std::optional<Synchronous> synchronous_of(std::string_view value) {
  if (value == "0" || value == "off") return Synchronous::kOff;
  if (value == "1" || value == "normal") return Synchronous::kNormal;
  if (value == "2" || value == "full") return Synchronous::kFull;
  if (value == "3" || value == "extra") return Synchronous::kExtra;
  return std::nullopt;
}

/// "_journal_mode", "Journal Mode" and "journalMode" are one to us.
std::string key_of(std::string_view written) {
  std::string key;
  for (const char c : written) {
    if (c != '_' && c != ' ') key += lower(c);
  }
  return key;
}

struct Parameters {
  SqliteDsn& dsn;
  bool in_memory = false;

  void set(std::string_view written_key, std::string_view written_value) {
    const std::string key = key_of(percent_decoded(written_key));
    const std::string value = lowered(stripped(percent_decoded(written_value), " '\""));
    if (key == "pragma") {  // _pragma=journal_mode(WAL), or with =
      const auto end = value.find_first_of("(=");
      if (end != std::string::npos) set_pragma(key_of(value.substr(0, end)), value.substr(end + 1));
      return;
    }
    if (key == "nolock" && is_true(value)) take_locks("nolock=1");
    if (key == "immutable" && is_true(value)) take_locks("immutable=1");
    if (key == "vfs" && value == "unix-none") take_locks("vfs=unix-none");
    if (key == "vfs" && value == "unix-dotfile") take_locks("vfs=unix-dotfile");
    if (key == "mode") {
      in_memory = in_memory || value == "memory";
      dsn.sure = dsn.sure || value == "ro" || value == "rw" || value == "rwc" || value == "memory";
    }
    if (key == "cache" && (value == "shared" || value == "private")) dsn.sure = true;
    set_pragma(key, value);
  }

 private:
  void take_locks(std::string_view parameter) {
    if (dsn.locks_off.empty()) dsn.locks_off = parameter;
    dsn.sure = true;
  }

  void set_pragma(std::string_view key, std::string_view written_value) {
    const std::string_view value = stripped(written_value, " '\")");
    if (key == "journalmode" || key == "journal") {
      if (const auto journal = journal_of(value)) dsn.journal = journal;
      dsn.sure = dsn.sure || dsn.journal.has_value();
    } else if (key == "synchronous" || key == "sync") {
      if (const auto level = synchronous_of(value)) dsn.synchronous = level;
      dsn.sure = dsn.sure || dsn.synchronous.has_value();
    } else if (key == "lockingmode" || key == "locking") {
      if (value == "normal") dsn.locking_mode_normal = true;
      dsn.sure = dsn.sure || value == "normal" || value == "exclusive";
    }
  }
};

/// Calls `use(key, value)` for each part between separators that has a value.
template <typename Use>
void each_parameter(std::string_view list, char separator, Use use) {
  while (!list.empty()) {
    const auto end = list.find(separator);
    const std::string_view part = list.substr(0, end);
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
    const auto equals = part.find('=');
    if (equals != std::string_view::npos) use(stripped(part.substr(0, equals), " "), part.substr(equals + 1));
  }
}

struct PathInText {
  std::string path;
  bool is_certain = false;  ///< it is nothing but a path
};

/// Where a character stands that paths seldom have, a password may follow ("/data/x.db;Password=p"), or stand
/// before it ("/user:p@host/x.db"). Certain is only what ends as databases do before it.
PathInText path_in(std::string_view absolute) {
  const auto* const end = std::ranges::find_if_not(absolute, is_plain_in_absolute);
  if (end == absolute.end()) return {normalised_path(absolute), true};
  const std::string_view plain = absolute.substr(0, static_cast<std::size_t>(end - absolute.begin()));
  const bool may_be_user_info = absolute.find_first_of(":@") != std::string_view::npos;
  if (!may_be_user_info && ends_as_databases_do(plain)) return {normalised_path(plain), true};
  return {normalised_path(with_stars(absolute)), false};
}

void set_path(SqliteDsn& dsn, std::string_view written, bool in_memory) {
  if (in_memory || written.empty() || written.ends_with(":memory:")) {
    dsn.says = Says::kInMemory;
    return;
  }
  // A relative path could be anything, a password among it: only what plainly is a file name.
  const bool absolute = written.starts_with('/');
  const bool is_path =
      absolute ? std::ranges::none_of(written, is_control) : std::ranges::all_of(written, is_plain);
  const PathInText found = absolute ? path_in(written) : PathInText{normalised_path(written), true};
  if (!is_path || found.path.empty() || found.path == "/" || found.path.size() > kLongestPath) {
    dsn = {};
    return;
  }
  dsn.says = Says::kSqlite;
  dsn.path = found.path;
  dsn.can_be_shown = found.is_certain;
  dsn.sure = dsn.sure || ends_as_databases_do(stripped(dsn.path, "*")) || ends_as_databases_do(written);
}

/// What stands before the path: "//", "//localhost", "//user:password@". The rest of an authority that is
/// nothing of that is the first folder of a relative path.
std::string_view without_authority(std::string_view location) {
  const auto at = location.rfind('@');
  if (at != std::string_view::npos) {
    if (location.substr(at + 1).starts_with('/')) return location.substr(at + 1);
    const auto slash = location.find('/', 2);
    const bool is_host = location.starts_with("//") && slash != std::string_view::npos && slash > at;
    if (is_host) return location.substr(slash);
  }
  if (!location.starts_with("//")) return location;
  location.remove_prefix(2);
  constexpr std::string_view kLocalhost = "localhost/";
  if (location.starts_with(kLocalhost)) location.remove_prefix(kLocalhost.size() - 1);
  return location;
}

/// Whether "//user:password@/" stands before the path and no other @ anywhere: a password may have one too,
/// and a slash, and what ends the path.
bool has_plain_authority(std::string_view location) {
  const auto at = location.find('@');
  if (at == std::string_view::npos) return true;
  return location.starts_with("//") && location.find('/', 2) == at + 1 && at == location.rfind('@');
}

/// What follows "sqlite:" or "file:".
SqliteDsn read_location(std::string_view text, bool sure) {
  SqliteDsn dsn;
  dsn.sure = sure;
  const bool plain_authority = has_plain_authority(text);
  text = text.substr(0, text.find('#'));
  const auto question = text.find('?');
  Parameters parameters{dsn};
  if (question != std::string_view::npos) {
    each_parameter(text.substr(question + 1), '&',
                   [&](std::string_view key, std::string_view value) { parameters.set(key, value); });
  }
  const std::string_view location = text.substr(0, question);
  set_path(dsn, percent_decoded(without_authority(location)), parameters.in_memory);
  dsn.can_be_shown = dsn.can_be_shown && plain_authority;
  return dsn;
}

/// "Data Source=/data/x.db;Journal Mode=WAL". Nothing where no file is named: other engines have data sources
/// too, which are hosts.
SqliteDsn read_keywords(std::string_view text) {
  SqliteDsn dsn;
  Parameters parameters{dsn};
  std::string_view source;
  each_parameter(text, ';', [&](std::string_view key, std::string_view value) {
    const std::string name = key_of(key);
    if (name == "datasource" || name == "filename") {
      source = stripped(value, " '\"");
    } else {
      parameters.set(key, value);
    }
  });
  if (source.starts_with("file:")) {
    SqliteDsn inner = read_location(source.substr(5), true);
    if (!inner.journal) inner.journal = dsn.journal;
    if (!inner.synchronous) inner.synchronous = dsn.synchronous;
    return inner;
  }
  if (source.empty()) return {};
  dsn.sure = source.starts_with('/');
  set_path(dsn, source, parameters.in_memory);
  return dsn;
}

bool is_keyword_string(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string first = key_of(text.substr(0, equals));
  return first == "datasource" || first == "filename" ||
         lowered(text).find(";data source=") != std::string::npos;
}

/// The text before the first colon where that is a URL's scheme, in lower case; else empty.
std::string scheme_of(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string scheme = lowered(text.substr(0, colon));
  const bool plain = std::ranges::all_of(scheme, [](char c) {
    return kLetters.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos ||
           c == '+' || c == '-' || c == '.';
  });
  return plain ? scheme : std::string{};
}

bool is_sqlite(std::string_view scheme) {
  return scheme == "sqlite" || scheme == "sqlite3" || scheme.starts_with("sqlite+") ||
         scheme.starts_with("sqlite3+");
}

bool begins_as_another_engine(std::string_view lowered_text) {
  constexpr std::array<std::string_view, 6> kEngines = {"postgres:", "postgresql:", "postgresql+",
                                                        "mysql:",    "mariadb:",    "sqlserver:"};
  return std::ranges::any_of(kEngines,
                             [&](std::string_view engine) { return lowered_text.starts_with(engine); });
}

SqliteDsn other_engine() {
  SqliteDsn dsn;
  dsn.says = Says::kOtherEngine;
  return dsn;
}

/// A path alone, perhaps with parameters behind it. With a space it may be a whole command line.
SqliteDsn read_plain(std::string_view text) {
  if (text.substr(0, text.find('?')).find(' ') != std::string_view::npos) return {};
  SqliteDsn dsn = read_location(text, false);
  // "sqlite:" alone is a database in memory; no text at all is nothing.
  if (dsn.says == Says::kInMemory && text.find("memory") == std::string_view::npos) return {};
  return dsn;
}

}  // namespace

SqliteDsn read_sqlite_dsn(std::string_view text) {
  text = stripped(text, " \t\r\n");
  if (text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty() || text.size() > kLongest || std::ranges::any_of(text, is_control)) return {};
  constexpr std::string_view kJdbc = "jdbc:";
  const bool jdbc = text.starts_with(kJdbc);
  if (jdbc) text.remove_prefix(kJdbc.size());
  const std::string scheme = scheme_of(text);
  if (is_sqlite(scheme)) {
    text.remove_prefix(scheme.size() + 1);
    if (text.starts_with("file:")) text.remove_prefix(5);  // jdbc:sqlite:file:/data/x.db
    return read_location(text, true);
  }
  if (scheme == "file") return read_location(text.substr(scheme.size() + 1), false);
  const std::string lower_text = lowered(text);
  if (is_sqlite(lower_text.substr(0, lower_text.find('+') + 1))) {  // sqlite+/data/x.db, of arp242/zdb
    return read_location(text.substr(text.find('+') + 1), true);
  }
  if (is_keyword_string(text)) return read_keywords(text);
  const bool is_url = scheme.size() > 1 && text.substr(scheme.size() + 1).starts_with("//");
  if (jdbc || is_url || begins_as_another_engine(lower_text)) return other_engine();
  return read_plain(text);
}

}  // namespace walguard::core
