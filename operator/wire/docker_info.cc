#include "operator/wire/docker_info.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

std::string text_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& object_in(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto found = object.find(key);
  return found != object.end() ? *found : kNone;
}

/// DriverStatus is a list of pairs: [["Backing Filesystem","extfs"], ...].
std::string backing_filesystem(const Json& info) {
  const Json& status = object_in(info, "DriverStatus");
  if (!status.is_array()) return {};
  for (const Json& pair : status) {
    const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string();
    if (is_pair && pair[0] == "Backing Filesystem") return pair[1].get<std::string>();
  }
  return {};
}

DockerInfo from_json(const Json& info) {
  DockerInfo out;
  out.operating_system = text_in(info, "OperatingSystem");
  out.kernel_version = text_in(info, "KernelVersion");
  out.name = text_in(info, "Name");
  out.context = text_in(object_in(info, "ClientInfo"), "Context");
  out.default_runtime = text_in(info, "DefaultRuntime");
  out.data_root = text_in(info, "DockerRootDir");
  out.backing_filesystem = backing_filesystem(info);
  const Json& swarm = object_in(info, "Swarm");
  if (swarm.is_object() && text_in(swarm, "LocalNodeState") == "active") {
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

void take_line(std::string_view key, std::string_view value, DockerInfo& out) {
  if (key == "Operating System") out.operating_system = value;
  if (key == "Kernel Version") out.kernel_version = value;
  if (key == "Name") out.name = value;
  if (key == "Context") out.context = value;
  if (key == "Default Runtime") out.default_runtime = value;
  if (key == "Docker Root Dir") out.data_root = value;
  if (key == "Backing Filesystem") out.backing_filesystem = value;
  if (key == "Nodes") {  // only printed of a manager in a swarm
    std::int64_t nodes = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), nodes);
    if (error == std::errc()) out.swarm_nodes = nodes;
  }
}

DockerInfo from_lines(std::string_view text) {
  DockerInfo out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    take_line(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)), out);
  }
  return out;
}

}  // namespace

tl::expected<DockerInfo, std::string> read_docker_info(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  DockerInfo info = json.is_object() ? from_json(json) : from_lines(text);
  if (info.operating_system.empty()) {
    return tl::make_unexpected<std::string>(
        "no operating system is named; expected what `docker info` prints while the engine runs");
  }
  return info;
}

}  // namespace walguard::wire
