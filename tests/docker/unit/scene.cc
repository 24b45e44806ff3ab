#include "tests/docker/unit/scene.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/plugin_judge.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"
#include "operator/wire/docker_request.h"
#include "tests/knowledge/embedded.h"

namespace walguard::docker::testing {
namespace {

constexpr core::UtcSeconds kNow = 1'800'000'000;

constexpr std::string_view kDebian =
    R"info({"OperatingSystem":"Debian GNU/Linux 12 (bookworm)","KernelVersion":"6.1.0-18-amd64","Name":"host",)info"
    R"info("DefaultRuntime":"runc","DockerRootDir":"/var/lib/docker",)info"
    R"info("DriverStatus":[["Backing Filesystem","extfs"]]})info";

/// The judge is given what is the case at the moment of a request: a pointer that nobody owns.
template <typename T>
std::shared_ptr<const T> unowned(const T& value) {
  return {std::shared_ptr<const T>(), &value};
}

}  // namespace

wire::DockerMount mount_of(std::string_view bind) {
  wire::DockerMount mount;
  const std::size_t first = bind.find(':');
  const std::size_t second = bind.find(':', first + 1);
  mount.source = bind.substr(0, first);
  mount.target = bind.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  mount.read_only = second != std::string_view::npos && bind.substr(second) == ":ro";
  mount.kind =
      mount.source.starts_with('/') ? wire::DockerMount::Kind::kBind : wire::DockerMount::Kind::kVolume;
  mount.anonymous = mount.source.empty();
  return mount;
}

wire::DockerContainer container_of(std::string name, const std::vector<std::string>& binds,
                                   std::string database) {
  wire::DockerContainer container;
  container.name = std::move(name);
  container.image = "app:1";
  container.state = wire::DockerContainer::State::kWanted;
  for (const std::string& bind : binds) container.mounts.push_back(mount_of(bind));
  if (!database.empty()) container.labels.databases = std::move(database);
  return container;
}

Scene::Scene() {
  engine_->current = true;
  engine_->why_not_current.clear();
  info(kDebian);
  mounts(kPlainLinux);
}

Scene& Scene::mounts(std::string_view mountinfo) {
  mounts_ = std::make_shared<const MountTable>(parse_mountinfo(mountinfo));
  return *this;
}

Scene& Scene::no_mounts() {
  mounts_.reset();
  return *this;
}

Scene& Scene::info(std::string_view json) {
  engine_->info = wire::read_docker_info(json).value();
  return *this;
}

Scene& Scene::symlink(std::string path, std::string target) {
  symlinks_[std::move(path)] = std::move(target);
  return *this;
}

Scene& Scene::has(wire::DockerContainer container) {
  if (container.id.empty()) container.id = container.name + std::string(64 - container.name.size(), '0');
  container.state = wire::DockerContainer::State::kExited;
  const std::string id = container.id;
  engine_->containers[id] = std::make_shared<const KnownContainer>(
      KnownContainer{.container = std::move(container), .first_seen = ++engine_->last_seen});
  return *this;
}

Scene& Scene::has(wire::DockerVolume volume) {
  const std::string name = volume.name;
  engine_->volumes[name] = std::make_shared<const wire::DockerVolume>(std::move(volume));
  return *this;
}

Scene& Scene::loses_the_engine(std::string why) {
  engine_->current = false;
  engine_->why_not_current = std::move(why);
  return *this;
}

Scene& Scene::passes(const core::EvidenceKey& key, core::Scope scope, std::string filesystem) {
  core::Evidence evidence;
  evidence.key = key;
  evidence.scope = scope;
  evidence.verdicts = {{core::Verdict::kSafe, core::Verdict::kSafe, core::Verdict::kSafe}};
  evidence.measured_at = kNow - 60;
  evidence.filesystem = std::move(filesystem);
  evidence.digest = "abc";
  evidence_.push_back(std::move(evidence));
  return *this;
}

Scene& Scene::in_mode(core::Mode mode) {
  mode_ = mode;
  return *this;
}

PluginAnswer Scene::create(const wire::DockerContainer& container) {
  return ask(wire::CreateContainer{.container = container});
}

PluginAnswer Scene::start(std::string written) {
  return ask(wire::StartContainer{.container = std::move(written)});
}

void Scene::made(const wire::DockerContainer& container, const std::string& id) {
  judge().made({.container = container}, id);
}

PluginAnswer Scene::ask(const wire::DockerRequest& request) { return judge().answer(request); }

PluginJudge& Scene::judge() {
  if (!judge_) {
    judge_ = std::make_unique<PluginJudge>(
        knowledge::embedded_catalog(),
        PluginJudgeParts{.engine = [this] { return unowned(*engine_); },
                         .mounts = [this] { return mounts_; },
                         .read_link = [this](const std::string& path) -> std::optional<std::string> {
                           const auto found = symlinks_.find(path);
                           return found == symlinks_.end() ? std::nullopt : std::optional(found->second);
                         },
                         .evidence = [this] { return std::make_shared<const core::EvidenceBook>(evidence_); },
                         .policy = [this] { return unowned(policy); },
                         .now = [] { return kNow; },
                         .uptime = [this] { return uptime_; },
                         .mode = mode_});
  }
  return *judge_;
}

}  // namespace walguard::docker::testing
