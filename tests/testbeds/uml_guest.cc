#include "tests/testbeds/uml_guest.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScripts = WALGUARD_SOURCE_DIR "/tests/testbeds/uml";

std::string debian_release() {
  std::ifstream file("/etc/os-release");
  constexpr std::string_view kKey = "VERSION_CODENAME=";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  }
  throw std::runtime_error("/etc/os-release names no Debian release");
}

}  // namespace

std::optional<std::string> why_no_guest() {
  return needs_programs({"linux.uml", "debootstrap", "unshare", "setpriv"})();
}

std::optional<std::string> why_no_two_guests() {
  if (auto why = why_no_guest()) return why;
  if (!fs::exists("/dev/net/tun")) return "no /dev/net/tun";
  return needs_programs({"ip"})();
}

fs::path guest_root() {
  testing_support::Program maker({WALGUARD_SOURCE_DIR "/scripts/debian-root", debian_release(), "guest"});
  if (maker.wait(std::chrono::minutes(15)) != 0) throw std::runtime_error("no guest: " + maker.err());
  std::string path = maker.out();
  path.erase(path.find_last_not_of('\n') + 1);
  return path;
}

void give_to_guest(const fs::path& exchange, const std::string& node, const GuestMounts& mounts,
                   const std::string& strategy) {
  fs::copy_file(fs::path(kScripts) / "guest-init", exchange / "guest-init");
  fs::copy_file(WALGUARD_PREFLIGHT_BINARY, exchange / "walguard-preflight");
  std::ofstream file(exchange / "settings");
  file << "NODE=" << node << "\nSERVER=" << mounts.server << "\nOPTIONS_ONE=" << mounts.one
       << "\nOPTIONS_TWO=" << mounts.two << "\nSECOND_HOST=" << (mounts.second_host ? "yes" : "no")
       << "\nSTRATEGY=" << strategy << "\nMODULES=/usr/lib/uml/modules\n";
  if (!file.flush()) throw std::runtime_error("cannot write the guest's settings");
}

std::vector<std::string> guest_command(const std::string& script, const fs::path& exchange) {
  const fs::path root = guest_root();
  fs::create_directories(root / "lib/modules");  // where the guest mounts the host's
  // unshare does not end at the SIGTERM that a test's programs get when the test is gone.
  return {"setpriv",
          "--pdeathsig",
          "KILL",
          "unshare",
          "--net",
          "--pid",
          "--fork",
          "--kill-child",
          "--mount-proc",
          fs::path(kScripts) / script,
          exchange,
          root,
          WALGUARD_UML_XSTATE_LIBRARY};
}

}  // namespace walguard::testbeds
