/// Small words for the tests of core, so that a test reads as a row of a table.
///
/// Facts for `decide` by hand, objects of a cluster for `resolve`, evidence for both. Every builder gives the
/// plain case; `but` changes one thing about it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/databases.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"

namespace walguard::core {

// How GoogleTest names values in its messages.
template <typename Enum>
  requires std::is_enum_v<Enum> && requires(Enum value) { name(value); }
std::ostream& operator<<(std::ostream& out, Enum value) {
  return out << name(value);
}

}  // namespace walguard::core

namespace walguard::core::testing {

inline constexpr UtcSeconds kDay = UtcSeconds{24} * 3600;
inline constexpr UtcSeconds kNow = UtcSeconds{20000} * kDay;

/// `but(block_volume(), [](auto& f) { f.scope = Scope::kCluster; })`: the plain case, but for one thing.
template <typename T, typename Change>
[[nodiscard]] T but(T value, const Change& change) {
  change(value);
  return value;
}

// ---- facts, as resolve would give them ----

/// A bound volume of class "fast" under driver block.example.com, one kernel, one node, verified, no
/// surprise.
inline VolumeFacts block_volume() {
  VolumeFacts facts;
  facts.volume = "data";
  facts.claim = "app-data";
  facts.certainty = Certainty::kDeclared;
  facts.databases = {"/data/app.db"};
  facts.scope = Scope::kNode;
  facts.kernel_domain = KernelDomain::kShared;
  facts.other_kernels_known = true;
  facts.transport = Transport::kNetworkBlock;
  facts.transport_verified = true;
  facts.driver = "block.example.com";
  facts.source = "a document";
  facts.binding = Binding::kBound;
  facts.storage_class = "fast";
  facts.single_attach = true;
  facts.volume_mode = VolumeMode::kFilesystem;
  facts.access_modes = {AccessMode::kReadWriteOnce};
  facts.locks_stay_local = false;
  facts.single_file_mount = false;
  facts.consumers_in_pod = 1;
  facts.replicas = 1;
  facts.key.storage_class = "fast";
  facts.key.driver = "block.example.com";
  return facts;
}

inline VolumeFacts local_volume() {
  VolumeFacts facts = block_volume();
  facts.transport = Transport::kLocalDisk;
  facts.driver = facts.key.driver = "local.example.com";
  return facts;
}

inline VolumeFacts memory_volume() {
  VolumeFacts facts = block_volume();
  facts.transport = Transport::kMemory;
  facts.scope = Scope::kPod;
  facts.binding = Binding::kNotAClaim;
  facts.claim = {};
  return facts;
}

/// What nobody knows the driver of; only a measurement can speak for it.
inline VolumeFacts unknown_volume() {
  VolumeFacts facts = block_volume();
  facts.transport = std::nullopt;
  facts.transport_verified = false;
  facts.driver = facts.key.driver = "nobody.example.com";
  return facts;
}

inline VolumeFacts shared_volume(Transport transport, Scope scope = Scope::kCluster) {
  VolumeFacts facts = block_volume();
  facts.transport = transport;
  facts.scope = scope;
  facts.single_attach = false;
  facts.access_modes = {AccessMode::kReadWriteMany};
  facts.driver = facts.key.driver = "shared.example.com";
  return facts;
}

inline VolumeFacts nfs_volume(Scope scope = Scope::kCluster) {
  return shared_volume(Transport::kNetworkFilesystem, scope);
}

// ---- evidence ----

inline Evidence measured(EvidenceKey key, Verdict verdict, Scope scope, UtcSeconds age = kDay) {
  Evidence evidence;
  evidence.key = std::move(key);
  evidence.scope = scope;
  evidence.verdicts = {{verdict, verdict, verdict}};
  evidence.measured_at = kNow - age;
  evidence.filesystem = "ext4";
  evidence.digest = std::string("report-") + std::string(name(verdict));
  if (verdict == Verdict::kUnsafe) evidence.reasons = {"byte-range-locks: both were granted byte 120"};
  return evidence;
}

inline Evidence passed(EvidenceKey key, Scope scope, UtcSeconds age = kDay) {
  return measured(std::move(key), Verdict::kSafe, scope, age);
}

inline Evidence failed(EvidenceKey key, Scope scope, UtcSeconds age = kDay) {
  return measured(std::move(key), Verdict::kUnsafe, scope, age);
}

template <typename... Reports>
[[nodiscard]] EvidenceBook book(Reports... reports) {
  std::vector<Evidence> all;
  (all.push_back(std::move(reports)), ...);
  return EvidenceBook(std::move(all));
}

// ---- judgements ----

inline Judgement decide_now(const VolumeFacts& facts, const EvidenceBook& evidence = EvidenceBook{},
                            const Policy& policy = {}) {
  return decide(facts, evidence, policy, kNow);
}

inline std::vector<std::string_view> rules_of(const Judgement& judgement) {
  std::vector<std::string_view> ids;
  ids.reserve(judgement.findings.size());
  for (const Finding& finding : judgement.findings) ids.push_back(finding.rule);
  return ids;
}

inline bool says(const Judgement& judgement, std::string_view rule) {
  return std::ranges::find(judgement.findings, rule, &Finding::rule) != judgement.findings.end();
}

// ---- workloads ----

inline VolumeMount mount(std::string volume, std::string path, std::string sub_path = {}) {
  return {.volume = std::move(volume), .path = std::move(path), .sub_path = std::move(sub_path)};
}

inline Container container(std::string name, std::vector<VolumeMount> mounts,
                           ContainerRole role = ContainerRole::kApp) {
  return {.name = std::move(name), .role = role, .mounts = std::move(mounts)};
}

inline Volume claim_volume(std::string claim = "app-data") {
  Volume volume;
  volume.name = "data";
  volume.kind = VolumeKind::kClaim;
  volume.claim = std::move(claim);
  return volume;
}

inline Volume volume_of(VolumeKind kind) {
  Volume volume;
  volume.name = "data";
  volume.kind = kind;
  return volume;
}

inline Volume host_path(std::string path, std::string type = {}) {
  Volume volume = volume_of(VolumeKind::kHostPath);
  volume.host_path = std::move(path);
  volume.host_path_type = std::move(type);
  return volume;
}

inline Volume inline_volume(std::string driver) {
  Volume volume = volume_of(VolumeKind::kInline);
  volume.driver = std::move(driver);
  return volume;
}

/// One container "app" that mounts `volume` at /data and declares /data/app.db there.
inline Workload pod(Volume volume = claim_volume()) {
  Workload workload;
  workload.namespace_name = "shop";
  workload.name = "app";
  workload.annotations.databases = "/data/app.db";
  workload.pod.containers = {container("app", {mount(volume.name, "/data")})};
  workload.pod.volumes = {std::move(volume)};
  return workload;
}

/// What is on this one volume, in the place of the pod's of that name.
inline DatabasesOnVolume find_databases(Workload workload, const Volume& volume) {
  auto& volumes = workload.pod.volumes;
  auto place = std::ranges::find(volumes, volume.name, &Volume::name);
  if (place == volumes.end()) place = volumes.insert(place, volume);
  *place = volume;
  return core::find_databases(workload, Catalog({}, {}, {}))
      .at(static_cast<std::size_t>(place - volumes.begin()));
}

inline Workload of_kind(WorkloadKind kind, Workload workload = pod()) {
  workload.kind = kind;
  return workload;
}

inline Workload owned_by(std::string owner_kind, Workload workload = pod()) {
  workload.owner_kind = std::move(owner_kind);
  return workload;
}

/// A StatefulSet with a claim template "data".
inline Workload stateful_set_with_template(std::vector<AccessMode> modes,
                                           std::string storage_class = "fast") {
  Volume volume = claim_volume("");
  volume.from_template = true;
  volume.claim_spec.storage_class = std::move(storage_class);
  volume.claim_spec.access_modes = std::move(modes);
  return of_kind(WorkloadKind::kStatefulSet, pod(std::move(volume)));
}

/// Another pod that has the claim mounted.
inline RunningPod running(std::string name, std::string claim = "app-data", std::string runtime_class = {}) {
  RunningPod other{
      .namespace_name = "shop", .name = std::move(name), .spec = pod(claim_volume(std::move(claim))).pod};
  other.spec.runtime_class = std::move(runtime_class);
  return other;
}

// ---- clusters ----

template <typename... Objects>
[[nodiscard]] ClusterState cluster_of(const Objects&... objects) {
  ClusterState cluster;
  (cluster.add(objects), ...);
  return cluster;
}

template <typename... Objects>
[[nodiscard]] ClusterState with(ClusterState cluster, const Objects&... objects) {
  (cluster.add(objects), ...);
  return cluster;
}

inline StorageClass storage_class(std::string name, std::string provisioner, StringMap parameters = {}) {
  StorageClass object;
  object.name = std::move(name);
  object.provisioner = std::move(provisioner);
  object.parameters = std::move(parameters);
  return object;
}

inline PersistentVolume persistent_volume(std::string driver, std::vector<AccessMode> modes,
                                          std::string class_name = "fast") {
  PersistentVolume volume;
  volume.name = "pv-1";
  volume.storage_class = std::move(class_name);
  volume.access_modes = std::move(modes);
  volume.kind = VolumeKind::kInline;
  volume.provisioned_by = driver;
  volume.driver = std::move(driver);
  volume.volume_handle = "vol-1";
  return volume;
}

inline PersistentVolumeClaim claim(std::vector<AccessMode> modes,
                                   std::optional<std::string> class_name = "fast",
                                   std::string volume_name = {}) {
  PersistentVolumeClaim object{.namespace_name = "shop", .name = "app-data", .spec = {}};
  object.spec.storage_class = std::move(class_name);
  object.spec.access_modes = std::move(modes);
  object.spec.volume_name = std::move(volume_name);
  return object;
}

/// Claim shop/app-data bound to pv-1 of `driver`, both with `modes`, class "fast".
inline ClusterState bound_claim(const std::string& driver, const std::vector<AccessMode>& modes) {
  return cluster_of(storage_class("fast", driver), claim(modes, "fast", "pv-1"),
                    persistent_volume(driver, modes));
}

inline const std::vector<AccessMode> kRwo = {AccessMode::kReadWriteOnce};
inline const std::vector<AccessMode> kRwx = {AccessMode::kReadWriteMany};
inline const std::vector<AccessMode> kRwop = {AccessMode::kReadWriteOncePod};

// ---- knowledge ----

inline DriverVariant variant(std::optional<Transport> transport) {
  DriverVariant made;
  made.transport = transport;
  made.verified = true;
  made.source = "a document";
  return made;
}

inline DriverVariant::Condition when_parameter(std::string key, std::vector<std::string> values,
                                               bool or_absent = false) {
  return {DriverVariant::Condition::Field::kParameter, std::move(key), std::move(values), or_absent};
}

/// One driver of each kind: block, local, memory, shared (a network filesystem), cluster, objects, path,
/// hostPath, nfs, and `either`, whose class parameter `protocol` tells whether it is a disk or NFS.
inline Catalog catalog(std::vector<App> apps = {}) {
  const auto plain = [](std::string driver, Transport transport) {
    return Driver{.names = {std::move(driver)}, .suffixes = {}, .variants = {variant(transport)}};
  };
  std::vector<Driver> drivers = {plain("block.example.com", Transport::kNetworkBlock),
                                 plain("local.example.com", Transport::kLocalDisk),
                                 plain("memory.example.com", Transport::kMemory),
                                 plain("shared.example.com", Transport::kNetworkFilesystem),
                                 plain("nfs", Transport::kNetworkFilesystem),
                                 plain("cluster.example.com", Transport::kClusterFilesystem),
                                 plain("objects.example.com", Transport::kObjectFuse)};
  drivers.push_back({.names = {"path.example.com"},
                     .suffixes = {},
                     .variants = {but(variant(Transport::kLocalDisk), [](auto& v) {
                       v.proven_only_by_preflight = true;
                       v.verified = false;
                     })}});
  drivers.push_back(
      {.names = {"hostPath"}, .suffixes = {}, .variants = {but(variant(Transport::kLocalDisk), [](auto& v) {
                                                v.proven_only_by_preflight = v.differs_per_node = true;
                                                v.verified = false;
                                              })}});
  drivers.push_back({.names = {"either.example.com"},
                     .suffixes = {},
                     .variants = {but(variant(Transport::kNetworkFilesystem),
                                      [](auto& v) { v.when = {when_parameter("protocol", {"nfs"})}; }),
                                  but(variant(Transport::kNetworkBlock), [](auto& v) {
                                    v.when = {when_parameter("protocol", {"iscsi"}, true)};
                                  })}});
  std::vector<MountOptionFact> options = {
      {"nolock", MountOptionFact::Effect::kLocksStayLocal, "nfs(5)"},
      {"nosharecache", MountOptionFact::Effect::kSplitPageCache, "nfs(5)"},
      {"soft", MountOptionFact::Effect::kRisky, "nfs(5)"}};
  std::vector<Filesystem> filesystems = {{.names = {"ext4"},
                                          .magic = 0xEF53,
                                          .transport = Transport::kLocalDisk,
                                          .verified = true,
                                          .source = "linux/magic.h"},
                                         {.names = {"nfs", "nfs4"},
                                          .magic = 0x6969,
                                          .transport = Transport::kNetworkFilesystem,
                                          .verified = true,
                                          .source = "linux/magic.h"}};
  return {std::move(drivers), std::move(options), std::move(filesystems), std::move(apps)};
}

inline CsiDriver attaching(std::string driver) {
  return {.name = std::move(driver), .attach_required = true};
}
inline CsiDriver not_attaching(std::string driver) {
  return {.name = std::move(driver), .attach_required = false};
}

/// A preflight can be run on class "fast", as far as `widest`.
inline ProbeReach reach_of(Scope widest = Scope::kNode, int views = 1) {
  ProbeReach reach;
  reach.classes["fast"] = {.widest = widest, .views = views};
  return reach;
}

}  // namespace walguard::core::testing
