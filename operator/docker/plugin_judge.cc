#include "operator/docker/plugin_judge.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/response.h"
#include "operator/core/workload.h"
#include "operator/docker/container_mounts.h"
#include "operator/docker/docker_answer.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/recent_requests.h"
#include "operator/docker/resolved_path.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/docker_container.h"
#include "operator/wire/docker_info.h"
#include "operator/wire/docker_request.h"

namespace walguard::docker {
namespace {

using wire::DockerContainer;

/// Everything that one request is judged by, as it is at this moment.
struct Scene {
  std::shared_ptr<const EngineSnapshot> engine;  ///< with the volumes that were just asked for
  std::shared_ptr<const MountTable> mounts;
  std::shared_ptr<const core::EvidenceBook> evidence;
  std::shared_ptr<const core::Policy> policy;
  engine::DockerHost host;
  std::vector<RecentRequests::Container> recent;
  /// One look at each path for a whole judgement.
  std::shared_ptr<std::unordered_map<std::string, ResolvedPath>> seen =
      std::make_shared<std::unordered_map<std::string, ResolvedPath>>();
  std::shared_ptr<MountChains> chains = std::make_shared<MountChains>();
};

/// A volume that is made with labels of its own is judged as if a container had it mounted.
DockerContainer container_of(const wire::DockerVolume& volume) {
  DockerContainer container;
  container.labels = volume.labels;
  wire::DockerMount mount;
  mount.kind = volume.cluster ? wire::DockerMount::Kind::kCluster : wire::DockerMount::Kind::kVolume;
  mount.source = volume.name;
  mount.target = "/";
  mount.driver = volume.driver;
  mount.options = volume.options;
  container.mounts.push_back(std::move(mount));
  return container;
}

bool has_storage(const DockerContainer& container) {
  return !container.mounts.empty() || !container.volumes_from.empty();
}

/// By id, by name, or by how an id begins, in the engine's order; null: none, or several that begin so.
const DockerContainer* find_recent(const std::vector<RecentRequests::Container>& recent,
                                   const std::string& written) {
  for (const auto field : {&DockerContainer::id, &DockerContainer::name}) {
    const auto exact =
        std::ranges::find_if(recent, [&](const auto& each) { return (*each).*field == written; });
    if (exact != recent.end()) return exact->get();
  }
  const DockerContainer* found = nullptr;
  for (const RecentRequests::Container& each : recent) {
    if (!each->id.starts_with(written)) continue;
    if (found != nullptr) return nullptr;
    found = each.get();
  }
  return found;
}

}  // namespace

struct PluginJudge::Impl {
  Impl(const core::Catalog& in_catalog, PluginJudgeParts in_parts)
      : catalog(in_catalog), parts(std::move(in_parts)) {}

  Scene look();
  [[nodiscard]] std::vector<const DockerContainer*> all_containers(const Scene& scene) const;
  [[nodiscard]] DockerView view_of(const Scene& scene, std::vector<const DockerContainer*> containers) const;
  [[nodiscard]] AnswerBasis basis_of(const Scene& scene) const;
  [[nodiscard]] std::vector<JudgedDockerVolume> judge(std::vector<DockerVolumeFacts> volumes,
                                                      const Scene& scene) const;
  void endanger(std::vector<EndangeredVolume>& endangered, const DockerContainer& other,
                const DockerContainer& container, const Scene& scene) const;
  [[nodiscard]] static std::optional<std::string> hidden_source(const DockerContainer& container,
                                                                const DockerView& view);
  [[nodiscard]] PluginAnswer judge_container(const DockerContainer& container, const Scene& scene) const;
  [[nodiscard]] PluginAnswer refuse(const core::Annotations& labels, const std::string& why,
                                    const Scene& scene) const;

  PluginAnswer answer(const wire::NoStorage& /*request*/) { return {.allow = true}; }
  PluginAnswer answer(const wire::CreateContainer& request);
  PluginAnswer answer(const wire::StartContainer& request);
  PluginAnswer answer(const wire::CreateVolume& request);
  PluginAnswer answer(const wire::RunService& request);
  [[nodiscard]] PluginAnswer start_unseen(const wire::StartContainer& request, const Scene& scene) const;
  void made(const wire::CreateContainer& request, const std::string& id);

  const core::Catalog& catalog;
  const PluginJudgeParts parts;
  /// Held while a request is judged: of two at once the second sees what the first was let make.
  std::mutex mutex;
  RecentRequests recent;
};

Scene PluginJudge::Impl::look() {
  Scene scene;
  scene.engine = parts.engine();
  scene.mounts = parts.mounts ? parts.mounts() : nullptr;
  scene.evidence = parts.evidence();
  scene.policy = parts.policy();
  const std::optional<wire::DockerInfo>& info = scene.engine->info;
  if (info) scene.host = engine::describe_host(*info);
  const auto now = parts.uptime();
  scene.recent = recent.containers(*scene.engine, now);
  const std::vector<wire::DockerVolume> volumes = recent.volumes(*scene.engine, now);
  if (volumes.empty()) return scene;
  auto with_recent = std::make_shared<EngineSnapshot>(*scene.engine);
  for (const wire::DockerVolume& volume : volumes) {
    with_recent->volumes.emplace(volume.name, std::make_shared<const wire::DockerVolume>(volume));
  }
  scene.engine = std::move(with_recent);
  return scene;
}

std::vector<const DockerContainer*> PluginJudge::Impl::all_containers(const Scene& scene) const {
  std::vector<const DockerContainer*> all;
  for (const auto& [id, known] : scene.engine->containers) all.push_back(&known->container);
  for (const RecentRequests::Container& wanted : scene.recent) all.push_back(wanted.get());
  return all;
}

DockerView PluginJudge::Impl::view_of(const Scene& scene,
                                      std::vector<const DockerContainer*> containers) const {
  const auto resolve = [this, seen = scene.seen,
                        mounts = scene.mounts](const std::string& path) -> ResolvedPath {
    if (mounts == nullptr) return {.path = path, .whole = false};
    const auto found = seen->find(path);
    if (found != seen->end()) return found->second;
    return seen->emplace(path, resolve_path(path, *mounts, catalog, parts.read_link)).first->second;
  };
  return {.engine = *scene.engine,
          .host = scene.host,
          .mounts = scene.mounts.get(),
          .catalog = catalog,
          .resolve = resolve,
          .containers = std::move(containers),
          .chains = scene.chains};
}

AnswerBasis PluginJudge::Impl::basis_of(const Scene& scene) const {
  return {.policy = *scene.policy, .mode = parts.mode, .engine_trouble = scene.engine->why_not_current};
}

std::vector<JudgedDockerVolume> PluginJudge::Impl::judge(std::vector<DockerVolumeFacts> volumes,
                                                         const Scene& scene) const {
  std::vector<JudgedDockerVolume> judged;
  for (DockerVolumeFacts& volume : volumes) {
    core::learn_from_identity(volume.facts, *scene.evidence, catalog);
    core::Judgement judgement = core::decide(volume.facts, *scene.evidence, *scene.policy, parts.now());
    judged.push_back({std::move(volume), std::move(judgement)});
  }
  return judged;
}

/// The databases of a container that is there already, with and without the one that comes: what is worse
/// with it is its doing, whatever it means to do with the files.
void PluginJudge::Impl::endanger(std::vector<EndangeredVolume>& endangered, const DockerContainer& other,
                                 const DockerContainer& container, const Scene& scene) const {
  const core::Workload workload = workload_of(other, labels_of(other, *scene.engine));
  std::vector<const DockerContainer*> without;
  for (const DockerContainer* const each : all_containers(scene)) {
    const bool is_the_one = each == &container || (!container.id.empty() && each->id == container.id);
    if (!is_the_one) without.push_back(each);
  }
  std::vector<const DockerContainer*> with = without;
  with.push_back(&container);
  const auto before = judge(facts_of(other, workload, view_of(scene, std::move(without))), scene);
  auto after = judge(facts_of(other, workload, view_of(scene, std::move(with))), scene);
  for (std::size_t i = 0; i < after.size() && i < before.size(); ++i) {
    keep_what_is_worse(after[i].judgement, before[i].judgement);
    if (!after[i].judgement.findings.empty()) {
      endangered.push_back({.volume = std::move(after[i]), .container = &other, .workload = workload});
    }
  }
}

/// The bind whose source nobody can tell from its path.
std::optional<std::string> PluginJudge::Impl::hidden_source(const DockerContainer& container,
                                                            const DockerView& view) {
  if (view.mounts == nullptr) return std::nullopt;
  for (const wire::DockerMount& mount : container.mounts) {
    if (mount.kind != wire::DockerMount::Kind::kBind) continue;
    if (leads_through_a_process(view.resolve(mount.source).path, *view.mounts)) return mount.source;
  }
  return std::nullopt;
}

PluginAnswer PluginJudge::Impl::judge_container(const DockerContainer& container, const Scene& scene) const {
  const core::Workload workload = workload_of(container, labels_of(container, *scene.engine));
  const DockerView view = view_of(scene, all_containers(scene));
  if (const auto source = hidden_source(container, view)) {
    return refuse(
        container.labels,
        "the bind of \"" + *source +
            "\" leads through a process's own links in /proc, so what it mounts cannot be judged; write "
            "the path that is meant",
        scene);
  }
  const auto volumes = judge(facts_of(container, workload, view), scene);
  std::vector<EndangeredVolume> endangered;
  for (const DockerContainer* const other : view.containers) {
    const bool is_itself = other == &container || (!container.id.empty() && other->id == container.id);
    if (!is_itself && may_share(container, *other, view)) endanger(endangered, *other, container, scene);
  }
  return docker_answer(container, workload, volumes, endangered, basis_of(scene));
}

PluginAnswer PluginJudge::Impl::refuse(const core::Annotations& labels, const std::string& why,
                                       const Scene& scene) const {
  return not_judged(labels, why, basis_of(scene));
}

PluginAnswer PluginJudge::Impl::answer(const wire::CreateContainer& request) {
  if (!has_storage(request.container)) return {.allow = true};
  const std::lock_guard lock(mutex);
  const Scene scene = look();
  auto container = with_volumes_from(request.container, *scene.engine);
  if (!container) return refuse(request.container.labels, container.error(), scene);
  const auto kept = std::make_shared<const DockerContainer>(*std::move(container));
  PluginAnswer answer = judge_container(*kept, scene);
  if (answer.allow) recent.add(kept, *scene.engine, parts.uptime());
  return answer;
}

PluginAnswer PluginJudge::Impl::answer(const wire::StartContainer& request) {
  const std::lock_guard lock(mutex);
  const Scene scene = look();
  const KnownContainer* const known = find_container(*scene.engine, request.container);
  if (known != nullptr) return judge_container(known->container, scene);
  return start_unseen(request, scene);
}

/// What the engine was just let make and has not told of in its events.
PluginAnswer PluginJudge::Impl::start_unseen(const wire::StartContainer& request, const Scene& scene) const {
  if (const DockerContainer* const made = find_recent(scene.recent, request.container); made != nullptr) {
    if (!has_storage(*made)) return {.allow = true};
    return judge_container(*made, scene);
  }
  const std::string reason =
      scene.engine->current ? "the engine has told of no such container" : scene.engine->why_not_current;
  return refuse({},
                "container \"" + request.container +
                    "\" is not in view, so what it mounts cannot be judged (" + reason +
                    "); try again in a moment",
                scene);
}

void PluginJudge::Impl::made(const wire::CreateContainer& request, const std::string& id) {
  const std::lock_guard lock(mutex);
  const auto engine = parts.engine();
  auto container = with_volumes_from(request.container, *engine);
  if (!container) return;
  container->id = id;
  recent.made(std::make_shared<const DockerContainer>(*std::move(container)), *engine, parts.uptime());
}

PluginAnswer PluginJudge::Impl::answer(const wire::CreateVolume& request) {
  const std::lock_guard lock(mutex);
  const Scene scene = look();
  PluginAnswer answer = judge_container(container_of(request.volume), scene);
  if (answer.allow && !request.volume.name.empty()) recent.add(request.volume, parts.uptime());
  return answer;
}

PluginAnswer PluginJudge::Impl::answer(const wire::RunService& request) {
  const std::lock_guard lock(mutex);
  const Scene scene = look();
  DockerContainer container;
  container.name = request.service.name;
  container.image = request.service.launch.image;
  container.labels = request.service.labels;
  container.mounts = request.service.mounts;
  container.launch = request.service.launch;
  const core::Workload workload = workload_of(container, labels_of(container, *scene.engine));
  const DockerView view = view_of(scene, all_containers(scene));
  const auto volumes = judge(facts_of_service(request.service, workload, view), scene);
  return docker_answer(container, workload, volumes, {}, basis_of(scene));
}

PluginJudge::PluginJudge(const core::Catalog& catalog, PluginJudgeParts parts)
    : impl_(std::make_unique<Impl>(catalog, std::move(parts))) {}

PluginJudge::~PluginJudge() = default;

PluginAnswer PluginJudge::answer(const wire::DockerRequest& request) {
  return std::visit([this](const auto& each) { return impl_->answer(each); }, request);
}

void PluginJudge::made(const wire::CreateContainer& request, const std::string& id) {
  impl_->made(request, id);
}

}  // namespace walguard::docker
