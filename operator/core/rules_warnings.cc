// Warnings, which leave the verdict alone.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {
namespace {

Match rollout_overlap(const RuleInput& input, Strategy) {
  return input.facts.replaced_by_overlap ? Match::kYes : Match::kNo;
}

std::string rollout_overlap_reason(const RuleInput& input) {
  return "a rolling update starts the new pod while the old one still has claim " + input.facts.claim +
         " open";
}

/// A claim for each, and a volume that ends with its pod, are nobody else's.
bool one_each(const VolumeFacts& facts) {
  return facts.workload == WorkloadKind::kDaemonSet || facts.per_replica_claim ||
         (facts.binding == Binding::kNotAClaim && facts.scope && *facts.scope <= Scope::kPod);
}

/// Above one where there are several, or an autoscaler may make them.
Match scale_out(const RuleInput& input, Strategy) {
  return most_replicas(input.facts) > 1 && !one_each(input.facts) ? Match::kYes : Match::kNo;
}

std::string scale_out_reason(const RuleInput& input) {
  const std::int64_t now = input.facts.replicas.value_or(1);
  const std::int64_t most = most_replicas(input.facts);
  const std::string who = most > now
                              ? "an autoscaler may make " + std::to_string(most) + " replicas, which all"
                              : std::to_string(most) + " replicas all";
  return who + " open the same databases: one of them can write at a time";
}

Match read_only_consumer(const RuleInput& input, Strategy) {
  return input.facts.read_only_consumers.empty() ? Match::kNo : Match::kYes;
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string read_only_consumer_reason(const RuleInput& input) {
  const bool several = input.facts.read_only_consumers.size() > 1;
  return std::string(several ? "containers " : "container ") + joined_names(input.facts.read_only_consumers) +
         (several ? " mount" : " mounts") + " it read-only, and a reader of SQLite writes too";
}

Match litestream_second_writer(const RuleInput& input, Strategy) {
  const DatabaseUsage& usage = input.facts.usage;
  return usage.replicator.empty() && usage.restorer.empty() ? Match::kNo : Match::kYes;
}

/// What several pods at once make worse than one sidecar does.
bool several_at_once(const VolumeFacts& facts) {
  return facts.replaced_by_overlap || (most_replicas(facts) > 1 && !one_each(facts));
}

std::string litestream_second_writer_reason(const RuleInput& input) {
  const DatabaseUsage& usage = input.facts.usage;
  if (!usage.restorer.empty()) {
    return "container " + usage.restorer + " restores the database while others may have it open";
  }
  const std::string who = "container " + usage.replicator;
  if (several_at_once(input.facts)) {
    return who +
           " replicates the database, in more than one pod at once: they overwrite each other's replica";
  }
  return who + " replicates the database and takes its write lock: the app needs a busy_timeout";
}

Match journal_mode_contradicted(const RuleInput& input, Strategy) {
  return input.facts.usage.journal_contradicted.empty() ? Match::kNo : Match::kYes;
}

std::string journal_mode_contradicted_reason(const RuleInput& input) {
  return "it is judged as " + std::string(name(input.facts.strategy)) +
         ", whatever the annotation says: " + input.facts.usage.journal_contradicted;
}

Match risky_mount_option(const RuleInput& input, Strategy) {
  return input.facts.risky_option.empty() ? Match::kNo : Match::kYes;
}

std::string risky_mount_option_reason(const RuleInput& input) {
  return "mount option " + input.facts.risky_option + " trades correct answers for something else";
}

/// "3.46.1" as {3, 46, 1}; what is left out is 0. nullopt: no such version.
std::optional<std::array<int, 3>> parse_version(std::string_view text) {
  std::array<int, 3> version{};
  for (int& part : version) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc{} || part < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return version;
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  return version;  // a fourth part only tells builds of one release apart
}

/// https://sqlite.org/wal.html#walresetbug
bool has_wal_reset_bug(const std::array<int, 3>& version) {
  using Version = std::array<int, 3>;
  const auto mended_in = [&](int minor, int first) {
    return version[0] == 3 && version[1] == minor && version[2] >= first;
  };
  const bool in_range = version >= Version{3, 7, 0} && version <= Version{3, 51, 2};
  return in_range && !mended_in(44, 6) && !mended_in(50, 7);
}

Match sqlite_wal_reset_bug(const RuleInput& input, Strategy) {
  const auto version = parse_version(input.facts.usage.sqlite_version);
  if (!version) return Match::kUnknown;
  return has_wal_reset_bug(*version) ? Match::kYes : Match::kNo;
}

std::string sqlite_wal_reset_bug_reason(const RuleInput& input) {
  return "SQLite " + input.facts.usage.sqlite_version +
         " has the WAL-reset bug, by which two connections can lose a commit on any storage";
}

/// Below this a retry hides it.
constexpr double kNotableShare = 0.01;

/// Whether two programs that may write at once are in view. A reader waits for nobody.
bool has_several_writers(const VolumeFacts& facts) {
  const auto readers = static_cast<int>(facts.read_only_consumers.size());
  return facts.consumers_in_pod - readers > 1 || facts.other_pods > 0 || several_at_once(facts);
}

const Contention* measured_contention(const RuleInput& input) {
  const Evidence* evidence = input.evidence[Strategy::kWal].evidence;
  return evidence != nullptr && evidence->contention ? &*evidence->contention : nullptr;
}

Match contention(const RuleInput& input, Strategy) {
  const Contention* measured = measured_contention(input);
  if (measured == nullptr) return Match::kUnknown;
  return measured->refused >= kNotableShare && has_several_writers(input.facts) ? Match::kYes : Match::kNo;
}

/// A report may hold any number, also none; what is beyond all measure is cut.
std::string rounded(double number) {
  constexpr double kMost = 1e9;
  return std::to_string(std::lround(number > 0 ? std::min(number, kMost) : 0));
}

std::string contention_reason(const RuleInput& input) {
  std::string text = "several programs may write at once";
  const Contention* measured = measured_contention(input);
  if (measured == nullptr) return text;
  text += ", and with two writers " + rounded(measured->refused * 100) +
          " % of transactions were refused without a busy_timeout";
  if (!measured->longest_wait) return text;
  return text + "; with one the longest wait was " + rounded(*measured->longest_wait * 1000) + " ms";
}

/// A rollback journal is synced at NORMAL too; a filesystem in memory is gone after a power loss in any case.
Match weak_durability(const RuleInput& input, Strategy strategy) {
  const auto& synchronous = input.facts.usage.synchronous;
  if (!synchronous) return Match::kUnknown;
  if (input.facts.transport == Transport::kMemory) return Match::kNo;
  if (*synchronous == Synchronous::kOff) return Match::kYes;
  return *synchronous == Synchronous::kNormal && strategy != Strategy::kRollback ? Match::kYes : Match::kNo;
}

std::string weak_durability_reason(const RuleInput& input) {
  if (input.facts.usage.synchronous == Synchronous::kOff) {
    return "synchronous=OFF: a power loss can damage the database";
  }
  return "synchronous=NORMAL: a power loss takes back every commit since the last sync of the log";
}

}  // namespace

std::int64_t most_replicas(const VolumeFacts& facts) {
  return std::max(facts.replicas.value_or(1), facts.autoscaled_to.value_or(1));
}

constinit const RuleBody kRolloutOverlapRule = {
    .match = rollout_overlap,
    .reason = rollout_overlap_reason,
    .summary = "a rolling update runs two pods on the database at once",
    .detail =
        "A Deployment's default strategy starts the new pod before the old one has ended. Two versions of "
        "the app then write to one database; with locking_mode=EXCLUSIVE the new one cannot start at all.",
    .remedy =
        "In the Deployment: spec: {strategy: {type: Recreate}}. A claim with accessModes: "
        "[ReadWriteOncePod] needs it as well: under a rolling update the new pod would wait for the old "
        "one for ever.",
    .source = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy",
};

constinit const RuleBody kScaleOutRule = {
    .match = scale_out,
    .reason = scale_out_reason,
    .summary = "several replicas are to share one database",
    .detail =
        "SQLite has one writer at a time, however many replicas there are: more of them wait for each "
        "other and add no speed. With locking_mode=EXCLUSIVE the second one cannot start at all. An "
        "autoscaler that may go above one counts as if it had.",
    .remedy =
        "Set spec: {replicas: 1}, and delete the HorizontalPodAutoscaler or set its spec: {minReplicas: 1, "
        "maxReplicas: 1}. A database for each replica: a StatefulSet with volumeClaimTemplates: "
        "[{metadata: {name: data}, spec: {accessModes: [ReadWriteOncePod], resources: {requests: {storage: "
        "10Gi}}}}]. To serve more readers use Litestream with a single writer, LiteFS, rqlite, dqlite, "
        "libSQL server or PostgreSQL.",
    .source =
        "https://sqlite.org/whentouse.html; "
        "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
};

constinit const RuleBody kReadOnlyConsumerRule = {
    .match = read_only_consumer,
    .reason = read_only_consumer_reason,
    .summary = "a container reads the database through a read-only mount",
    .detail =
        "To read a WAL database SQLite writes: it takes locks in -shm and makes that file where it is "
        "missing. Through a read-only mount this works only while another connection keeps -wal and -shm "
        "in place; when the last one closes, the reader fails with \"unable to open database file\". A "
        "rollback journal that a crash left behind cannot be rolled back through such a mount either. "
        "immutable=1 silences the errors and reads wrong data as soon as somebody writes.",
    .remedy =
        "Let the reader write: remove readOnly: true from its volumeMounts and from the volume, and open "
        "the database with file:/data/app.db?mode=ro, or PRAGMA query_only=1. Or give it a copy: VACUUM "
        "INTO '/backup/app.db' by the writer, and the reader mounts that.",
    .source =
        "https://sqlite.org/wal.html \"Read-Only Databases\"; https://sqlite.org/uri.html \"immutable\"",
};

constinit const RuleBody kLitestreamSecondWriterRule = {
    .match = litestream_second_writer,
    .reason = litestream_second_writer_reason,
    .summary = "a sidecar is a second writer of the database",
    .detail =
        "Litestream and its kind are one more connection: they hold the write lock while they copy and "
        "checkpoint the log, so that an app without busy_timeout fails with \"database is locked\". Two "
        "that replicate to one place overwrite each other's replica, which a second replica of the pod or "
        "a rolling update brings about. A restore that runs while the app has the database open replaces "
        "it under its feet.",
    .remedy =
        "In the app: PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL. One replicator for a database: "
        "spec: {replicas: 1, strategy: {type: Recreate}}, in the same pod as the app and on the same "
        "volume, never on a copy of its own. Restore in an init container that ends before the app starts: "
        "initContainers: [{name: restore, args: [restore, -if-db-not-exists, -if-replica-exists, "
        "/data/app.db]}], without restartPolicy: Always.",
    .source =
        "https://litestream.io/tips/ \"Busy timeout\"; https://litestream.io/guides/kubernetes/; "
        "https://github.com/benbjohnson/litestream/issues/1119 (two at once)",
};

constinit const RuleBody kJournalModeContradictedRule = {
    .match = journal_mode_contradicted,
    .reason = journal_mode_contradicted_reason,
    .summary = "the journal mode is not what the annotation says",
    .detail =
        "The annotation walguard/journal-mode says how the database journals, and a file that was scanned, "
        "the app or a sidecar says otherwise. WAL stands in the database file and outlives every pragma "
        "that is not run, so that the stricter word is believed: the verdict is that of WAL.",
    .remedy =
        "Take the annotation away, or make it true: annotation walguard/journal-mode: wal. To leave WAL "
        "for good, while nobody else has the database open: sqlite3 /data/app.db 'PRAGMA "
        "journal_mode=DELETE', and no app or sidecar beside it that turns WAL on again (Litestream needs "
        "WAL).",
    .source =
        "https://sqlite.org/wal.html \"Persistence of WAL mode\"; "
        "https://sqlite.org/fileformat2.html#file_format_version_numbers",
};

constinit const RuleBody kRiskyMountOptionRule = {
    .match = risky_mount_option,
    .reason = risky_mount_option_reason,
    .summary = "a mount option gives errors or stale data",
    .detail =
        "The volume is mounted with an option that trades correctness for something else: soft and softerr "
        "answer a program with an error where the server is slow, and a write that was reported can be "
        "missing; nosharesock makes connections of their own; loose caches answer with old data.",
    .remedy =
        "Remove the option from mountOptions of the StorageClass (delete it and create it anew: its fields "
        "cannot be changed) and of each PersistentVolume (kubectl edit pv), then start the pods again: "
        "mountOptions: [hard] instead of mountOptions: [soft] on NFS; without nosharesock on SMB.",
    .source = "nfs(5) \"soft / hard / softerr\"; mount.cifs(8) \"nosharesock\"; docs/knowledge.md",
};

constinit const RuleBody kSqliteWalResetBugRule = {
    .match = sqlite_wal_reset_bug,
    .reason = sqlite_wal_reset_bug_reason,
    .summary = "this SQLite can lose commits in WAL mode by itself",
    .detail =
        "SQLite 3.7.0 to 3.51.2 has the WAL-reset bug: where one connection checkpoints while another "
        "writes, a commit that was acknowledged can be lost or the database damaged, on any storage. "
        "3.44.6 and later of 3.44 and 3.50.7 and later of 3.50 are mended. It takes two connections or "
        "more, which most apps have by themselves, and is rare.",
    .remedy =
        "Use an image with SQLite 3.51.3 or later, 3.50.7 or 3.44.6. Until then one connection: PRAGMA "
        "locking_mode=EXCLUSIVE before the first access. Where the version is another one than walguard "
        "believes, say so on the pod template: annotation walguard/sqlite-version: \"3.51.3\".",
    .source = "https://sqlite.org/wal.html#walresetbug",
};

constinit const RuleBody kContentionRule = {
    .match = contention,
    .reason = contention_reason,
    .summary = "writers were refused in the preflight",
    .detail =
        "The preflight let two writers try once a millisecond without busy_timeout, and counted how many "
        "transactions were refused with SQLITE_BUSY. It is no fault of the storage: SQLite has one writer "
        "at a time. An app that does not wait shows it to its users as \"database is locked\".",
    .remedy =
        "On every connection: PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA "
        "synchronous=NORMAL; PRAGMA mmap_size=0. Begin what will write with BEGIN IMMEDIATE, keep "
        "transactions short, and write from one program where you can.",
    .source =
        "https://sqlite.org/rescode.html#busy; https://sqlite.org/pragma.html#pragma_busy_timeout; "
        "docs/preflight.md",
};

constinit const RuleBody kWeakDurabilityRule = {
    .match = weak_durability,
    .reason = weak_durability_reason,
    .summary = "a power loss takes commits back",
    .detail =
        "In WAL mode synchronous=NORMAL syncs at checkpoints alone: every commit since the last sync of "
        "the log is gone after a power loss or a crash of the machine, though the database stays whole. "
        "synchronous=OFF never syncs, and a power loss can damage the database. A crash of the program "
        "alone costs nothing in either.",
    .remedy =
        "Where each commit must outlive the machine: PRAGMA synchronous=FULL on every connection, or "
        "_synchronous=FULL in a DSN that takes pragmas. Where the last seconds may be lost, keep NORMAL; "
        "never use OFF.",
    .source =
        "https://sqlite.org/pragma.html#pragma_synchronous; "
        "https://sqlite.org/wal.html#performance_considerations",
};

}  // namespace walguard::core
