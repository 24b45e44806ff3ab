#include "operator/controller/evidence_watch.h"

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "operator/controller/log.h"
#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/kube/object_reader.h"
#include "operator/wire/preflight_resource.h"

namespace walguard::controller {

EvidenceWatch::EvidenceWatch(std::function<void()> on_change, LogLine log)
    : on_change_(std::move(on_change)), log_(std::move(log)) {}

void EvidenceWatch::Sink::begin_list() {
  listing_ = true;
  listed_.clear();
}

void EvidenceWatch::Sink::end_list() {
  listing_ = false;
  {
    const std::lock_guard lock(owner_.mutex_);
    held_ = std::exchange(listed_, {});
  }
  owner_.publish();
}

void EvidenceWatch::Sink::put(const kube::ObjectView& object) {
  if (listing_) {
    owner_.take(object, listed_);
    return;
  }
  {
    const std::lock_guard lock(owner_.mutex_);
    owner_.take(object, held_);
  }
  owner_.publish();
}

void EvidenceWatch::Sink::remove(const kube::ObjectView& object) {
  {
    const std::lock_guard lock(owner_.mutex_);
    held_.erase({std::string(object.meta.namespace_name), std::string(object.meta.name)});
  }
  owner_.publish();
}

/// An object that has measured nothing, or cannot be read, speaks for nothing.
void EvidenceWatch::take(const kube::ObjectView& object, ByName& into) const {
  const Name name{object.meta.namespace_name, object.meta.name};
  const auto preflight = wire::read_preflight(object.json);
  if (!preflight && log_) log_(LogLevel::kWarning, "preflight " + name.second + ": " + preflight.error());
  const core::Evidence* evidence = preflight ? core::evidence_of(preflight->status) : nullptr;
  // What stands in a namespace may be its owner's writing: it never speaks for a class.
  const bool of_a_claim = preflight && preflight->kind == core::PreflightKind::kClaim;
  if (of_a_claim && evidence != nullptr && !evidence->key.storage_class.empty()) evidence = nullptr;
  if (evidence == nullptr) {
    into.erase(name);
  } else {
    into.insert_or_assign(name, *evidence);
  }
}

void EvidenceWatch::publish() {
  {
    const std::lock_guard lock(mutex_);
    std::vector<core::Evidence> all;
    all.reserve(volumes_.held_.size() + claims_.held_.size());
    for (const ByName* held : {&volumes_.held_, &claims_.held_}) {
      for (const auto& [name, evidence] : *held) all.push_back(evidence);
    }
    book_.set(core::EvidenceBook(std::move(all)));
  }
  if (on_change_) on_change_();
}

}  // namespace walguard::controller
