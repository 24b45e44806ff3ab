#include "operator/wire/docker_api.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/mounted_path.h"
#include "operator/core/workload.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_service.h"
#include "operator/wire/labels.h"
#include "operator/wire/lenient_json.h"
#include "operator/wire/workload_reader.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using Kind = DockerMount::Kind;
using State = DockerContainer::State;

tl::unexpected<std::string> not_an_answer(std::string_view route, std::string_view needed) {
  return tl::make_unexpected(std::string("the engine's answer to ")
                                 .append(route)
                                 .append(" is not what its API says: no ")
                                 .append(needed));
}

core::Annotations annotations_of(const core::StringMap& labels) {
  AnnotationList list;
  for (const auto& [key, value] : labels) {
    if (is_walguard_label(key)) list.emplace_back(key, value);
  }
  core::Annotations annotations;
  fill_annotations(annotations, list);
  return annotations;
}

State state_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, State>, 7> kStates = {{{"created", State::kCreated},
                                                                          {"running", State::kRunning},
                                                                          {"paused", State::kPaused},
                                                                          {"restarting", State::kRestarting},
                                                                          {"removing", State::kRemoving},
                                                                          {"exited", State::kExited},
                                                                          {"dead", State::kDead}}};
  const auto* const found =
      std::ranges::find_if(kStates, [&](const auto& state) { return state.first == name; });
  return found == kStates.end() ? State::kUnknown : found->second;
}

Kind kind_of(std::string_view type) {
  if (type == "bind") return Kind::kBind;
  if (type == "volume") return Kind::kVolume;
  if (type == "tmpfs") return Kind::kTmpfs;
  if (type == "image") return Kind::kImage;
  return type == "cluster" ? Kind::kCluster : Kind::kUnknown;
}

/// Engines name volumes that nobody named by 32 random bytes.
bool is_made_up(std::string_view name) {
  constexpr std::size_t kHexDigits = 64;
  return name.size() == kHexDigits &&
         std::ranges::all_of(name, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

/// One of Mounts, as a list of containers and an inspection have it.
DockerMount mount_point(const Json& point) {
  DockerMount mount;
  mount.kind = kind_of(text_in(point, "Type"));
  mount.target = core::normalised_path(text_in(point, "Destination"));
  mount.read_only = value_in(point, "RW") == false || mount.kind == Kind::kImage;
  mount.driver = text_in(point, "Driver");
  mount.source = text_in(point, "Source");
  if (mount.kind == Kind::kVolume || mount.kind == Kind::kCluster) {
    mount.host_path = std::exchange(mount.source, text_in(point, "Name"));
    mount.anonymous = is_made_up(mount.source);
  } else if (mount.kind == Kind::kBind) {
    mount.source = core::normalised_path(mount.source);
  }
  return mount;
}

std::vector<DockerMount> mount_points(const Json& container) {
  std::vector<DockerMount> mounts;
  const Json& points = value_in(container, "Mounts");
  if (!points.is_array()) return mounts;
  for (const Json& point : points) mounts.push_back(mount_point(point));
  return mounts;
}

/// Mounts tells what an engine made of HostConfig.Mounts, less what stands here.
void add_mount_options(const Json& host_config, std::vector<DockerMount>& mounts) {
  const Json& wanted = value_in(host_config, "Mounts");
  if (!wanted.is_array()) return;
  for (const Json& entry : wanted) {
    const std::string target = core::normalised_path(text_in(entry, "Target"));
    const auto mount = std::ranges::find_if(mounts, [&](const auto& m) { return m.target == target; });
    if (mount == mounts.end()) continue;
    const std::string sub_path = text_in(value_in(entry, "VolumeOptions"), "Subpath");
    if (!sub_path.empty()) mount->sub_path = core::normalised_path(sub_path);
    mount->non_recursive = flag_in(value_in(entry, "BindOptions"), "NonRecursive");
  }
}

void add_tmpfs(const Json& host_config, std::vector<DockerMount>& mounts) {
  for (const auto& [target, options] : text_map_in(host_config, "Tmpfs")) {
    DockerMount mount;
    mount.kind = Kind::kTmpfs;
    mount.target = core::normalised_path(target);
    mounts.push_back(std::move(mount));
  }
}

std::vector<DockerVolumesFrom> volumes_from(const Json& host_config) {
  std::vector<DockerVolumesFrom> all;
  for (const std::string& text : texts_in(host_config, "VolumesFrom")) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string options = "," + text.substr(std::min(colon + 1, text.size())) + ",";
    all.push_back(
        {.container = text.substr(0, colon), .read_only = options.find(",ro,") != std::string::npos});
  }
  return all;
}

void read_labels(const Json& object, DockerContainer& out) {
  const core::StringMap labels = text_map_in(object, "Labels");
  out.labels = annotations_of(labels);
  out.compose_project = label_in(labels, "com.docker.compose.project");
  out.compose_service = label_in(labels, "com.docker.compose.service");
  out.swarm_service = label_in(labels, "com.docker.swarm.service.name");
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

/// "/web", not "/app/web", by which a container that is linked to it knows it.
std::string own_name(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::count(name, '/') <= 1) return without_slash(name);
  }
  return {};
}

DockerContainer listed(const Json& entry) {
  DockerContainer out;
  out.id = text_in(entry, "Id");
  out.name = own_name(texts_in(entry, "Names"));
  out.image = text_in(entry, "Image");
  out.launch.image = out.image;
  out.state = state_of(text_in(entry, "State"));
  read_labels(entry, out);
  out.mounts = mount_points(entry);
  return out;
}

core::Launch launch_of(const Json& config) {
  core::Launch launch;
  launch.image = text_in(config, "Image");
  launch.command = texts_in(config, "Entrypoint");
  launch.args = texts_in(config, "Cmd");
  for (const std::string& variable : texts_in(config, "Env")) add_docker_variable(variable, launch);
  return launch;
}

DockerContainer inspected(const Json& container) {
  DockerContainer out;
  out.id = text_in(container, "Id");
  out.name = without_slash(text_in(container, "Name"));
  out.state = state_of(text_in(value_in(container, "State"), "Status"));
  const Json& config = value_in(container, "Config");
  out.launch = launch_of(config);
  out.image = out.launch.image;
  read_labels(config, out);
  const Json& host_config = value_in(container, "HostConfig");
  out.runtime = text_in(host_config, "Runtime");
  out.volume_driver = text_in(host_config, "VolumeDriver");
  out.read_only_root = flag_in(host_config, "ReadonlyRootfs");
  out.volumes_from = volumes_from(host_config);
  out.mounts = mount_points(container);
  add_mount_options(host_config, out.mounts);
  add_tmpfs(host_config, out.mounts);
  return out;
}

DockerVolume volume_of(const Json& volume) {
  DockerVolume out;
  out.name = text_in(volume, "Name");
  out.driver = text_in(volume, "Driver");
  out.options = text_map_in(volume, "Options");
  out.mountpoint = text_in(volume, "Mountpoint");
  out.labels = annotations_of(text_map_in(volume, "Labels"));
  out.cluster = value_in(volume, "ClusterVolume").is_object();
  return out;
}

DockerEvent::Type event_type(std::string_view name) {
  if (name == "container") return DockerEvent::Type::kContainer;
  if (name == "volume") return DockerEvent::Type::kVolume;
  return name == "daemon" ? DockerEvent::Type::kDaemon : DockerEvent::Type::kOther;
}

}  // namespace

tl::expected<std::vector<DockerContainer>, std::string> read_docker_containers(std::string_view json) {
  const Json list = parse_leniently(json);
  if (!list.is_array()) return not_an_answer("/containers/json", "list");
  std::vector<DockerContainer> all;
  for (const Json& entry : list) {
    all.push_back(listed(entry));
    if (all.back().id.empty()) return not_an_answer("/containers/json", "Id of a container");
  }
  return all;
}

tl::expected<DockerContainer, std::string> read_docker_container(std::string_view json) {
  const Json container = parse_leniently(json);
  DockerContainer out = inspected(container);
  if (out.id.empty()) return not_an_answer("/containers/ID/json", "Id");
  // Without it nobody could say what is mounted.
  if (!value_in(container, "HostConfig").is_object()) {
    return not_an_answer("/containers/ID/json", "HostConfig");
  }
  return out;
}

tl::expected<std::vector<DockerVolume>, std::string> read_docker_volumes(std::string_view json) {
  const Json answer = parse_leniently(json);
  const Json& list = value_in(answer, "Volumes");
  // Older engines write null for none.
  const bool is_there = answer.is_object() && answer.contains("Volumes");
  if (!is_there || !(list.is_array() || list.is_null())) return not_an_answer("/volumes", "Volumes");
  std::vector<DockerVolume> all;
  for (const Json& entry : list) {
    all.push_back(volume_of(entry));
    if (all.back().name.empty()) return not_an_answer("/volumes", "Name of a volume");
  }
  return all;
}

tl::expected<DockerVolume, std::string> read_docker_volume(std::string_view json) {
  DockerVolume out = volume_of(parse_leniently(json));
  if (out.name.empty()) return not_an_answer("/volumes/NAME", "Name");
  return out;
}

tl::expected<DockerVersion, std::string> read_docker_version(std::string_view json) {
  const Json answer = parse_leniently(json);
  DockerVersion out{.version = text_in(answer, "Version"),
                    .api_version = text_in(answer, "ApiVersion"),
                    .min_api_version = text_in(answer, "MinAPIVersion"),
                    .os = text_in(answer, "Os")};
  if (out.api_version.empty()) return not_an_answer("/version", "ApiVersion");
  return out;
}

tl::expected<std::string, std::string> read_created_container(std::string_view json) {
  std::string id = text_in(parse_leniently(json), "Id");
  if (id.empty()) return not_an_answer("/containers/create", "Id");
  return id;
}

tl::expected<DockerEvent, std::string> read_docker_event(std::string_view line) {
  const Json event = parse_leniently(line);
  DockerEvent out;
  out.type = event_type(text_in(event, "Type"));
  out.action = text_in(event, "Action");
  if (out.action.empty()) return not_an_answer("/events", "Action");
  // "exec_create: sh -c ..." may hold a secret.
  out.action.resize(std::min(out.action.find(':'), out.action.size()));
  out.id = text_in(value_in(event, "Actor"), "ID");
  const Json& time = value_in(event, "timeNano");
  if (time.is_number_integer()) out.time_nano = time.get<std::int64_t>();
  return out;
}

std::string read_docker_error(std::string_view json) {
  constexpr std::size_t kLongest = 300;
  std::string text = text_in(parse_leniently(json), "message");
  if (text.empty()) text = json;
  text.resize(std::min(text.size(), kLongest));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace walguard::wire
