#include "preflight/agent/mountinfo.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walguard::preflight {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Space, tab, newline and backslash are written as \040, \011, \012 and \134.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                         is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// id parent major:minor root mount-point options [tag...] - fstype source super-options
std::optional<Mount> parse_line(const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  const auto separator = std::ranges::find(words, "-");
  const auto before = separator - words.begin();
  const auto after = words.end() - separator;
  if (before < 6 || after < 3) return std::nullopt;
  return Mount{.device = words[2],
               .mount_point = unescape(words[4]),
               .options = words[5],
               .fstype = unescape(separator[1]),
               .source = unescape(separator[2]),
               .super_options = after > 3 ? separator[3] : std::string()};
}

bool holds(const Mount& mount, std::string_view path) {
  const std::string& point = mount.mount_point;
  if (point == "/") return path.starts_with('/');
  return path == point || (path.starts_with(point) && path[point.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<Mount> mounts;
  for (std::string line; std::getline(stream, line);) {
    if (std::optional<Mount> mount = parse_line(line)) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

std::optional<Mount> find_mount(const std::vector<Mount>& mounts, std::string_view path,
                                std::string_view device) {
  const Mount* best = nullptr;
  const auto on_device = [device](const Mount& mount) { return mount.device == device; };
  for (const Mount& mount : mounts) {
    if (!holds(mount, path)) continue;
    const bool same_kind = best == nullptr || on_device(mount) == on_device(*best);
    const bool longer = best == nullptr || mount.mount_point.size() >= best->mount_point.size();
    if (same_kind ? longer : on_device(mount)) best = &mount;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::string detect_sandbox(const SandboxSigns& signs) {
  // gVisor answers with the version of the Linux it models, always with this build date (pkg/sentry,
  // utsname), and its log begins with a line of its own (pkg/sentry/kernel/syslog.go).
  if (signs.proc_version.find("Sun Jan 10 15:06:54 PST 2016") != std::string::npos) return "gvisor";
  if (signs.proc_version.find("gvisor") != std::string::npos) return "gvisor";
  const std::string_view first_line =
      std::string_view(signs.kernel_log).substr(0, signs.kernel_log.find('\n'));
  if (first_line.find("Starting gVisor") != std::string_view::npos) return "gvisor";
  // Kata boots its guest into this target; the guest's agent mounts the host's share under this tag.
  if (signs.command_line.find("kata-containers.target") != std::string::npos) return "kata";
  const auto from_kata_host = [](const Mount& mount) { return mount.source == "kataShared"; };
  return std::ranges::any_of(signs.mounts, from_kata_host) ? "kata" : "";
}

}  // namespace walguard::preflight
