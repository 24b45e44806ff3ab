// gVisor (runsc): each sandbox has a kernel of its own, which sees a volume through its gofer and keeps the
// locks on it to itself. Plain OCI bundles; no engine is needed.
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <signal.h>

#include "preflight/report/report.h"
#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"
#include "tests/testbeds/bed_table.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using testing_support::eventually;
using testing_support::Program;
using Json = nlohmann::json;
using Words = std::vector<std::string>;
constexpr auto kPass = report::CheckResult::kPass;
constexpr auto kFail = report::CheckResult::kFail;

// Where a container finds the volume, and the directory its report goes to.
constexpr const char* kVolume = "/volume";
constexpr const char* kOutcome = "/outcome";

// A sandbox alone; or the container that keeps a pod's sandbox, or one more in it, as containerd tells runsc.
enum class Role { kAlone, kPodSandbox, kPodContainer };
constexpr const char* kPodSandboxName = "pause";

Json bind_mount(const std::string& point, const fs::path& source) {
  return {
      {"destination", point}, {"type", "bind"}, {"source", source.string()}, {"options", {"rbind", "rw"}}};
}

// The containers of one bed, on one ext4 volume.
class Sandboxes {
 public:
  static constexpr const char* kTokenVariable = "WALGUARD_TOKEN=0123456789abcdef0123456789abcdef";

  explicit Sandboxes(Bed& bed)
      : bed_(&bed),
        volume_(bed.loop("ext4", 64)),
        rootfs_(bed.directory("rootfs")),
        outcome_(bed.directory("outcome")),
        state_(bed.directory("state")) {
    must_run({WALGUARD_SOURCE_DIR "/scripts/image-root", rootfs_, WALGUARD_PREFLIGHT_BINARY});
    for (const char* const point : {"proc", "volume", "outcome"}) fs::create_directories(rootfs_ / point);
  }

  [[nodiscard]] const fs::path& volume() const { return volume_; }
  [[nodiscard]] fs::path report() const { return outcome_ / "report.json"; }

  /// The command that runs the probe with these arguments in a container.
  [[nodiscard]] Words run(const std::string& name, Role role, const Words& arguments) const {
    const fs::path bundle = bed_->directory("bundle-" + name);
    std::ofstream file(bundle / "config.json");
    file << config(role, arguments).dump();
    if (!file.flush()) throw std::runtime_error("cannot write the bundle of " + name);
    bed_->at_end([command = runsc({"delete", "-force", name})] { try_run(command); });
    return runsc({"run", "--bundle", bundle, name});
  }

 private:
  // ptrace works on every machine; the network is the host's, since the agents speak over loopback.
  [[nodiscard]] Words runsc(const Words& words) const {
    Words command = {"runsc", "--root", state_, "--platform=ptrace", "--network=host", "--ignore-cgroups"};
    command.insert(command.end(), words.begin(), words.end());
    return command;
  }

  [[nodiscard]] Json config(Role role, const Words& arguments) const {
    Words words = {"/usr/bin/walguard-preflight", "run", kVolume};
    words.insert(words.end(), arguments.begin(), arguments.end());
    Json json = {
        {"ociVersion", "1.0.0"},
        {"hostname", "bed"},
        {"root", {{"path", rootfs_.string()}, {"readonly", true}}},
        {"process",
         {{"args", words}, {"cwd", "/"}, {"env", {kTokenVariable}}, {"user", {{"uid", 0}, {"gid", 0}}}}},
        {"mounts",
         {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
          bind_mount(kVolume, volume_),
          bind_mount(kOutcome, outcome_)}},
        {"linux",
         {{"namespaces", {{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}}}}}};
    if (role != Role::kAlone) {
      json["annotations"] = {
          {"io.kubernetes.cri.container-type", role == Role::kPodSandbox ? "sandbox" : "container"},
          {"io.kubernetes.cri.sandbox-id", kPodSandboxName}};
    }
    return json;
  }

  Bed* bed_;
  fs::path volume_;
  fs::path rootfs_;
  fs::path outcome_;
  fs::path state_;
};

Setup one_sandbox(Bed& bed, const std::string& strategy) {
  const Sandboxes sandboxes(bed);
  const std::string report = std::string(kOutcome) + "/report.json";
  return {.command = sandboxes.run("first", Role::kAlone,
                                   {"-o", "json", "--report", report, "--strategy", strategy}),
          .report = sandboxes.report(),
          .left_clean = {sandboxes.volume()}};
}

// Starts a container that waits for the other agent, and returns the address on which it does.
std::string start_waiting(Bed& bed, const Sandboxes& sandboxes, const std::string& name, Role role,
                          const std::string& strategy) {
  const auto container = std::make_shared<Program>(
      sandboxes.run(name, role, {"-o", "json", "--strategy", strategy, "--listen", "127.0.0.1:0"}));
  bed.at_end([container] { container->signal(SIGTERM); });
  static const std::regex kWaiting("waiting for the other host on ([0-9.:]+)\n");
  std::string said;
  std::smatch match;
  const auto waits = [&] { return std::regex_search(said = container->err(), match, kWaiting); };
  if (!eventually(waits)) throw std::runtime_error(name + " does not wait for the other agent: " + said);
  return match[1];
}

// The agent that connects ends with the conductor's report and exit code.
Words connecting(const std::string& address, const fs::path& report) {
  return {"-o", "json", "--report", report, "--connect", address};
}

Setup two_containers(Bed& bed, const Sandboxes& sandboxes, Role role, const std::string& strategy) {
  const std::string address = start_waiting(bed, sandboxes, "first", role, strategy);
  const fs::path report = fs::path(kOutcome) / "report.json";
  return {.command = sandboxes.run("second", role, connecting(address, report)),
          .report = sandboxes.report(),
          .left_clean = {sandboxes.volume()}};
}

Setup two_sandboxes(Bed& bed, const std::string& strategy) {
  return two_containers(bed, Sandboxes(bed), Role::kAlone, strategy);
}

// A pod's sandbox ends with the container that came first, so that one takes no part: here it waits for an
// agent that never comes.
Setup two_containers_of_one_sandbox(Bed& bed, const std::string& strategy) {
  const Sandboxes sandboxes(bed);
  (void)start_waiting(bed, sandboxes, kPodSandboxName, Role::kPodSandbox, strategy);
  return two_containers(bed, sandboxes, Role::kPodContainer, strategy);
}

Setup beside_a_plain_process(Bed& bed, const std::string& strategy) {
  const Sandboxes sandboxes(bed);
  const std::string address = start_waiting(bed, sandboxes, "first", Role::kAlone, strategy);
  Words command = {"env", Sandboxes::kTokenVariable, WALGUARD_PREFLIGHT_BINARY, "run", sandboxes.volume()};
  const Words arguments = connecting(address, sandboxes.report());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return {.command = command, .report = sandboxes.report(), .left_clean = {sandboxes.volume()}};
}

// As measured with runsc 20221219: all that SQLite's default build does works, but open file description
// locks are not known, and a SQLite that was built to take them cannot lock anything.
void add_single(std::vector<BedCase>& table) {
  table.push_back(
      {.name = "GvisorOneSandbox",
       .group = BedGroup::kSandbox,
       .what = "both agents in one container of gVisor: one kernel, which knows no OFD locks",
       .set_up = one_sandbox,
       .expected_exit = 1,
       .expected_checks = {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}, {"wal-workload", kPass}},
       .why_not_here = needs_programs({"runsc"})});
}

void add_shared(std::vector<BedCase>& table) {
  const auto bed = [](std::string name, std::string what, SetUp set_up) {
    return BedCase{.name = std::move(name),
                   .group = BedGroup::kSandbox,
                   .what = std::move(what),
                   .set_up = std::move(set_up),
                   .expected_exit = 1,
                   .expected_checks = {{"mmap-coherence", kPass}, {"byte-range-locks", kFail}},
                   .why_not_here = needs_programs({"runsc"})};
  };
  table.push_back(bed("GvisorTwoSandboxes",
                      "two sandboxes on one ext4: memory is shared, locks are granted to both",
                      two_sandboxes));
  table.push_back(bed("GvisorTwoContainersOfOneSandbox",
                      "two containers of one pod: each has its own mount of the volume, and so its own locks",
                      two_containers_of_one_sandbox));
  table.push_back(bed("GvisorBesideAPlainProcess", "a sandbox and a process of this machine on one ext4",
                      beside_a_plain_process));
}

}  // namespace

void add_gvisor_beds(std::vector<BedCase>& table) {
  if (kSanitized) return;
  add_single(table);
  add_shared(table);
}

}  // namespace walguard::testbeds
