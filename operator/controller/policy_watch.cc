#include "operator/controller/policy_watch.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/catalog.h"
#include "operator/core/policy_object.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"
#include "operator/wire/policy.h"
#include "operator/wire/timestamp.h"

namespace walguard::controller {
namespace {

std::string utc_now() {
  return wire::time_text(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

/// What a status should say of an object that was read so.
wire::PolicyAcceptance acceptance_of(const tl::expected<core::PolicyObject, std::string>& object,
                                     std::int64_t generation) {
  if (object) return {.accepted = true, .message = "This policy is in force.", .generation = generation};
  return {.accepted = false,
          .message = object.error() +
                     ". Until this is mended, what the policy said before stays in force; nothing, where "
                     "that is not known.",
          .generation = generation};
}

}  // namespace

kube::ResourceType policy_type() { return {"walguard.dev", "v1alpha1", "walguardpolicies", false}; }

tl::expected<std::unique_ptr<PolicyWatch>, std::string> PolicyWatch::start(PolicyWatchParts parts) {
  auto catalog = parts.make_catalog({});
  if (!catalog) return tl::make_unexpected(catalog.error());
  std::unique_ptr<PolicyWatch> watch(new PolicyWatch(std::move(parts)));
  watch->embedded_ = std::make_shared<const core::Catalog>(*std::move(catalog));
  watch->in_force_.set({watch->parts_.defaults, watch->embedded_});
  return watch;
}

PolicyWatch::Known PolicyWatch::read(const kube::ObjectView& object) {
  Known known{.object = wire::read_policy(object.json, parts_.read_drivers), .in_force = {}, .status = {}};
  if (auto status = wire::read_policy_status(object.json)) known.status = *std::move(status);
  if (known.object) {
    known.in_force = *known.object;
    return known;
  }
  const std::string name(object.meta.name);
  if (parts_.log) {
    parts_.log(LogLevel::kError,
               "WalguardPolicy \"" + name + "\" is not taken over: " + known.object.error());
  }
  const std::lock_guard lock(mutex_);
  if (const auto before = known_.find(name); before != known_.end()) known.in_force = before->second.in_force;
  return known;
}

void PolicyWatch::begin_list() {
  listing_ = true;
  listed_.clear();
}

void PolicyWatch::end_list() {
  listing_ = false;
  {
    const std::lock_guard lock(mutex_);
    known_.swap(listed_);
  }
  listed_.clear();
  use();
}

void PolicyWatch::put(const kube::ObjectView& object) {
  Known known = read(object);
  const std::string name(object.meta.name);
  if (listing_) {
    listed_.insert_or_assign(name, std::move(known));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    known_.insert_or_assign(name, std::move(known));
  }
  use();
}

void PolicyWatch::remove(const kube::ObjectView& object) {
  {
    const std::lock_guard lock(mutex_);
    known_.erase(std::string(object.meta.name));
  }
  use();
}

void PolicyWatch::use() {
  std::vector<core::PolicyObject> objects;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, known] : known_) {
      if (known.in_force) objects.push_back(*known.in_force);
    }
  }
  core::MergedPolicy merged = core::merge_policies(parts_.defaults, std::move(objects));
  auto catalog = embedded_;
  if (!merged.drivers.empty()) {
    auto made = parts_.make_catalog(std::move(merged.drivers));
    if (!made) {
      // Cannot be: each object's drivers have been read, and no name is there twice.
      if (parts_.log) parts_.log(LogLevel::kError, "policies: the former ones stay: " + made.error());
      return;
    }
    catalog = std::make_shared<const core::Catalog>(*std::move(made));
  }
  in_force_.set({std::move(merged.policy), std::move(catalog)});
  if (parts_.on_change) parts_.on_change();
}

void PolicyWatch::report(const kube::Client& client, const std::stop_token& stop) {
  std::vector<std::pair<std::string, std::string>> patches;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, known] : known_) {
      const auto wanted = acceptance_of(known.object, known.status.generation);
      if (known.status.acceptance == wanted) continue;
      patches.emplace_back(name, wire::policy_status_patch(wanted, known.status, utc_now()));
    }
  }
  for (auto& [name, patch] : patches) {
    const auto patched = client.patch({policy_type(), "", name, "status"}, kube::PatchKind::kMerge,
                                      std::move(patch), {}, stop);
    const bool is_gone = !patched && patched.error().is_not_found();
    if (!patched && !is_gone && !stop.stop_requested() && parts_.log) {
      parts_.log(LogLevel::kWarning, "WalguardPolicy \"" + name + "\": no status: " + patched.error().text());
    }
  }
}

}  // namespace walguard::controller
