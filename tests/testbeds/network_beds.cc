// The kernel's own NFS and CIFS clients, in a guest of user-mode Linux: they are there whatever this
// machine's kernel has, and nothing of it is touched. One guest serves to itself; of two, each a kernel of
// its own on one network, the first serves to both. See uml/guest-init.
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "preflight/report/report.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"
#include "tests/testbeds/uml_guest.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
constexpr auto kPass = report::CheckResult::kPass;
constexpr auto kFail = report::CheckResult::kFail;

SetUp in_guest(GuestMounts mounts) {
  return [mounts = std::move(mounts)](Bed& bed, const std::string& strategy) {
    const fs::path exchange = bed.directory("exchange");
    give_to_guest(exchange, "alone", mounts, strategy);
    return Setup{.command = guest_command("boot-guest", exchange),
                 .report = exchange / "report.json",
                 .left_clean = {}};  // the guest looks for itself
  };
}

SetUp between_two_guests(GuestMounts mounts) {
  return [mounts = std::move(mounts)](Bed& bed, const std::string& strategy) {
    const fs::path exchange = bed.directory("exchange");
    for (const std::string node : {"one", "two"}) {
      give_to_guest(bed.directory("exchange/" + node), node, mounts, strategy);
    }
    return Setup{.command = guest_command("boot-pair", exchange),
                 .report = exchange / "two/report.json",
                 .left_clean = {}};  // the first guest looks for itself
  };
}

BedCase network_bed(std::string name, std::string what, GuestMounts mounts, int expected_exit,
                    std::map<std::string, report::CheckResult> expected_checks) {
  return {.name = std::move(name),
          .group = BedGroup::kNetwork,
          .what = std::move(what),
          .set_up = in_guest(std::move(mounts)),
          .expected_exit = expected_exit,
          .expected_checks = std::move(expected_checks),
          .in_guest = true,
          .why_not_here = why_no_guest};
}

// Two nodes in earnest, between which the scope is `cluster`. `options` are the mount options of each.
BedCase two_nodes_bed(std::string name, std::string what, const std::string& server,
                      const std::string& options,
                      std::map<std::string, report::CheckResult> expected_checks) {
  return {.name = std::move(name),
          .group = BedGroup::kNetwork,
          .what = std::move(what),
          .set_up = between_two_guests({server, options, ""}),
          .expected_exit = 1,
          .expected_checks = std::move(expected_checks),
          .expected_verdicts = {{report::Strategy::kWal, report::Verdict::kUnsafe}},
          .expected_scope = report::Scope::kCluster,
          .in_guest = true,
          .why_not_here = why_no_two_guests};
}

void add_nfs(std::vector<BedCase>& table) {
  const std::map<std::string, report::CheckResult> all_pass = {
      {"mmap-coherence", kPass}, {"byte-range-locks", kPass}, {"wal-workload", kPass}};
  table.push_back(network_bed("UmlOneNfs42",
                              "NFSv4.2, one mount: all passes, nothing is known of a second client",
                              {"nfs", "vers=4.2", ""}, 3, all_pass));
  table.push_back(network_bed("UmlOneNfs3", "NFSv3, one mount", {"nfs", "vers=3", ""}, 3, all_pass));
  table.push_back(network_bed("UmlOneNfs3Nolock",
                              "NFSv3 with nolock, one mount: the one client's own locks work",
                              {"nfs", "vers=3,nolock", ""}, 3, all_pass));
  table.push_back(network_bed(
      "UmlTwoNfs42Clients",
      "NFSv4.2 from two clients: the server keeps the locks, but there are two page caches",
      {"nfs", "vers=4.2", "vers=4.2", true}, 1, {{"mmap-coherence", kFail}, {"byte-range-locks", kPass}}));
  table.push_back(network_bed("UmlTwoNfs42ClientsNoac", "the same with noac, which is no help",
                              {"nfs", "vers=4.2,noac", "vers=4.2,noac", true}, 1,
                              {{"mmap-coherence", kFail}, {"byte-range-locks", kPass}}));
  table.push_back(network_bed("UmlNfs42Nosharecache", "NFSv4.2 mounted twice by one client: two page caches",
                              {"nfs", "vers=4.2", "vers=4.2,nosharecache"}, 1, {{"mmap-coherence", kFail}}));
  table.push_back(network_bed("UmlNfs3Nosharecache", "NFSv3 mounted twice by one client: two page caches",
                              {"nfs", "vers=3", "vers=3,nosharecache"}, 1, {{"mmap-coherence", kFail}}));
  table.push_back(network_bed("UmlNfs3NolockNosharecache", "the same with nolock: two lock tables besides",
                              {"nfs", "vers=3,nolock", "vers=3,nolock,nosharecache"}, 1,
                              {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}}));
}

void add_cifs(std::vector<BedCase>& table) {
  table.push_back(network_bed("UmlOneCifs",
                              "CIFS, one mount: its mandatory locks keep SQLite from starting WAL",
                              {"cifs", "vers=3.1.1", ""}, 1, {{"wal-workload", kFail}}));
  table.push_back(network_bed(
      "UmlOneCifsNobrl", "CIFS with nobrl, one mount: the one client's own locks work",
      {"cifs", "vers=3.1.1,nobrl", ""}, 3, {{"mmap-coherence", kPass}, {"byte-range-locks", kPass}}));
  table.push_back(network_bed("UmlTwoCifs", "CIFS mounted twice: two page caches",
                              {"cifs", "vers=3.1.1", "vers=3.1.1,nosharesock"}, 1,
                              {{"mmap-coherence", kFail}}));
  table.push_back(network_bed("UmlTwoCifsNobrl", "the same with nobrl: two lock tables besides",
                              {"cifs", "vers=3.1.1,nobrl", "vers=3.1.1,nobrl,nosharesock"}, 1,
                              {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}}));
}

void add_two_nodes(std::vector<BedCase>& table) {
  table.push_back(two_nodes_bed("UmlTwoNodesNfs42",
                                "NFSv4.2 from two kernels: the server keeps the locks, each has a page cache",
                                "nfs", "vers=4.2", {{"mmap-coherence", kFail}, {"byte-range-locks", kPass}}));
  // Of locks over NFSv3 nothing is expected: asked by F_GETLK for a write lock, the server of Linux 6.1.176
  // was seen to overlook another node's read lock, which F_SETLK respects. Within one client nobody asks it.
  table.push_back(two_nodes_bed("UmlTwoNodesNfs3", "NFSv3 from two kernels", "nfs", "vers=3",
                                {{"mmap-coherence", kFail}}));
  table.push_back(two_nodes_bed("UmlTwoNodesNfs3Nolock", "the same with nolock: two lock tables besides",
                                "nfs", "vers=3,nolock",
                                {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}}));
  table.push_back(two_nodes_bed("UmlTwoNodesCifs", "CIFS from two kernels", "cifs", "vers=3.1.1",
                                {{"mmap-coherence", kFail}}));
  table.push_back(two_nodes_bed("UmlTwoNodesCifsNobrl", "the same with nobrl: two lock tables besides",
                                "cifs", "vers=3.1.1,nobrl",
                                {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}}));
}

}  // namespace

void add_network_beds(std::vector<BedCase>& table) {
  if (kSanitized) return;
  add_nfs(table);
  add_cifs(table);
  add_two_nodes(table);
}

}  // namespace walguard::testbeds
