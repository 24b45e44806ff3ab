#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {
namespace {

using Role = core::App::Role;
using Gives = core::AppSetting::Gives;
using From = core::AppSetting::From;

// ---- Conditions and what they change

core::AppCondition read_variable(const Object& fields) {
  core::AppCondition condition;
  condition.key = fields.required("env").text();
  if (const auto absent = fields.optional("absent")) {
    if (!absent->flag()) absent->fail("can only be true; name values with `is` instead");
    if (fields.has("is") || fields.has("or-absent")) {
      absent->fail("stands beside `is` or `or-absent`; use {is: [...], or-absent: true}");
    }
    condition.or_absent = true;
    return condition;
  }
  condition.values = fields.required("is").texts();
  condition.or_absent = fields.flag("or-absent");
  return condition;
}

core::AppCondition read_argument(const Object& fields) {
  for (const std::string_view key : {"is", "or-absent"}) {
    if (const auto wrong = fields.optional(key))
      wrong->fail("does not go with `argument`; it is there or absent");
  }
  core::AppCondition condition;
  condition.field = core::AppCondition::Field::kArgument;
  condition.key = fields.required("argument").text();
  condition.or_absent = fields.flag("absent");
  return condition;
}

core::AppCondition read_condition(const Object& fields) {
  if (fields.has("env") == fields.has("argument")) {
    fields.value().fail("asks for nothing, or for two things; name env or argument");
  }
  return fields.has("env") ? read_variable(fields) : read_argument(fields);
}

core::Strategy read_journal(const Value& value) {
  if (const auto journal = core::parse<core::Strategy>(value.text())) return *journal;
  value.fail(value.quoted() + " is not a journal; use one of wal, wal-exclusive, rollback, or leave it out");
}

core::Synchronous read_synchronous(const Value& value) {
  const std::string text = value.text();
  if (text == "off") return core::Synchronous::kOff;
  if (text == "normal") return core::Synchronous::kNormal;
  if (text == "full") return core::Synchronous::kFull;
  if (text == "extra") return core::Synchronous::kExtra;
  value.fail(value.quoted() + " is not a level; use one of off, normal, full, extra, or leave it out");
}

core::AppOverride read_override(const Value& entry) {
  const Object fields(entry, {"env", "argument", "is", "or-absent", "absent", "journal", "synchronous"});
  core::AppOverride result;
  result.when = read_condition(fields);
  if (const auto journal = fields.optional("journal")) result.journal = read_journal(*journal);
  if (const auto level = fields.optional("synchronous")) result.synchronous = read_synchronous(*level);
  if (!result.journal && !result.synchronous) entry.fail("changes nothing; name journal or synchronous");
  return result;
}

// ---- Databases

Gives read_gives(const Value& value) {
  const std::string text = value.text();
  if (text == "file") return Gives::kFile;
  if (text == "folder") return Gives::kFolder;
  if (text == "url") return Gives::kUrl;
  value.fail(value.quoted() + " is not what a setting gives; use one of file, folder, url");
}

core::AppSetting read_setting(const Value& entry, const std::string& path) {
  const Object fields(entry, {"env", "option", "key", "gives", "folder"});
  core::AppSetting setting;
  int subjects = 0;
  for (const auto& [word, from] : {std::pair{"env", From::kEnvironment}, std::pair{"option", From::kOption},
                                   std::pair{"key", From::kConfigurationKey}}) {
    const auto name = fields.optional(word);
    if (!name) continue;
    setting.from = from;
    setting.name = name->text();
    ++subjects;
  }
  if (subjects != 1)
    entry.fail("names " + std::to_string(subjects) + " settings; write one of env, option, key");
  setting.gives = read_gives(fields.required("gives"));
  const auto folder = fields.optional("folder");
  if (folder.has_value() != (setting.gives == Gives::kFolder)) {
    entry.fail("`folder` goes with `gives: folder`, and only there");
  }
  if (folder) {
    setting.folder = folder->text();
    if (!path.starts_with(setting.folder + "/")) folder->fail("is not the beginning of the path " + path);
  }
  return setting;
}

core::AppDatabase read_database(const Value& entry) {
  const Object fields(entry, {"path", "set-by"});
  core::AppDatabase database;
  if (const auto path = fields.optional("path")) {
    database.path = path->text();
    if (!database.path.starts_with('/'))
      path->fail(path->quoted() + " is not a path in the container; begin with /");
  }
  if (const auto settings = fields.optional("set-by")) {
    for (const Value& setting : settings->items()) {
      database.set_by.push_back(read_setting(setting, database.path));
    }
  }
  if (database.path.empty() && database.set_by.empty())
    entry.fail("is nowhere; write a path, set-by or both");
  return database;
}

// ---- The SQLite inside

bool is_version(std::string_view text) {
  return std::ranges::count(text, '.') == 2 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos && !text.starts_with('.') &&
         !text.ends_with('.') && text.find("..") == std::string_view::npos;
}

core::BundledSqlite read_sqlite(const Value& entry) {
  const Object fields(entry, {"tag", "version"});
  const Value tag = fields.required("tag");
  const Value version = fields.required("version");
  core::BundledSqlite bundled{.tag = tag.text(), .version = version.text()};
  if (std::ranges::count(bundled.tag, '*') > 1) tag.fail("has more than one *; write an entry for each");
  if (!is_version(bundled.version)) version.fail(version.quoted() + " is not a version; write 3.46.1");
  return bundled;
}

// ---- An app

Role read_role(const Object& fields) {
  const auto value = fields.optional("role");
  if (!value) return Role::kOpensItsOwn;
  const std::string text = value->text();
  if (text == "copy-per-replica") return Role::kCopyPerReplica;
  if (text == "replicator") return Role::kReplicator;
  if (text == "restorer") return Role::kRestorer;
  value->fail(value->quoted() +
              " is not a role; use one of copy-per-replica, replicator, restorer, or leave it out");
}

void check_image(const Value& value) {
  const std::string image = value.text();
  const auto [repository, tag] = core::parse_image(image);
  if (repository != image) value.fail(value.quoted() + " has a registry, tag or digest; write OWNER/NAME");
  const auto star = image.rfind('*');
  if (star != std::string::npos &&
      (star != 0 || !image.starts_with("*/") || image.find('/', 2) != std::string::npos)) {
    value.fail(value.quoted() + " has * elsewhere; it stands for the owner alone: \"*/NAME\"");
  }
}

std::vector<std::string> read_names(const Object& fields, std::string_view key) {
  const auto value = fields.optional(key);
  return value ? value->texts() : std::vector<std::string>{};
}

bool is_milder(std::optional<core::Strategy> journal) { return journal && *journal != core::Strategy::kWal; }

bool is_milder(std::optional<core::Synchronous> level) { return level && *level >= core::Synchronous::kFull; }

/// Nothing from memory may talk a risk away.
void check_verified(const core::App& app, const Value& verified) {
  const bool override_is_milder = std::ranges::any_of(app.overrides, [](const core::AppOverride& change) {
    return is_milder(change.journal) || is_milder(change.synchronous);
  });
  if (is_milder(app.journal) || is_milder(app.synchronous) || override_is_milder ||
      app.role == Role::kCopyPerReplica) {
    verified.fail(
        "false, but the entry says what makes a verdict milder (a journal other than wal, full, extra, "
        "copy-per-replica); leave that out");
  }
}

core::App read_app(const Value& entry) {
  const Object fields(entry, {"name", "images", "programs", "role", "when", "databases", "journal",
                              "synchronous", "overrides", "sqlite", "verified", "source"});
  core::App app;
  app.name = fields.required("name").text();
  app.images = read_names(fields, "images");
  app.programs = read_names(fields, "programs");
  if (app.images.empty() && app.programs.empty()) entry.fail("can never be found; add images or programs");
  if (const auto images = fields.optional("images")) std::ranges::for_each(images->items(), check_image);
  app.role = read_role(fields);
  const auto each = [&](std::string_view key, auto use) {
    if (const auto list = fields.optional(key)) std::ranges::for_each(list->items(), use);
  };
  each("when", [&](const Value& condition) {
    app.when.push_back(read_condition(Object(condition, {"env", "argument", "is", "or-absent", "absent"})));
  });
  each("databases", [&](const Value& database) { app.databases.push_back(read_database(database)); });
  each("overrides", [&](const Value& change) { app.overrides.push_back(read_override(change)); });
  each("sqlite", [&](const Value& bundled) { app.sqlite.push_back(read_sqlite(bundled)); });
  if (const auto journal = fields.optional("journal")) app.journal = read_journal(*journal);
  if (const auto level = fields.optional("synchronous")) app.synchronous = read_synchronous(*level);
  if (app.databases.empty() && (app.role == Role::kOpensItsOwn || app.role == Role::kCopyPerReplica)) {
    entry.fail("has no databases; add them, or a role that works on those of others");
  }
  app.verified = fields.required("verified").flag();
  app.source = fields.required("source").text();
  if (!app.verified) check_verified(app, fields.required("verified"));
  return app;
}

/// Refuses an entry behind one that takes the same image or program whatever its settings are.
class Reachable {
 public:
  void add(const core::App& app, const Value& entry) {
    for (const auto* names : {&app.images, &app.programs}) {
      for (const std::string& name : *names) {
        if (taken_.contains(name)) {
          entry.fail("can never be reached for \"" + name +
                     "\", as an entry above it without `when` takes it");
        }
        if (app.when.empty()) taken_.insert(name);
      }
    }
  }

 private:
  std::set<std::string> taken_;
};

}  // namespace

std::vector<core::App> read_apps(std::string_view yaml) {
  std::vector<core::App> apps;
  Reachable reachable;
  for (const Value& entry : read_entries(yaml, "apps.yaml", "apps")) {
    apps.push_back(read_app(entry));
    reachable.add(apps.back(), entry);
  }
  return apps;
}

}  // namespace walguard::knowledge
