#include "operator/controller/cluster_index.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "operator/controller/change_signal.h"
#include "operator/controller/log.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/cluster_state.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/line_splitter.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"
#include "operator/kube/resource.h"
#include "operator/wire/admission_review.h"
#include "operator/wire/object_decoder.h"

namespace walguard::controller {
namespace {

using core::ClusterKind;
using kube::ObjectView;

static_assert(kube::kJsonPadding >= wire::PaddedView::kPadding,
              "an object must have the room behind it that the decoder reads");

/// Where the API has each kind. https://kubernetes.io/docs/reference/kubernetes-api/
struct KindAddress {
  ClusterKind kind;
  std::string_view group;
  std::string_view version;
  bool namespaced;
};

constexpr std::array<KindAddress, core::kClusterKindCount> kAddresses = {{
    {ClusterKind::kPods, "", "v1", true},
    {ClusterKind::kClaims, "", "v1", true},
    {ClusterKind::kVolumes, "", "v1", false},
    {ClusterKind::kStorageClasses, "storage.k8s.io", "v1", false},
    {ClusterKind::kCsiDrivers, "storage.k8s.io", "v1", false},
    {ClusterKind::kNodes, "", "v1", false},
    {ClusterKind::kRuntimeClasses, "node.k8s.io", "v1", false},
    {ClusterKind::kNamespaces, "", "v1", false},
    {ClusterKind::kDeployments, "apps", "v1", true},
    {ClusterKind::kStatefulSets, "apps", "v1", true},
    {ClusterKind::kDaemonSets, "apps", "v1", true},
    {ClusterKind::kReplicaSets, "apps", "v1", true},
    {ClusterKind::kJobs, "batch", "v1", true},
    {ClusterKind::kCronJobs, "batch", "v1", true},
    {ClusterKind::kAutoscalers, "autoscaling", "v2", true},
}};

kube::ResourceType type_of(const KindAddress& address) {
  return {std::string(address.group), std::string(address.version), std::string(core::name(address.kind)),
          address.namespaced};
}

std::string title(const kube::ObjectMeta& meta) {
  std::string text(meta.namespace_name);
  if (!text.empty()) text += '/';
  return text.append(meta.name);
}

}  // namespace

/// Decodes the objects of one kind and puts them in place. A list is gathered beside the state and takes its
/// place as a whole, so that no reader ever sees a half of it. Used by its reflector's thread alone.
class ClusterIndex::KindSink : public kube::ObjectSink {
 public:
  KindSink(ClusterIndex& index, ClusterKind kind) : index_(index), kind_(kind) {}

  void begin_list() override { listed_.emplace(); }

  void end_list() override {
    if (!listed_) return;
    {
      const std::unique_lock lock(index_.mutex_);
      index_.state_.swap_kind(kind_, *listed_);
      index_.state_.set_current(kind_, true);
    }
    listed_.reset();  // what was held before ends here, outside the lock
    index_.changes_.notify();
  }

  void put(const ObjectView& object) override {
    auto decoded = decode(object);
    if (listed_) {
      if (decoded) listed_->add(*std::move(decoded));
      return;
    }
    change(object, [&](core::ClusterState& state) {
      if (decoded) return state.add(*std::move(decoded));
      state.remove(kind_, object.meta.namespace_name, object.meta.name);
    });
  }

  void remove(const ObjectView& object) override {
    change(object, [&](core::ClusterState& state) {
      state.remove(kind_, object.meta.namespace_name, object.meta.name);
    });
  }

  /// Thread-safe.
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 private:
  /// nullopt: the object is not to be held, or cannot be read and so is not in view.
  std::optional<core::ClusterObject> decode(const ObjectView& object) {
    const wire::PaddedView json(object.json.data(), object.json.size(),
                                object.json.size() + kube::kJsonPadding);
    auto decoded = decoder_.decode(kind_, json);
    if (decoded) return *std::move(decoded);
    ++unreadable_;
    // A namespace whose label is no mode is there all the same, and asks for none.
    const bool stays = kind_ == ClusterKind::kNamespaces;
    index_.log(LogLevel::kWarning, std::string(core::name(kind_)) + " " + title(object.meta) +
                                       " cannot be read and " +
                                       (stays ? "has no say: " : "is not in view: ") + decoded.error());
    if (!stays) return std::nullopt;
    core::Namespace without_a_say;
    without_a_say.name = object.meta.name;
    return without_a_say;
  }

  /// Most pods of a cluster are not held: their changes wake nobody.
  template <typename Apply>
  void change(const ObjectView& object, const Apply& apply) {
    const auto is_held = [&] {
      return kind_ != ClusterKind::kPods ||
             index_.state_.pod(object.meta.namespace_name, object.meta.name) != nullptr;
    };
    bool matters = false;
    {
      const std::unique_lock lock(index_.mutex_);
      matters = is_held();
      apply(index_.state_);
      matters = matters || is_held();
    }
    if (matters) index_.changes_.notify();
  }

  ClusterIndex& index_;
  const ClusterKind kind_;
  wire::ObjectDecoder decoder_;
  std::optional<core::ClusterState> listed_;  // of the list under way; only this kind is in it
  std::atomic<std::uint64_t> unreadable_{0};
};

/// Hands a resource of another part on, and tells those who wait for changes.
class ClusterIndex::ForwardingSink : public kube::ObjectSink {
 public:
  ForwardingSink(kube::ObjectSink& to, ChangeSignal& changes) : to_(to), changes_(changes) {}

  void begin_list() override {
    to_.begin_list();
    listing_ = true;
  }
  void end_list() override {
    to_.end_list();
    listing_ = false;
    changes_.notify();
  }
  void put(const ObjectView& object) override {
    to_.put(object);
    if (!listing_) changes_.notify();
  }
  void remove(const ObjectView& object) override {
    to_.remove(object);
    changes_.notify();
  }

 private:
  kube::ObjectSink& to_;
  ChangeSignal& changes_;
  bool listing_ = false;
};

struct ClusterIndex::Watched {
  Watched(const kube::Client& client, kube::ResourceType type, std::unique_ptr<kube::ObjectSink> owned_sink,
          kube::ReflectorOptions options)
      : name(type.plural),
        sink(std::move(owned_sink)),
        reflector(client, std::move(type), {}, *sink, std::move(options)) {}

  const std::string name;
  std::optional<ClusterKind> kind;      // nullopt: a resource of another part
  const KindSink* kind_sink = nullptr;  // of `kind`: the same as `sink`
  const std::unique_ptr<kube::ObjectSink> sink;
  kube::Reflector reflector;
  bool was_current = false;  // these two are the freshness thread's own
  bool was_lost = false;
};

ClusterIndex::ClusterIndex(const kube::Client& client, ClusterIndexOptions options)
    : client_(client), options_(std::move(options)) {
  for (const KindAddress& address : kAddresses) {
    state_.set_current(address.kind, false);
    watch_kind(address.kind, type_of(address));
  }
}

ClusterIndex::~ClusterIndex() {
  for (std::jthread& thread : threads_) thread.request_stop();  // all at once, then wait for each
}

void ClusterIndex::watch_kind(ClusterKind kind, kube::ResourceType type) {
  auto sink = std::make_unique<KindSink>(*this, kind);
  const KindSink* const kind_sink = sink.get();
  auto options = reflector_options(type.plural);
  auto watched = std::make_unique<Watched>(client_, std::move(type), std::move(sink), std::move(options));
  watched->kind = kind;
  watched->kind_sink = kind_sink;
  watched_.push_back(std::move(watched));
}

void ClusterIndex::add(kube::ResourceType type, kube::ObjectSink& sink) {
  auto options = reflector_options(type.plural);
  watched_.push_back(std::make_unique<Watched>(
      client_, std::move(type), std::make_unique<ForwardingSink>(sink, changes_), std::move(options)));
}

/// A server that is away fails every attempt in the same words: they are logged once.
kube::ReflectorOptions ClusterIndex::reflector_options(const std::string& name) const {
  kube::ReflectorOptions options = options_.reflector;
  options.on_problem = [this, name, last = std::string()](const kube::ApiError& error) mutable {
    std::string text = error.text();
    if (text == last) return;
    log(LogLevel::kWarning, name + ": " + text);
    last = std::move(text);
  };
  return options;
}

void ClusterIndex::start() {
  for (const auto& watched : watched_) {
    threads_.emplace_back(
        [&reflector = watched->reflector](const std::stop_token& stop) { reflector.run(stop); });
  }
  threads_.emplace_back([this](const std::stop_token& stop) { keep_freshness(stop); });
}

ClusterIndex::ReadGuard ClusterIndex::read() const { return {mutex_, state_}; }

bool ClusterIndex::is_current(const Watched& watched) const {
  const kube::ReflectorHealth health = watched.reflector.health();
  return health.listed && health.last_contact &&
         std::chrono::steady_clock::now() - *health.last_contact <= options_.stale_after;
}

void ClusterIndex::keep_freshness(const std::stop_token& stop) {
  const kube::Waiter sleep = kube::sleeping_waiter();
  while (sleep(options_.check_every, stop)) check_freshness();
}

/// That a kind is current from its first list on, its sink has said; here is only whether it stays so.
void ClusterIndex::check_freshness() {
  for (const auto& watched : watched_) {
    const bool current = is_current(*watched);
    if (current == std::exchange(watched->was_current, current)) continue;
    if (current && !watched->was_lost) continue;
    watched->was_lost = !current;
    if (const auto kind = watched->kind) {
      const std::unique_lock lock(mutex_);
      state_.set_current(*kind, current);
    }
    changes_.notify();
    log(current ? LogLevel::kInfo : LogLevel::kWarning,
        watched->name + (current
                             ? ": up to date again"
                             : ": nothing heard for too long; no volume is judged safe until it is back"));
  }
}

std::vector<IndexedResource> ClusterIndex::status() const {
  std::vector<IndexedResource> all;
  all.reserve(watched_.size());
  for (const auto& watched : watched_) {
    const kube::ReflectorHealth health = watched->reflector.health();
    IndexedResource& resource = all.emplace_back();
    resource.name = watched->name;
    resource.listed = health.listed;
    resource.current = is_current(*watched);
    resource.last_contact = health.last_contact;
    resource.last_error = health.last_error;
    if (const auto kind = watched->kind) resource.objects = read()->size(*kind);
    if (watched->kind_sink != nullptr) resource.unreadable = watched->kind_sink->unreadable();
  }
  return all;
}

void ClusterIndex::log(LogLevel level, const std::string& line) const {
  if (options_.log) options_.log(level, line);
}

std::string what_is_missing(const std::vector<IndexedResource>& resources) {
  std::string text;
  for (const IndexedResource& resource : resources) {
    if (resource.listed) continue;
    text += resource.name + ": not listed yet";
    if (!resource.last_error.empty()) text += ": " + resource.last_error;
    text += '\n';
  }
  return text;
}

std::string what_is_stale(const std::vector<IndexedResource>& resources) {
  std::string names;
  for (const IndexedResource& resource : resources) {
    if (resource.listed && !resource.current) names += (names.empty() ? "" : ", ") + resource.name;
  }
  return names.empty() ? ""
                       : names + ": nothing heard for too long; no volume is judged safe until it is back\n";
}

}  // namespace walguard::controller
