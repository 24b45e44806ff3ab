#include "operator/docker/sharing_facts.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/databases.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/docker/container_mounts.h"
#include "operator/docker/docker_facts.h"
#include "operator/docker/storage_chain.h"
#include "operator/docker/storage_facts.h"
#include "operator/engine/volume_facts.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker {
namespace {

using core::KernelDomain;
using core::Scope;
using core::VolumeFacts;
using wire::DockerContainer;
using wire::DockerMount;
using Kind = DockerMount::Kind;
using Chains = std::vector<StorageChain>;

bool holds_files(const DockerMount& mount) {
  return mount.kind != Kind::kTmpfs && mount.kind != Kind::kImage;
}

/// Made for one container that is not there yet: nobody else can have it.
bool is_its_own(const DockerMount& mount, const DockerContainer& container) {
  return !holds_files(mount) || (container.id.empty() && mount.kind == Kind::kVolume && mount.source.empty());
}

Chains chains_of_mount(const DockerMount& mount, std::string_view inside, const DockerView& view) {
  return holds_files(mount) ? chains_of(mount, source_of(mount, view), inside, view) : Chains();
}

/// Of a mount of one of the view's containers.
const Chains& chains_of_whole(const DockerMount& mount, const DockerView& view) {
  const auto known = view.chains->find(&mount);
  if (known != view.chains->end()) return known->second;
  return view.chains->emplace(&mount, chains_of_mount(mount, {}, view)).first->second;
}

Chains chains_of_places(const std::vector<PlaceInMount>& places, const DockerView& view) {
  Chains all;
  for (const PlaceInMount& place : places) {
    for (StorageChain& chain : chains_of_mount(*place.mount, place.inside, view))
      all.push_back(std::move(chain));
  }
  return all;
}

SharedFiles most_shared(const Chains& ours, const Chains& theirs) {
  SharedFiles most = SharedFiles::kNone;
  bool two_caches = false;
  for (const StorageChain& our : ours) {
    for (const StorageChain& their : theirs) {
      const SharedFiles shared = shared_files(our, their);
      two_caches = two_caches || shared == SharedFiles::kThroughTwoCaches;
      most = std::max(most, shared);
    }
  }
  return two_caches ? SharedFiles::kThroughTwoCaches : most;  // one way through another cache is enough
}

/// Everybody who has the database mounted, or may have.
struct Consumers {
  std::vector<const DockerContainer*> sure;
  std::vector<const DockerContainer*> possible;
  std::string through_two_caches;  ///< "/mnt/b of container b"; empty: nobody
  bool file_alone = false;         ///< somebody has the file of a database mounted without its folder
};

bool is_same(const DockerContainer& a, const DockerContainer& b) {
  return &a == &b || (!a.id.empty() && a.id == b.id);
}

std::string words_of(const DockerContainer& container) {
  if (!container.name.empty()) return "container " + container.name;
  return container.id.empty() ? "a container that is being made" : "container " + container.id.substr(0, 12);
}

bool is_one_place(const Chains& ours, const Chains& theirs, std::string_view ending) {
  return std::ranges::any_of(ours, [&](const StorageChain& our) {
    return std::ranges::any_of(our.places, [&](StoragePlace place) {
      place.path += ending;
      return std::ranges::any_of(theirs, [&](const StorageChain& their) {
        return std::ranges::find(their.places, place) != their.places.end();
      });
    });
  });
}

bool is_a_databases_file(const Chains& files, const Chains& mounted) {
  constexpr std::array<std::string_view, 4> kEndings = {"", "-wal", "-shm", "-journal"};
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return is_one_place(files, mounted, ending); });
}

void look_at(const DockerContainer& other, const Chains& folders, const Chains& files, const DockerView& view,
             Consumers& consumers) {
  SharedFiles most = SharedFiles::kNone;
  for (const DockerMount& mount : other.mounts) {
    if (shows_the_machine(mount, view)) continue;
    const Chains& theirs = chains_of_whole(mount, view);
    const SharedFiles shared = most_shared(folders, theirs);
    most = std::max(most, shared);
    if (shared == SharedFiles::kThroughTwoCaches) {
      consumers.through_two_caches = mount.source + " of " + words_of(other);
    }
    if (mount.kind == Kind::kBind && is_a_databases_file(files, theirs)) consumers.file_alone = true;
  }
  if (most == SharedFiles::kMaybe) consumers.possible.push_back(&other);
  if (most > SharedFiles::kMaybe) consumers.sure.push_back(&other);
}

/// A container that mounts one storage twice, through two caches, is as bad off as two containers.
void look_at_own(const DockerContainer& own, const std::string& volume, const Chains& folders,
                 const DockerView& view, Consumers& consumers) {
  for (const DockerMount& mount : own.mounts) {
    if (name_of(mount) == volume || shows_the_machine(mount, view)) continue;
    if (most_shared(folders, chains_of_whole(mount, view)) == SharedFiles::kThroughTwoCaches) {
      consumers.through_two_caches = mount.source + " of the same container";
    }
  }
}

/// An engine whose runtime nobody has changed runs runc; of one that was never heard of nothing is known.
std::string runtime_of(const DockerContainer& container, const DockerView& view) {
  if (!container.runtime.empty()) return container.runtime;
  if (!view.engine.info) return {};
  return view.host.default_runtime.empty() ? "runc" : view.host.default_runtime;
}

void add_kernels(VolumeFacts& facts, const DockerContainer& own, const Consumers& consumers,
                 const DockerView& view) {
  const std::string runtime = runtime_of(own, view);
  facts.kernel_domain = engine::kernel_of_runtime(runtime);
  facts.other_kernels_known = true;
  facts.key.runtime_handler = facts.kernel_domain == KernelDomain::kShared ? std::string() : runtime;
  for (const DockerContainer* other : consumers.sure) {
    const auto domain = engine::kernel_of_runtime(runtime_of(*other, view));
    if (!domain) facts.other_kernels_known = false;
    if (!domain || !facts.kernel_domain || *domain == *facts.kernel_domain) continue;
    facts.kernel_domain = KernelDomain::kMixed;
    return;
  }
  const bool all_on_the_host = std::ranges::all_of(consumers.possible, [&](const DockerContainer* other) {
    return engine::kernel_of_runtime(runtime_of(*other, view)) == facts.kernel_domain;
  });
  if (!all_on_the_host) facts.other_kernels_known = false;
}

void add_scope(VolumeFacts& facts, const Consumers& consumers, bool own, const DockerView& view) {
  facts.scope = consumers.sure.empty() ? Scope::kContainer : Scope::kNode;
  if (consumers.sure.empty() && !consumers.possible.empty()) facts.scope = std::nullopt;
  if (!consumers.through_two_caches.empty()) {
    facts.scope = Scope::kNode;
    facts.split_page_cache = true;
    facts.split_because = "the same files are mounted as " + consumers.through_two_caches +
                          ", through a mount with a page cache of its own";
  }
  if (own || view.engine.current) return;
  // What is in view is there; that nobody else is cannot be said.
  facts.cluster_is_current = false;
  if (facts.scope != Scope::kNode) facts.scope = std::nullopt;
  if (facts.other_kernels_known == true) facts.other_kernels_known = std::nullopt;
}

/// Litestream is a container of its own beside the one whose databases it replicates.
void take_over_replicators(VolumeFacts& facts, const Consumers& consumers, const DockerView& view) {
  for (const DockerContainer* other : consumers.sure) {
    if (!facts.usage.replicator.empty()) return;
    const core::Workload workload = workload_of(*other, other->labels);
    for (const core::DatabasesOnVolume& on : core::find_databases(workload, view.catalog)) {
      if (on.usage.replicator.empty()) continue;
      facts.usage.replicator = on.usage.replicator;
      if (facts.strategy == core::Strategy::kWal) return;
      facts.strategy = core::Strategy::kWal;
      facts.usage.journal_contradicted =
          words_of(*other) + " replicates it, which needs WAL and a connection of its own";
      return;
    }
  }
}

}  // namespace

void add_sharing(VolumeFacts& facts, const DockerContainer& container, const DockerMount& mount,
                 const DatabasePlaces& places, const DockerView& view) {
  Consumers consumers;
  const bool own = is_its_own(mount, container);
  const Chains folders = own ? Chains() : chains_of_places(places.folders, view);
  if (!folders.empty()) {
    const Chains files = chains_of_places(places.files, view);
    for (const DockerContainer* other : view.containers) {
      if (!is_same(*other, container)) look_at(*other, folders, files, view, consumers);
    }
    look_at_own(container, facts.volume, folders, view, consumers);
  }
  facts.consumers_in_pod = 1;
  facts.workload = core::WorkloadKind::kPod;
  facts.replicas = 1;
  facts.other_pods = static_cast<int>(consumers.sure.size());
  facts.per_replica_claim = own;
  if (consumers.file_alone) facts.single_file_mount = true;
  add_kernels(facts, container, consumers, view);
  add_scope(facts, consumers, own, view);
  take_over_replicators(facts, consumers, view);
}

bool may_share(const DockerContainer& a, const DockerContainer& b, const DockerView& view) {
  Chains ours;
  for (const DockerMount& mount : a.mounts) {
    const Chains& chains = chains_of_whole(mount, view);
    ours.insert(ours.end(), chains.begin(), chains.end());
  }
  return std::ranges::any_of(b.mounts, [&](const DockerMount& mount) {
    return most_shared(ours, chains_of_whole(mount, view)) != SharedFiles::kNone;
  });
}

}  // namespace walguard::docker
