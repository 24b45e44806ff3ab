// FUSE clients of a server: sshfs and glusterfs, whose servers run on this machine for as long as the bed.
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "preflight/report/report.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using testing_support::eventually;
using testing_support::Program;
constexpr auto kPass = report::CheckResult::kPass;
constexpr auto kFail = report::CheckResult::kFail;

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

// A real sshd with keys of its own. It needs no address: the client starts it as its proxy command and speaks
// to it through a pipe, one server for each mount.
class SshServer {
 public:
  explicit SshServer(Bed& bed) : folder_(bed.directory("ssh")) {
    fs::create_directories("/run/sshd");  // sshd insists on its empty directory
    for (const char* const key : {"host", "user"}) {
      must_run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder_ / key});
    }
    const std::string folder = folder_.string();
    write_file(folder_ / "sshd_config",
               "HostKey " + folder + "/host\nAuthorizedKeysFile " + folder +
                   "/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
                   "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n");
    write_file(folder_ / "ssh_config", "Host bed\nProxyCommand /usr/sbin/sshd -i -f " + folder +
                                           "/sshd_config\nIdentityFile " + folder +
                                           "/user\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n");
  }

  [[nodiscard]] std::vector<std::string> mount_command(const fs::path& served, const fs::path& point) const {
    return {"sshfs", "-F", folder_ / "ssh_config", "bed:" + served.string(), point};
  }

 private:
  fs::path folder_;
};

// A network namespace with an address that is not a loopback one: glusterd refuses those.
class PrivateNetwork {
 public:
  explicit PrivateNetwork(Bed& bed) : name_("walguard-bed-" + std::to_string(::getpid())) {
    bed.at_end([name = name_] { try_run({"ip", "netns", "del", name}); });
    must_run({"ip", "netns", "add", name_});
    must_run(inside({"ip", "link", "set", "lo", "up"}));
    must_run(inside({"ip", "address", "add", std::string(kAddress) + "/32", "dev", "lo"}));
  }

  static constexpr std::string_view kAddress = "192.0.2.1";  // RFC 5737: never routed

  /// Whatever runs in it, daemons of daemons too; the processes of others are not in it.
  [[nodiscard]] std::vector<std::string> kill_all() const {
    return {"sh", "-c", "ip netns pids " + name_ + " | xargs -r kill -9"};
  }

  [[nodiscard]] std::vector<std::string> inside(std::vector<std::string> command) const {
    command.insert(command.begin(), {"nsenter", "--net=/run/netns/" + name_});
    return command;
  }

 private:
  std::string name_;
};

// A glusterd with everything of it in one folder, and one started volume of one brick.
class GlusterServer {
 public:
  explicit GlusterServer(Bed& bed) : network_(bed), folder_(bed.directory("gluster")) {
    for (const char* const name : {"work", "run", "log", "brick"}) fs::create_directories(folder_ / name);
    const std::string folder = folder_.string();
    write_file(folder_ / "glusterd.vol",
               "volume management\n type mgmt/glusterd\n option working-directory " + folder +
                   "/work\n option run-directory " + folder + "/run\n option logging-directory " + folder +
                   "/log\n option glusterd-sockfile " + folder +
                   "/run/socket\n option transport-type socket\n"
                   " option transport.address-family inet\nend-volume\n");
    // In a mount namespace of its own, so that its bricks' sockets are not left in the machine's /run.
    daemon_ = std::make_shared<Program>(network_.inside(
        {"unshare", "--mount", "sh", "-c",
         "mkdir -p /run/gluster && mount -t tmpfs run /run/gluster && exec glusterd --no-daemon "
         "-f " +
             folder + "/glusterd.vol -l " + folder + "/log/glusterd"}));
    const auto answers = [&] { return Program(administer({"volume", "list"})).wait() == 0; };
    if (!eventually(answers)) throw std::runtime_error("glusterd does not answer: " + daemon_->err());
    must_run(administer({"volume", "create", kVolume, address() + ":" + folder + "/brick", "force"}));
    must_run(administer({"volume", "start", kVolume}));
  }

  [[nodiscard]] fs::path brick() const { return folder_ / "brick"; }
  [[nodiscard]] std::vector<std::string> kill() const { return network_.kill_all(); }
  [[nodiscard]] std::vector<std::string> mount_command(const fs::path& point) const {
    return network_.inside({"glusterfs", "--volfile-server=" + address(),
                            "--volfile-id=" + std::string(kVolume), "-l", folder_ / "log" / point.filename(),
                            point});
  }

 private:
  static constexpr const char* kVolume = "walguard";
  [[nodiscard]] static std::string address() { return std::string(PrivateNetwork::kAddress); }
  [[nodiscard]] std::vector<std::string> administer(const std::vector<std::string>& words) const {
    std::vector<std::string> command = {"gluster", "--glusterd-sock=" + (folder_ / "run/socket").string(),
                                        "--mode=script", "--log-file=" + (folder_ / "log/cli").string()};
    command.insert(command.end(), words.begin(), words.end());
    return network_.inside(command);
  }

  PrivateNetwork network_;
  fs::path folder_;
  std::shared_ptr<Program> daemon_;
};

SetUp sshfs(std::vector<std::string> names) {
  return on_views([names = std::move(names)](Bed& bed) {
    const SshServer server(bed);
    const fs::path served = bed.directory("served");
    Views views;
    for (const std::string& name : names) {
      views.push_back(bed.directory(name));
      bed.mount(server.mount_command(served, views.back()), views.back());
    }
    return views;
  });
}

SetUp glusterfs(std::vector<std::string> names) {
  return [names = std::move(names)](Bed& bed, const std::string& strategy) {
    const GlusterServer server(bed);
    const auto mount_views = [&](Bed& target) {
      Views views;
      for (const std::string& name : names) {
        views.push_back(target.directory(name));
        target.mount(server.mount_command(views.back()), views.back());
      }
      return views;
    };
    Setup setup = on_views(mount_views)(bed, strategy);
    // Where two clients quarrelled, the server may have stopped answering: looking at a view would never end,
    // and unmounting neither while its client waits.
    setup.left_clean = {server.brick()};
    bed.at_end([kill = server.kill()] { try_run(kill); });
    return setup;
  };
}

void add_sshfs(std::vector<BedCase>& table) {
  const auto installed = needs_programs({"sshfs", "ssh", "sshd", "ssh-keygen"});
  table.push_back({.name = "OneSshfs",
                   .group = BedGroup::kNetwork,
                   .what = "sshfs, one mount: all passes, and nothing is known of a second client",
                   .set_up = sshfs({"one"}),
                   .expected_exit = 3,
                   .expected_checks = {{"mmap-coherence", kPass}, {"wal-workload", kPass}},
                   .why_not_here = installed});
  table.push_back({.name = "TwoSshfs",
                   .group = BedGroup::kNetwork,
                   .what = "sshfs mounted twice: two page caches, two lock tables",
                   .set_up = sshfs({"one", "two"}),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kFail}, {"byte-range-locks", kFail}},
                   .why_not_here = installed});
}

void add_glusterfs(std::vector<BedCase>& table) {
  const auto installed = needs_programs({"glusterd", "glusterfs", "gluster", "ip", "nsenter"});
  table.push_back(
      {.name = "TwoGlusterfs",
       .group = BedGroup::kNetwork,
       .what = "glusterfs mounted twice: the server keeps the locks, but there are two page caches",
       .set_up = glusterfs({"one", "two"}),
       .expected_exit = 1,
       .expected_checks = {{"mmap-coherence", kFail}, {"byte-range-locks", kPass}},
       .why_not_here = installed});
}

}  // namespace

void add_remote_fuse_beds(std::vector<BedCase>& table) {
  add_sshfs(table);
  add_glusterfs(table);
}

}  // namespace walguard::testbeds
