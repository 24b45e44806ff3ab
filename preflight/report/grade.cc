#include "preflight/report/grade.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "preflight/report/report.h"

namespace walguard::report {
namespace {

constexpr std::string_view kNotRun = "not run";
constexpr bool kYes = true;
constexpr bool kNo = false;

// mountinfo names of filesystems that other machines may have mounted too. Names and their kind:
// linux/magic.h, statfs(2), the clients' own documentation; every fuse name below is the subtype its client
// registers.
constexpr std::array<std::string_view, 39> kNetworkFilesystems = {"nfs",
                                                                  "nfs4",
                                                                  "cifs",
                                                                  "smb3",
                                                                  "smbfs",
                                                                  "9p",
                                                                  "ceph",
                                                                  "lustre",
                                                                  "gpfs",
                                                                  "gfs2",
                                                                  "ocfs2",
                                                                  "beegfs",
                                                                  "wekafs",
                                                                  "afs",
                                                                  "coda",
                                                                  "orangefs",
                                                                  "pvfs2",
                                                                  "panfs",
                                                                  "ncpfs",
                                                                  "fuse.sshfs",
                                                                  "fuse.glusterfs",
                                                                  "fuse.ceph",
                                                                  "fuse.ceph-fuse",
                                                                  "fuse.rclone",
                                                                  "fuse.s3fs",
                                                                  "fuse.gcsfuse",
                                                                  "fuse.goofys",
                                                                  "fuse.juicefs",
                                                                  "fuse.JuiceFS",
                                                                  "fuse.seaweedfs",
                                                                  "fuse.mfs",
                                                                  "fuse.moosefs",
                                                                  "fuse.blobfuse",
                                                                  "fuse.blobfuse2",
                                                                  "fuse.mountpoint-s3",
                                                                  "fuse.davfs",
                                                                  "fuse.curlftpfs",
                                                                  "fuse.nfs",
                                                                  "fuse.smbnetfs"};

const Check* find_check(const Report& report, std::string_view id) {
  const auto found = std::ranges::find(report.checks, id, &Check::id);
  return found == report.checks.end() ? nullptr : &*found;
}

Verdict verdict_of(const Check* check, const Need& need) {
  if (check == nullptr) return Verdict::kUnproven;
  switch (check->result) {
    case CheckResult::kPass:
      return Verdict::kSafe;
    case CheckResult::kFail:
      return Verdict::kUnsafe;
    case CheckResult::kUnsupported:
      return need.when_unsupported;
    case CheckResult::kNotRun:
      return Verdict::kUnproven;
  }
  return Verdict::kUnproven;
}

std::string why(const Check* check) {
  if (check == nullptr) return std::string(kNotRun);
  if (!check->detail.empty()) return check->detail;
  return std::string(to_string(check->result));
}

// Two mounts of one superblock share page cache and lock table: to the server they are one client.
bool has_second_client(const std::vector<View>& views) {
  std::set<std::pair<std::string, std::string>> clients;
  for (const View& view : views) {
    const bool known = !view.boot_id.empty() && !view.device.empty();
    if (known) clients.emplace(view.boot_id, view.device);
  }
  return clients.size() > 1;
}

// What is not known to be local may be on a network: a chroot, say, need not show the mount it lies on.
bool may_have_clients_elsewhere(const View& view) {
  return view.fstype.empty() || is_network_filesystem(view);
}

std::string one_client_reason(const View& view) {
  const std::string kind = view.fstype.empty()
                               ? "what is mounted there could not be learned; it may be a network filesystem"
                               : view.fstype + " is a network filesystem";
  return "identity: " + kind +
         ", and one client says nothing about a second one; with one WALGUARD_TOKEN on two nodes, "
         "run on one: walguard-preflight run " +
         view.path + " --listen 0.0.0.0:7000, and on the other: walguard-preflight run " + view.path +
         " --connect FIRST_NODE:7000; or mount it here again as a client of its own (for NFS: -o "
         "nosharecache) and run: walguard-preflight run " +
         view.path + " SECOND_MOUNT; or, where one node only will ever mount it: walguard-preflight run " +
         view.path + " --scope node";
}

// Collects each reason once, in the order of the table, under the verdict it leads to.
class Reasons {
 public:
  void add(Verdict verdict, std::string_view check, const std::string& detail) {
    // What stops a run stops every check after it: said once, by the first of them.
    const auto [first, is_new] = first_with_.emplace(detail, check);
    if (verdict == Verdict::kUnproven && !is_new && detail != kNotRun && first->second != check) return;
    std::vector<std::string>& list = verdict == Verdict::kUnsafe ? unsafe_ : unproven_;
    std::string reason = std::string(check) + ": " + detail;
    if (std::ranges::find(list, reason) == list.end()) list.push_back(std::move(reason));
  }
  void add_unproven(std::string reason) {
    if (std::ranges::find(unproven_, reason) == unproven_.end()) unproven_.push_back(std::move(reason));
  }
  std::vector<std::string> worst_first() && {
    unsafe_.insert(unsafe_.end(), std::make_move_iterator(unproven_.begin()),
                   std::make_move_iterator(unproven_.end()));
    return std::move(unsafe_);
  }

 private:
  std::vector<std::string> unsafe_;
  std::vector<std::string> unproven_;
  std::map<std::string, std::string> first_with_;  // check by detail
};

}  // namespace

bool is_needed_by(const Need& need, Strategy strategy) {
  switch (strategy) {
    case Strategy::kWal:
      return need.wal;
    case Strategy::kWalExclusive:
      return need.wal_exclusive;
    case Strategy::kRollback:
      return need.rollback;
  }
  return true;
}

const std::vector<Need>& needs() {
  // clang-format off
  static const std::vector<Need> table = {
      // check               wal   wal-ex rollback from               refused means
      {"identity",           kYes, kYes,  kYes,    Scope::kContainer, Verdict::kUnproven},
      {"mmap-coherence",     kYes, kNo,   kNo,     Scope::kContainer, Verdict::kUnsafe},
      {"mmap-growth",        kYes, kNo,   kNo,     Scope::kContainer, Verdict::kUnsafe},
      {"byte-range-locks",   kYes, kYes,  kYes,    Scope::kContainer, Verdict::kUnsafe},
      {"write-visibility",   kYes, kYes,  kYes,    Scope::kContainer, Verdict::kUnsafe},
      {"publication",        kYes, kNo,   kNo,     Scope::kContainer, Verdict::kUnsafe},
      {"sync",               kYes, kYes,  kYes,    Scope::kContainer, Verdict::kUnsafe},
      {"wal-workload",       kYes, kNo,   kNo,     Scope::kContainer, Verdict::kUnsafe},
      {"rollback-workload",  kNo,  kNo,   kYes,    Scope::kContainer, Verdict::kUnsafe},
      {"exclusive-workload", kNo,  kYes,  kNo,     Scope::kContainer, Verdict::kUnsafe},
  };
  // clang-format on
  return table;
}

Grade grade(const Report& report, const GradeRequest& request) {
  Grade result;
  Reasons reasons;
  for (const Strategy strategy : request.strategies) {
    Verdict verdict = Verdict::kSafe;
    for (const Need& need : needs()) {
      if (!is_needed_by(need, strategy) || report.scope < need.from) continue;
      const Check* check = find_check(report, need.check);
      const Verdict from_check = verdict_of(check, need);
      if (from_check != Verdict::kSafe) reasons.add(from_check, need.check, why(check));
      verdict = std::max(verdict, from_check);
    }
    const auto network = std::ranges::find_if(report.views, may_have_clients_elsewhere);
    if (network != report.views.end() && !has_second_client(report.views) && !request.node_scope_asked) {
      reasons.add_unproven(one_client_reason(*network));
      verdict = std::max(verdict, Verdict::kUnproven);
    }
    result.verdict[strategy] = verdict;
  }
  result.reasons = std::move(reasons).worst_first();
  return result;
}

Scope measured_scope(const std::vector<View>& views, bool trust_node_names) {
  std::set<std::string_view> boot_ids;
  std::set<std::string_view> nodes;
  bool all_named = true;
  for (const View& view : views) {
    if (!view.sandbox.empty()) return Scope::kContainer;
    if (!view.boot_id.empty()) boot_ids.insert(view.boot_id);
    if (!view.node.empty()) nodes.insert(view.node);
    all_named = all_named && !view.node.empty();
  }
  if (views.size() < 2) return Scope::kContainer;
  // Two kernels on one node are virtual machines there: what they share is not what two nodes share.
  const bool one_name = all_named && nodes.size() == 1;
  if (boot_ids.size() > 1 && !one_name) return Scope::kCluster;
  if (trust_node_names && all_named && nodes.size() > 1) return Scope::kCluster;
  return Scope::kNode;
}

bool is_network_filesystem(const View& view) {
  if (view.sandbox == "gvisor") return false;
  return std::ranges::find(kNetworkFilesystems, view.fstype) != kNetworkFilesystems.end();
}

}  // namespace walguard::report
