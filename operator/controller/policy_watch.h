/// Keeps the policy in force up to date with the WalguardPolicy objects of the cluster.
///
/// Of an object that the API server let pass but that cannot be understood, what it said before stays in
/// force, for as long as this process lives: a slip in a policy should open no gate. It says so in its
/// status. Where all are gone, the defaults are in force.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/controller/snapshot.h"
#include "operator/core/catalog.h"
#include "operator/core/policy.h"
#include "operator/core/policy_object.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"
#include "operator/kube/resource.h"
#include "operator/wire/policy.h"

namespace walguard::controller {

/// For the reflector.
[[nodiscard]] kube::ResourceType policy_type();

struct PolicyInForce {
  core::Policy policy;
  std::shared_ptr<const core::Catalog> catalog;  ///< with the drivers that policies add; never null
};

struct PolicyWatchParts {
  core::Policy defaults;  ///< of flags
  wire::DriverReader read_drivers;
  /// The catalog compiled in, with these before its own.
  std::function<tl::expected<core::Catalog, std::string>(std::vector<core::Driver>)> make_catalog;
  std::function<void()> on_change;  ///< after each new PolicyInForce; may be empty
  LogLine log;
};

/// The sink is called by its reflector's thread; get() by any; report() by one.
class PolicyWatch : public kube::ObjectSink {
 public:
  /// The error is that of the catalog without additions.
  [[nodiscard]] static tl::expected<std::unique_ptr<PolicyWatch>, std::string> start(PolicyWatchParts parts);

  void begin_list() override;
  void end_list() override;
  void put(const kube::ObjectView& object) override;
  void remove(const kube::ObjectView& object) override;

  /// Never waits for the network. What it returns stays valid and unchanged for as long as it is kept.
  [[nodiscard]] std::shared_ptr<const PolicyInForce> get() const { return in_force_.get(); }

  /// The leader's: writes the statuses that do not say what is so. What fails is tried again with the next
  /// call. Needs of the API: walguardpolicies/status patch.
  void report(const kube::Client& client, const std::stop_token& stop);

 private:
  struct Known {
    tl::expected<core::PolicyObject, std::string> object;  // as it is now
    std::optional<core::PolicyObject> in_force;  // the same, or as it was before it could not be understood
    wire::PolicyStatus status;
  };
  using ByName = std::map<std::string, Known>;

  explicit PolicyWatch(PolicyWatchParts parts) : parts_(std::move(parts)) {}
  [[nodiscard]] Known read(const kube::ObjectView& object);
  void use();

  const PolicyWatchParts parts_;
  std::shared_ptr<const core::Catalog> embedded_;  // without additions; to read it anew takes long
  bool listing_ = false;                           // of the reflector's thread
  ByName listed_;                                  // likewise
  std::mutex mutex_;
  ByName known_;  // guarded by mutex_
  Snapshot<PolicyInForce> in_force_;
};

}  // namespace walguard::controller
