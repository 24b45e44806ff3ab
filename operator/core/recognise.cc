#include "operator/core/recognise.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/mounted_path.h"
#include "operator/core/sqlite_dsn.h"
#include "operator/core/start_command.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

using Role = App::Role;
using Says = SqliteDsn::Says;
using State = Environment::State;

constexpr std::size_t kMostDatabases = 64;  // of a container
constexpr std::size_t kMostInThePod = 256;  // each is compared with the mounts of its container
constexpr std::size_t kLongestPath = 1024;

enum class Holds : std::uint8_t { kNo, kYes, kOpen };

/// A container's start, read once.
struct Started {
  const Container& container;
  Environment environment;
  std::vector<CommandWords> lines;

  explicit Started(const Container& of)
      : container(of), environment(of.launch), lines(command_lines(of.launch, environment)) {}
};

/// Names of those that a question about a start was answered from.
using ConfigMapNames = std::vector<std::string>;

void note_config_map(ConfigMapNames& all, std::string_view name) {
  if (!name.empty() && std::ranges::find(all, name) == all.end()) all.emplace_back(name);
}

// ---- Conditions

Holds holds_in_environment(const AppCondition& condition, const Started& started, ConfigMapNames& from) {
  const Environment::Lookup& known = started.environment.find(condition.key);
  if (known.state == State::kAbsent) return condition.or_absent ? Holds::kYes : Holds::kNo;
  if (known.state == State::kMaybe) return Holds::kOpen;
  if (condition.values.empty()) {
    note_config_map(from, known.config_map);
    return condition.or_absent ? Holds::kNo : Holds::kYes;
  }
  if (known.state == State::kHidden) return Holds::kOpen;
  note_config_map(from, known.config_map);
  const bool named = std::ranges::any_of(
      condition.values, [&](const std::string& value) { return equal_ignoring_case(value, known.value); });
  return named ? Holds::kYes : Holds::kNo;
}

bool is_option(std::string_view word, std::string_view option) {
  return word == option ||
         (word.size() > option.size() && word.starts_with(option) && word[option.size()] == '=');
}

Holds holds(const AppCondition& condition, const Started& started, ConfigMapNames& from) {
  if (condition.field == AppCondition::Field::kEnvironment) {
    return holds_in_environment(condition, started, from);
  }
  const bool there = std::ranges::any_of(started.lines, [&](const CommandWords& line) {
    return std::ranges::any_of(line, [&](const std::string& word) { return is_option(word, condition.key); });
  });
  return there == condition.or_absent ? Holds::kNo : Holds::kYes;
}

/// What is not in view leaves a condition open, and the app stays recognised.
bool is_in_use(const App& app, const Started& started, ConfigMapNames& from) {
  return std::ranges::all_of(
      app.when, [&](const AppCondition& condition) { return holds(condition, started, from) != Holds::kNo; });
}

// ---- Where an app has its databases

std::string_view value_of_option(const Started& started, std::string_view option) {
  // A subcommand ("replicate") has its path somewhere behind it, between options with paths of their own.
  const bool is_subcommand = !option.starts_with('-');
  for (const CommandWords& line : started.lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!is_option(line[i], option)) continue;
      if (line[i].size() > option.size()) return std::string_view(line[i]).substr(option.size() + 1);
      for (std::size_t next = i + 1; next < line.size(); ++next) {
        const std::string_view word = line[next];
        if (!is_subcommand) return word.starts_with('-') ? std::string_view{} : word;
        if (word.starts_with('/') && !word.ends_with(".yml") && !word.ends_with(".yaml")) return word;
      }
      break;  // a second one of the line has no more behind it
    }
  }
  return {};
}

/// nullopt: not set, or not in view.
std::optional<std::string> value_of(const AppSetting& setting, const Started& started, ConfigMapNames& from) {
  switch (setting.from) {
    case AppSetting::From::kEnvironment: {
      const Environment::Lookup& known = started.environment.find(setting.name);
      if (known.state != State::kSet) return std::nullopt;
      note_config_map(from, known.config_map);
      return known.value;
    }
    case AppSetting::From::kOption: {
      const std::string_view value = value_of_option(started, setting.name);
      return value.empty() ? std::nullopt : std::optional<std::string>(value);
    }
    case AppSetting::From::kConfigurationKey:
      return std::nullopt;  // in the app's own file
  }
  return std::nullopt;
}

/// The default path, in the folder that a setting moves it to.
SqliteDsn moved_by_folder(const AppDatabase& database, const Started& started, ConfigMapNames& from) {
  for (const AppSetting& setting : database.set_by) {
    if (setting.gives != AppSetting::Gives::kFolder) continue;
    const auto value = value_of(setting, started, from);
    if (!value) continue;
    SqliteDsn folder = read_sqlite_dsn(*value);
    if (folder.says != Says::kSqlite || !folder.path.starts_with('/')) continue;
    folder.path += database.path.substr(setting.folder.size());
    return folder;
  }
  SqliteDsn unmoved;
  unmoved.says = Says::kSqlite;
  unmoved.path = database.path;
  unmoved.can_be_shown = true;
  return unmoved;
}

/// nullopt: there is none, or none on a disk.
std::optional<SqliteDsn> locate(const AppDatabase& database, const Started& started, ConfigMapNames& from) {
  SqliteDsn found = moved_by_folder(database, started, from);
  for (const AppSetting& setting : database.set_by) {
    if (setting.gives == AppSetting::Gives::kFolder) continue;
    const auto value = value_of(setting, started, from);
    if (!value) continue;
    SqliteDsn named = read_sqlite_dsn(*value);
    if (named.says == Says::kInMemory) return std::nullopt;
    if (named.says == Says::kOtherEngine && setting.gives == AppSetting::Gives::kUrl) return std::nullopt;
    if (named.says != Says::kSqlite) break;
    if (!named.path.starts_with('/')) {
      if (found.path.empty()) return std::nullopt;
      named.path = found.path.substr(0, found.path.rfind('/') + 1) + named.path;
      named.can_be_shown = named.can_be_shown && found.can_be_shown;
    }
    return named;
  }
  return found.path.empty() ? std::nullopt : std::optional(std::move(found));
}

/// Whether a setting that is not in view may name another path.
bool may_lie_elsewhere(const AppDatabase& database, const Started& started) {
  return std::ranges::any_of(database.set_by, [&](const AppSetting& setting) {
    if (setting.from != AppSetting::From::kEnvironment) return false;
    const State state = started.environment.find(setting.name).state;
    return state == State::kHidden || state == State::kMaybe;
  });
}

// ---- What an app sets

/// Of settings that are not in view the stricter choice counts: WAL, and a lower `synchronous`.
void apply_overrides(const App& app, const Started& started, RecognisedDatabase& database) {
  std::optional<Strategy> journal;
  std::optional<Synchronous> synchronous;
  for (const AppOverride& change : app.overrides) {
    const Holds known = holds(change.when, started, database.config_maps);
    if (known == Holds::kNo) continue;
    const bool certain = known == Holds::kYes;
    if (change.journal && !journal && (certain || *change.journal == Strategy::kWal))
      journal = change.journal;
    if (change.synchronous && !synchronous && (certain || *change.synchronous < Synchronous::kFull)) {
      synchronous = change.synchronous;
    }
  }
  database.journal = journal ? journal : app.journal;
  database.synchronous = synchronous ? synchronous : app.synchronous;
}

/// "Litestream" of "Litestream, replicating".
std::string plain_name(const App& app) { return app.name.substr(0, app.name.find(',')); }

RecognisedDatabase opened_by(const App& app, const Started& started, const ConfigMapNames& from) {
  RecognisedDatabase database;
  database.container = &started.container;
  database.app = plain_name(app);
  database.role = app.role;
  database.config_maps = from;
  apply_overrides(app, started, database);
  const bool second_connection = app.role == Role::kReplicator;
  database.locking_mode_normal = second_connection;
  if (database.journal) {
    const bool wal = *database.journal == Strategy::kWal;
    database.journal_because =
        database.app + (second_connection ? " needs " : " sets ") + (wal ? "WAL" : "no WAL");
  }
  if (const std::string* version = bundled_sqlite(app, parse_image(started.container.launch.image).tag)) {
    database.sqlite_version = *version;
  }
  return database;
}

/// What a connection string sets the app may set again: it makes nothing milder.
void add_dsn(RecognisedDatabase& database, SqliteDsn dsn) {
  database.path = std::move(dsn.path);
  database.path_can_be_shown = dsn.can_be_shown;
  database.locks_off = std::move(dsn.locks_off);
  database.locking_mode_normal = database.locking_mode_normal || dsn.locking_mode_normal;
  if (dsn.synchronous) {
    database.synchronous = std::min(database.synchronous.value_or(*dsn.synchronous), *dsn.synchronous);
  }
  if (!dsn.journal || database.journal == Strategy::kWal) return;
  database.journal = dsn.journal;
  database.journal_because = "a connection string of container \"" + database.container->name +
                             (*dsn.journal == Strategy::kWal ? "\" sets WAL" : "\" sets a rollback journal");
}

// ---- Gathering

class Recogniser {
 public:
  Recogniser(const Container& container, const Catalog& catalog, std::vector<RecognisedDatabase>& all)
      : started_(container), catalog_(catalog), all_(all), first_(all.size()) {}

  void run() {
    add_first_in_use(catalog_.apps_of_image(started_.container.launch.image));
    std::unordered_set<std::string_view> asked;  // a script may start one program very often
    for (const CommandWords& line : started_.lines) {
      const std::string_view program = base_name(line.front());
      if (asked.insert(program).second) add_first_in_use(catalog_.apps_of_program(program));
    }
    for (const EnvironmentVariable* variable : started_.environment.variables()) add_variable(*variable);
    for (const CommandWords& line : started_.lines) add_words(line);
  }

 private:
  [[nodiscard]] bool full() const {
    return all_.size() - first_ >= kMostDatabases || all_.size() >= kMostInThePod;
  }

  /// Of several entries the first that holds is the one; an image and its program may name the same.
  void add_first_in_use(const std::vector<const App*>& apps) {
    for (const App* app : apps) {
      ConfigMapNames from;
      if (!is_in_use(*app, started_, from)) continue;
      if (std::ranges::find(done_, app) == done_.end()) add_app(*app, from);
      return;
    }
  }

  void add_app(const App& app, const ConfigMapNames& from) {
    done_.push_back(&app);
    bool any = false;
    for (const AppDatabase& database : app.databases) {
      ConfigMapNames learned_from = from;
      auto dsn = locate(database, started_, learned_from);
      if (!dsn) continue;
      RecognisedDatabase found = opened_by(app, started_, learned_from);
      add_dsn(found, *std::move(dsn));
      any = true;
      if (may_lie_elsewhere(database, started_) && mounts_of(started_.container, found.path).empty()) {
        add_on_every_mount(found);
      } else {
        add(std::move(found));
      }
    }
    const bool works_beside = app.role == Role::kReplicator || app.role == Role::kRestorer;
    if (!any && works_beside && !full()) all_.push_back(opened_by(app, started_, from));
  }

  /// The container was given volumes, and where the app keeps its database is not in view.
  void add_on_every_mount(const RecognisedDatabase& database) {
    for (const VolumeMount& mount : started_.container.mounts) {
      if (mount.read_only || full()) continue;
      RecognisedDatabase found = database;
      found.path = mount.path + "/*";
      found.path_can_be_shown = false;
      add(std::move(found));
    }
  }

  void add_variable(const EnvironmentVariable& variable) {
    // Most values are neither paths nor made of others, and need no more than this look.
    if (variable.value.find_first_of("/$") == std::string::npos) return;
    const Environment::Lookup& known = started_.environment.find(variable.name);
    if (known.state == State::kSet) add_word(known.value, known.config_map);
  }

  void add_words(const CommandWords& line) {
    if (base_name(line.front()) == "sqlite3") return add_file_of_shell(line);
    // The last word of a copy is where it goes: a backup, which nobody has open.
    const std::size_t count = is_copy(line) ? line.size() - 1 : line.size();
    for (std::size_t i = 0; i < count; ++i) add_word(line[i]);
  }

  /// A word, what follows its =, and the words of one that is a command line itself (`-exec "app --db X"`).
  void add_word(std::string_view word, std::string_view config_map = {}) {
    if (word.find('/') == std::string_view::npos) return;  // no absolute path is in it
    add_one_word(word, config_map);
    if (word.find(' ') == std::string_view::npos || read_sqlite_dsn(word).says != Says::kNothing) return;
    for (const std::string& inner : split_words(word)) add_one_word(inner, config_map);
  }

  void add_one_word(std::string_view word, std::string_view config_map) {
    add_text(word, config_map);
    // "--db=/x.db", "DATABASE_URL=sqlite:///x.db"; the name before it has nothing of a path.
    const auto equals = word.find('=');
    if (equals != std::string_view::npos && word.find_first_of("/:?") > equals) {
      add_text(word.substr(equals + 1), config_map);
    }
  }

  static bool is_copy(const CommandWords& line) {
    constexpr std::array<std::string_view, 4> kCopies = {"cp", "mv", "rsync", "ln"};
    return std::ranges::find(kCopies, base_name(line.front())) != kCopies.end();
  }

  /// sqlite3 [OPTIONS] FILENAME [SQL]: whatever the file's ending. The SQL is not looked into.
  void add_file_of_shell(const CommandWords& line) {
    const auto file = std::ranges::find_if(line.begin() + 1, line.end(), [](const std::string& word) {
      return word.starts_with('/') || word.starts_with("file:");
    });
    if (file == line.end()) return;
    SqliteDsn dsn = read_sqlite_dsn(file->starts_with('/') ? "file:" + *file : *file);
    dsn.sure = true;
    add_dsn_alone(std::move(dsn), {});
  }

  void add_text(std::string_view text, std::string_view config_map) {
    SqliteDsn dsn = read_sqlite_dsn(text);
    if (dsn.sure) add_dsn_alone(std::move(dsn), config_map);
  }

  void add_dsn_alone(SqliteDsn dsn, std::string_view config_map) {
    // A relative path begins in a folder that only the image knows.
    if (dsn.says != Says::kSqlite || !dsn.path.starts_with('/')) return;
    RecognisedDatabase found;
    found.container = &started_.container;
    note_config_map(found.config_maps, config_map);
    add_dsn(found, std::move(dsn));
    add(std::move(found));
  }

  void add(RecognisedDatabase found) {
    if (full() || found.path.size() > kLongestPath) return;
    const auto known = std::find_if(all_.begin() + static_cast<std::ptrdiff_t>(first_), all_.end(),
                                    [&](const auto& other) { return other.path == found.path; });
    if (known == all_.end() || known->role != found.role) {
      all_.push_back(std::move(found));
      return;
    }
    // The same database again: what one connection says holds for the file.
    known->path_can_be_shown = known->path_can_be_shown || found.path_can_be_shown;
    if (known->locks_off.empty()) known->locks_off = found.locks_off;
    known->locking_mode_normal = known->locking_mode_normal || found.locking_mode_normal;
    if (!known->synchronous) known->synchronous = found.synchronous;
    if (!known->journal || found.journal == Strategy::kWal) {
      if (found.journal) known->journal_because = found.journal_because;
      if (found.journal) known->journal = found.journal;
    }
  }

  Started started_;
  const Catalog& catalog_;
  std::vector<RecognisedDatabase>& all_;
  std::size_t first_;  // of this container in `all_`
  std::vector<const App*> done_;
};

}  // namespace

std::vector<RecognisedDatabase> recognise(const PodSpec& pod, const Catalog& catalog) {
  std::vector<RecognisedDatabase> all;
  for (const Container& container : pod.containers) {
    // What it opens elsewhere goes with the container.
    if (!container.mounts.empty()) Recogniser(container, catalog, all).run();
  }
  return all;
}

}  // namespace walguard::core
