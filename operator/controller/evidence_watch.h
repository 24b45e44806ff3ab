/// What preflights have proven, read off the statuses of VolumePreflights and ClaimPreflights.
///
/// Evidence lives in the API alone: it outlasts restarts and upgrades, and every replica has the same.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "operator/controller/log.h"
#include "operator/controller/snapshot.h"
#include "operator/core/evidence.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"

namespace walguard::controller {

/// The sinks are called by their reflectors' threads, one each; get() by any.
class EvidenceWatch {
 public:
  /// `on_change` is called after each new book, by a reflector's thread; may be empty.
  explicit EvidenceWatch(std::function<void()> on_change, LogLine log);
  EvidenceWatch(const EvidenceWatch&) = delete;
  EvidenceWatch& operator=(const EvidenceWatch&) = delete;
  ~EvidenceWatch() = default;

  [[nodiscard]] kube::ObjectSink& volume_preflights() { return volumes_; }
  [[nodiscard]] kube::ObjectSink& claim_preflights() { return claims_; }

  /// Never waits for the network.
  [[nodiscard]] std::shared_ptr<const core::EvidenceBook> get() const { return book_.get(); }

 private:
  using Name = std::pair<std::string, std::string>;  // namespace, "" for VolumePreflights, and name
  using ByName = std::map<Name, core::Evidence>;

  class Sink : public kube::ObjectSink {
   public:
    explicit Sink(EvidenceWatch& owner) : owner_(owner) {}
    void begin_list() override;
    void end_list() override;
    void put(const kube::ObjectView& object) override;
    void remove(const kube::ObjectView& object) override;

   private:
    friend class EvidenceWatch;
    EvidenceWatch& owner_;
    bool listing_ = false;
    ByName listed_;
    ByName held_;  // guarded by the owner's mutex
  };

  void take(const kube::ObjectView& object, ByName& into) const;
  void publish();

  const std::function<void()> on_change_;
  const LogLine log_;
  std::mutex mutex_;
  Sink volumes_{*this};
  Sink claims_{*this};
  Snapshot<core::EvidenceBook> book_;
};

}  // namespace walguard::controller
