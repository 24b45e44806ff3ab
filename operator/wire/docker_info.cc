#include "operator/wire/docker_info.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/lenient_json.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

/// DriverStatus is a list of pairs: [["Backing Filesystem","extfs"], ...].
std::string backing_filesystem(const Json& info) {
  const Json& status = value_in(info, "DriverStatus");
  if (!status.is_array()) return {};
  for (const Json& pair : status) {
    const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string();
    if (is_pair && pair[0] == "Backing Filesystem") return pair[1].get<std::string>();
  }
  return {};
}

std::map<std::string, DockerRuntime, std::less<>> runtimes_of(const Json& info) {
  std::map<std::string, DockerRuntime, std::less<>> all;
  const Json& runtimes = value_in(info, "Runtimes");
  if (!runtimes.is_object()) return all;
  for (const auto& [name, runtime] : runtimes.items()) {
    all[name] = {.path = text_in(runtime, "path"),
                 .type = text_in(runtime, "runtimeType"),
                 .args = texts_in(runtime, "runtimeArgs")};
  }
  return all;
}

DockerInfo from_json(const Json& info) {
  DockerInfo out;
  out.operating_system = text_in(info, "OperatingSystem");
  out.kernel_version = text_in(info, "KernelVersion");
  out.name = text_in(info, "Name");
  out.context = text_in(value_in(info, "ClientInfo"), "Context");
  out.default_runtime = text_in(info, "DefaultRuntime");
  out.data_root = text_in(info, "DockerRootDir");
  out.backing_filesystem = backing_filesystem(info);
  out.runtimes = runtimes_of(info);
  out.security_options = texts_in(info, "SecurityOptions");
  const Json& swarm = value_in(info, "Swarm");
  if (text_in(swarm, "LocalNodeState") == "active") {
    const auto nodes = swarm.find("Nodes");
    if (nodes != swarm.end() && nodes->is_number_integer()) out.swarm_nodes = nodes->get<std::int64_t>();
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

void take_runtimes(std::string_view names, DockerInfo& out) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (end > 0) out.runtimes.try_emplace(std::string(names.substr(0, end)));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

void take_line(std::string_view key, std::string_view value, DockerInfo& out) {
  if (key == "Operating System") out.operating_system = value;
  if (key == "Kernel Version") out.kernel_version = value;
  if (key == "Name") out.name = value;
  if (key == "Context") out.context = value;
  if (key == "Default Runtime") out.default_runtime = value;
  if (key == "Docker Root Dir") out.data_root = value;
  if (key == "Runtimes") take_runtimes(value, out);
  if (key == "Backing Filesystem") out.backing_filesystem = value;
  if (key == "Nodes") {  // only printed of a manager in a swarm
    std::int64_t nodes = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), nodes);
    if (error == std::errc()) out.swarm_nodes = nodes;
  }
}

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

/// The lines below "Security Options:" that stand further in than that.
class SecurityOptions {
 public:
  /// Whether the line is one of them.
  bool take(std::string_view line, DockerInfo& out) {
    const std::size_t depth = indentation(line);
    if (trimmed(line) == "Security Options:") {
      inside_ = true;
      depth_ = depth;
      return true;
    }
    inside_ = inside_ && depth > depth_;
    if (inside_) out.security_options.emplace_back(trimmed(line));
    return inside_;
  }

 private:
  bool inside_ = false;
  std::size_t depth_ = 0;  // of the heading
};

DockerInfo from_lines(std::string_view text) {
  DockerInfo out;
  SecurityOptions security;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (security.take(line, out)) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    take_line(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)), out);
  }
  return out;
}

}  // namespace

tl::expected<DockerInfo, std::string> read_docker_info(std::string_view text) {
  const Json json = parse_leniently(text);
  DockerInfo info = json.is_object() ? from_json(json) : from_lines(text);
  info.rootless = std::ranges::any_of(info.security_options, [](const std::string& option) {
    return option == "name=rootless" || option == "rootless";
  });
  if (info.operating_system.empty()) {
    return tl::make_unexpected<std::string>(
        "no operating system is named; expected what `docker info` prints while the engine runs");
  }
  return info;
}

}  // namespace walguard::wire
