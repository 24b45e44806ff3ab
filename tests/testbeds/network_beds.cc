// The kernel's own NFS and CIFS clients, in a guest of user-mode Linux: they are there whatever this
// machine's kernel has, and nothing of it is touched. The guest serves to itself; see uml/guest-init.
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
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

struct Mounts {
  std::string server;        // "nfs" or "cifs"
  std::string one;           // mount options
  std::string two;           // of a second view; empty: there is none
  bool second_host = false;  // the second view is another client's
};

SetUp in_guest(Mounts mounts) {
  return [mounts = std::move(mounts)](Bed& bed, const std::string& strategy) {
    const fs::path root = guest_root();
    const fs::path modules = root / "lib/modules";
    fs::create_directories(modules);  // where the guest mounts the host's
    const fs::path exchange = bed.directory("exchange");
    const fs::path scripts = WALGUARD_SOURCE_DIR "/tests/testbeds/uml";
    fs::copy_file(scripts / "guest-init", exchange / "guest-init");
    fs::copy_file(WALGUARD_PREFLIGHT_BINARY, exchange / "walguard-preflight");
    std::ofstream settings(exchange / "settings");
    settings << "SERVER=" << mounts.server << "\nOPTIONS_ONE=" << mounts.one << "\nOPTIONS_TWO=" << mounts.two
             << "\nSECOND_HOST=" << (mounts.second_host ? "yes" : "no") << "\nSTRATEGY=" << strategy
             << "\nMODULES=/usr/lib/uml/modules\n";
    if (!settings.flush()) throw std::runtime_error("cannot write the guest's settings");
    // The guest is several processes, tracing each other. In a PID namespace they end together.
    return Setup{.command = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                             scripts / "boot-guest", exchange, root, WALGUARD_UML_XSTATE_LIBRARY},
                 .report = exchange / "report.json",
                 .left_clean = {}};  // the guest looks for itself
  };
}

BedCase network_bed(std::string name, std::string what, Mounts mounts, int expected_exit,
                    std::map<std::string, report::CheckResult> expected_checks) {
  return {.name = std::move(name),
          .group = BedGroup::kNetwork,
          .what = std::move(what),
          .set_up = in_guest(std::move(mounts)),
          .expected_exit = expected_exit,
          .expected_checks = std::move(expected_checks),
          .why_not_here = why_no_guest};
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

}  // namespace

void add_network_beds(std::vector<BedCase>& table) {
  if (kSanitized) return;
  add_nfs(table);
  add_cifs(table);
}

}  // namespace walguard::testbeds
