#include "tests/testbeds/uml_guest.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/preflight/process/program.h"
#include "tests/testbeds/bed.h"

namespace walguard::testbeds {
namespace {

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
  return needs_programs({"linux.uml", "debootstrap", "unshare"})();
}

std::filesystem::path guest_root() {
  testing_support::Program maker({WALGUARD_SOURCE_DIR "/scripts/debian-root", debian_release(), "guest"});
  if (maker.wait(std::chrono::minutes(15)) != 0) throw std::runtime_error("no guest: " + maker.err());
  std::string path = maker.out();
  path.erase(path.find_last_not_of('\n') + 1);
  return path;
}

}  // namespace walguard::testbeds
