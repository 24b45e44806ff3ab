#include "operator/check/compose_remedy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "operator/core/decide.h"
#include "operator/wire/compose.h"
#include "preflight/text/printable.h"

namespace walguard::check {
namespace {

using MountKind = wire::ComposeMount::Kind;

/// Means nothing to YAML.
bool is_plain(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@-";
  return !text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos;
}

/// One word of a shell. Compose takes ~ at the beginning for the home folder, as the shell does outside of
/// quotes.
std::string in_shell(std::string_view word) {
  if (word.starts_with("~/")) return "~/" + in_shell(word.substr(2));
  return text::shell_word(word);
}

std::string in_yaml(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

/// "/data/app.db" -> "/data"; "app.db" -> ".".
std::string parent_of_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

/// Of the same old place it is the same for every service: a sidecar moves with its app.
std::string new_volume(const ComposeMountPlace& place) {
  if (place.mount.source.empty()) return place.service + "-local";
  std::string name;
  for (const char c : place.mount.source) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  return name + (name.ends_with('-') ? "local" : "-local");
}

/// Lines that begin with two spaces are there to be pasted.
std::string own_volume(const ComposeMountPlace& place) {
  const std::string name = new_volume(place);
  const std::string& target = place.mount.target;
  return "Move the database to a volume of the engine's own disk, together with every service that has it "
         "mounted. Stop them and copy:\n"
         "  docker compose run --rm --no-deps --entrypoint cp --volume " +
         in_shell(name + ":/new") + " " + in_shell(place.service) + " -a " + in_shell(target + "/.") +
         " /new/\n"
         "In each of them, in place of the mount:\n"
         "  - " +
         in_yaml(name + ":" + target) +
         "\n"
         "At the top level, below volumes:\n"
         "  " +
         in_yaml(name) + ": {name: " + in_yaml(name) + "}";
}

std::string measure(const ComposeMountPlace& place) {
  if (place.mount.kind == MountKind::kBind) {
    return "Measure it on the engine's machine:\n"
           "  walguard-preflight run " +
           in_shell(place.mount.source) +
           " --report report.json\n"
           "  docker info --format '{{json .}}' > docker.json\n"
           "  walguard check --docker-info docker.json --evidence report.json " +
           in_shell(place.file) + "\nOr: " + own_volume(place);
  }
  return "Say what the engine is:\n"
         "  docker info --format '{{json .}}' > docker.json\n"
         "  walguard check --docker-info docker.json " +
         in_shell(place.file);
}

std::string merge(const ComposeMountPlace& place) {
  return "Check the file with its variables filled in and the other files merged:\n"
         "  docker compose -f " +
         in_shell(place.file) +
         " config > merged.yaml\n"
         "  docker info --format '{{json .}}' > docker.json\n"
         "  walguard check --docker-info docker.json merged.yaml";
}

std::string mount_the_folder(const ComposeMountPlace& place) {
  const std::string folder = parent_of_path(place.mount.target);
  const std::string why =
      "Mount the folder that holds the database, not the file, which leaves -wal and -shm in the "
      "container. ";
  if (place.mount.kind != MountKind::kBind) {
    return why + "In place of the mount, without a subpath that names the file:\n  - " +
           in_yaml(place.mount.source + ":" + folder);
  }
  const std::string own = parent_of_path(place.mount.source) + "/" + place.service + "-data";
  return why + "While the service is stopped:\n  mkdir " + in_shell(own) + " && mv " +
         in_shell(place.mount.source) + "* " + in_shell(own) + "/\nIn place of the mount:\n  - " +
         in_yaml(own + ":" + folder);
}

std::string let_it_lock(const ComposeMountPlace& place) {
  return "Take the parameter out of the DSN: file:/data/app.db instead of file:/data/app.db?nolock=1, and no "
         "vfs=unix-none or vfs=unix-dotfile. Where it was set because locks failed, the volume is the "
         "cause. " +
         own_volume(place);
}

std::string let_it_write(const ComposeMountPlace& place) {
  return "Let the reader write: in the service \"volumes: [" +
         in_yaml(place.mount.source + ":" + place.mount.target) +
         "]\" without :ro and read_only, and open the database with file:...?mode=ro, or PRAGMA "
         "query_only=1. Or "
         "give it a copy that the writer makes: VACUUM INTO '/backup/app.db'";
}

constexpr std::string_view kOneContainer =
    "Run one container: remove deploy.replicas and scale, or set them to 1. To serve more readers use "
    "Litestream with "
    "a single writer, LiteFS, rqlite, or a server such as PostgreSQL";
constexpr std::string_view kOneRuntime =
    "Give every service that mounts it the engine's default runtime: remove \"runtime:\" from them";
constexpr std::string_view kOneReplicator =
    "In the app: PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL. One replicator for a database, on the "
    "same "
    "volume: \"deploy: {replicas: 1}\", and under \"deploy: {update_config: {order: stop-first}}\" no two at "
    "once. "
    "Restore before the app starts: a service with \"command: restore -if-db-not-exists -if-replica-exists "
    "/data/app.db\", and in the app's \"depends_on: {restore: {condition: service_completed_successfully}}\"";
constexpr std::string_view kNoRiskyOption =
    "Remove the option from o: in the driver_opts, and give the volume another name: the engine keeps the "
    "options of a "
    "volume that is there already";
constexpr std::string_view kNewerSqlite =
    "Use an image with SQLite 3.51.3 or later, 3.50.7 or 3.44.6. Until then one connection: PRAGMA "
    "locking_mode=EXCLUSIVE before the first access. Where the version is another one than walguard "
    "believes, say so: "
    "\"labels: {walguard/sqlite-version: '3.51.3'}\"";
constexpr std::string_view kTrueJournalMode =
    "Take the label away, or make it true: \"labels: {walguard/journal-mode: wal}\". To leave WAL for good, "
    "while "
    "nobody else has the database open: sqlite3 /data/app.db 'PRAGMA journal_mode=DELETE', and no app or "
    "sidecar that "
    "turns WAL on again (Litestream needs WAL)";

template <std::size_t N>
bool is_one_of(std::string_view rule, const std::array<std::string_view, N>& rules) {
  return std::ranges::find(rules, rule) != rules.end();
}

/// Rules that are answered by storage of another kind.
constexpr std::array<std::string_view, 7> kMoves = {
    "network-filesystem", "object-store-fuse", "locks-disabled",  "vm-shared-filesystem",
    "cross-node-sharing", "split-page-cache",  "preflight-failed"};
constexpr std::array<std::string_view, 3> kToBeMeasured = {"evidence-missing", "evidence-stale",
                                                           "evidence-inconclusive"};

/// Those that are the same whatever the place.
std::string_view fixed_remedy(std::string_view rule) {
  if (rule == "scale-out" || rule == "replicas-diverge") return kOneContainer;
  if (rule == "sandboxed-kernel" || rule == "mixed-kernels") return kOneRuntime;
  if (rule == "litestream-second-writer") return kOneReplicator;
  if (rule == "risky-mount-option") return kNoRiskyOption;
  if (rule == "sqlite-wal-reset-bug") return kNewerSqlite;
  if (rule == "journal-mode-contradicted") return kTrueJournalMode;
  return {};
}

/// They would begin lines of their own among those to be pasted.
bool has_control_characters(const ComposeMountPlace& place) {
  const auto is_control = [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; };
  return std::ranges::any_of(place.service, is_control) ||
         std::ranges::any_of(place.mount.source, is_control) ||
         std::ranges::any_of(place.mount.target, is_control) || std::ranges::any_of(place.file, is_control);
}

}  // namespace

std::optional<std::string> compose_remedy(const core::Finding& finding, const ComposeMountPlace& place) {
  const std::string_view rule = finding.rule;
  if (has_control_characters(place))
    return "Take the control characters out of the service's name and mount first";
  if (is_one_of(rule, kMoves)) return own_volume(place);
  const bool is_open = is_one_of(rule, kToBeMeasured) || rule == "unknown-driver";
  if (is_open && place.merged_tells_more) return merge(place);
  if (is_one_of(rule, kToBeMeasured)) return measure(place);
  if (rule == "unknown-driver") {
    return place.mount.kind == MountKind::kBind ? measure(place) : own_volume(place);
  }
  if (rule == "split-database-files") return mount_the_folder(place);
  if (rule == "sqlite-locks-off") return let_it_lock(place);
  if (rule == "read-only-consumer") return let_it_write(place);
  const std::string_view fixed = fixed_remedy(rule);
  return fixed.empty() ? std::nullopt : std::optional<std::string>(fixed);
}

}  // namespace walguard::check
