#include "tests/testbeds/bed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "tests/preflight/process/program.h"

namespace walguard::testbeds {
namespace {

namespace fs = std::filesystem;
using testing_support::eventually;
using testing_support::Program;

bool in_path(const std::string& program) {
  constexpr std::array<std::string_view, 4> kPlaces = {"/usr/bin", "/usr/sbin", "/bin", "/sbin"};
  return std::ranges::any_of(kPlaces,
                             [&](std::string_view place) { return fs::exists(fs::path(place) / program); });
}

bool is_mounted(const fs::path& point) {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" " + point.string() + " ") != std::string::npos) return true;
  }
  return false;
}

// Lazily, as a second try: a test that failed may have left a process inside.
void unmount(const fs::path& point) {
  if (is_mounted(point)) try_run({"umount", point});
  for (int tries = 0; tries < 5 && is_mounted(point); ++tries) try_run({"umount", "-l", point});
}

void require_mount(const fs::path& point, const std::string& who) {
  if (!eventually([&] { return is_mounted(point); })) throw std::runtime_error(who + " did not mount");
}

}  // namespace

void must_run(const std::vector<std::string>& command) {
  Program program(command);
  const std::optional<int> exit_code = program.wait(std::chrono::seconds(60));
  if (exit_code == 0) return;
  std::string line;
  for (const std::string& word : command) line += word + " ";
  throw std::runtime_error(line + "ended with " + std::to_string(exit_code.value_or(-1)) + ": " +
                           program.err());
}

void try_run(const std::vector<std::string>& command) {
  (void)Program(command).wait(std::chrono::seconds(60));
}

std::optional<std::string> why_no_beds() {
  if (::geteuid() != 0) return "not root";
  if (!fs::exists("/dev/loop-control") && !fs::exists("/dev/loop0")) return "no loop devices";
  if (!fs::exists("/dev/fuse")) return "no /dev/fuse";
  for (const char* const program : {"mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "bindfs", "mount", "umount"}) {
    if (!in_path(program)) return std::string("no ") + program;
  }
  return std::nullopt;
}

bool must_have_beds() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

std::function<std::optional<std::string>()> needs_programs(std::vector<std::string> programs) {
  return [programs = std::move(programs)]() -> std::optional<std::string> {
    if (auto why = why_no_beds()) return why;
    const auto missing = std::ranges::find_if_not(programs, in_path);
    if (missing == programs.end()) return std::nullopt;
    return "no " + *missing;
  };
}

Bed::~Bed() {
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
}

fs::path Bed::directory(const std::string& name) {
  const fs::path path = root_.path() / name;
  fs::create_directories(path);
  return path;
}

fs::path Bed::loop(const std::string& fstype, int megabytes) {
  image_ = root_.path() / (fstype + ".img");
  std::ofstream(image_).close();
  fs::resize_file(image_, static_cast<std::uintmax_t>(megabytes) * 1024 * 1024);
  must_run({"mkfs." + fstype, fstype == "ext4" ? "-Fq" : "-fq", image_});
  const fs::path point = directory(fstype);
  mount_image(point);
  return point;
}

fs::path Bed::tmpfs(int megabytes) {
  const fs::path point = directory("tmpfs");
  mount({"mount", "-t", "tmpfs", "-o", "size=" + std::to_string(megabytes) + "m", "tmpfs", point}, point);
  return point;
}

fs::path Bed::bindfs(const fs::path& backing, const std::string& name) {
  const fs::path point = directory(name);
  mount({"bindfs", backing, point}, point);
  return point;
}

fs::path Bed::overlay(const fs::path& base, const fs::path& upper, const std::string& name) {
  const fs::path work = base / ("work-" + name);
  fs::create_directories(upper);
  fs::create_directories(base / "lower");
  fs::create_directories(work);
  const fs::path point = directory(name);
  const std::string options =
      "lowerdir=" + (base / "lower").string() + ",upperdir=" + upper.string() + ",workdir=" + work.string();
  mount({"mount", "-t", "overlay", "-o", options, "overlay", point}, point);
  return point;
}

void Bed::remount_read_only(const fs::path& mount_point) {
  must_run({"mount", "-o", "remount,ro", mount_point});
}

void Bed::detach(const fs::path& mount_point) { must_run({"umount", "-l", mount_point}); }

void Bed::mount_image(const fs::path& mount_point) {
  mount({"mount", "-o", "loop", image_, mount_point}, mount_point);
}

void Bed::mount(const std::vector<std::string>& command, const fs::path& mount_point) {
  at_end(
      [mount_point] { unmount(mount_point); });  // before: a mount that half succeeds is taken down as well
  must_run(command);
  // A FUSE daemon goes into the background before the mount is there.
  require_mount(mount_point, command.front());
}

void Bed::await_mount(const fs::path& mount_point, const std::string& who) {
  at_end([mount_point] { unmount(mount_point); });
  require_mount(mount_point, who);
}

void Bed::at_end(std::function<void()> undo) { undo_.push_back(std::move(undo)); }

}  // namespace walguard::testbeds
