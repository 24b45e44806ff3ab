// From a volume in a pod to what lies behind it, and to the key under which it may have been measured.
#include "operator/core/storage.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

class Storage : public ::testing::Test {
 protected:
  VolumeFacts describe(const ClusterState& cluster, const Volume& volume = claim_volume()) {
    VolumeFacts facts;
    describe_storage(facts, view_storage("shop", volume, cluster, catalog_));
    return facts;
  }
  StorageView view(const ClusterState& cluster, const Volume& volume = claim_volume()) {
    return view_storage("shop", volume, cluster, catalog_);
  }

  Catalog catalog_ = catalog();
};

TEST_F(Storage, ABoundClaimIsWhatItsPersistentVolumeIs) {
  const auto facts = describe(with(bound_claim("block.example.com", kRwo), attaching("block.example.com")));
  EXPECT_EQ(facts.binding, Binding::kBound);
  EXPECT_EQ(facts.driver, "block.example.com");
  EXPECT_EQ(facts.transport, Transport::kNetworkBlock);
  EXPECT_TRUE(facts.transport_verified);
  EXPECT_EQ(facts.access_modes, kRwo);
  EXPECT_EQ(facts.volume_mode, VolumeMode::kFilesystem);
  EXPECT_EQ(facts.storage_class, "fast");
  EXPECT_EQ(facts.single_attach, true);
  EXPECT_EQ(facts.locks_stay_local, false);
  EXPECT_FALSE(facts.source.empty());
}

TEST_F(Storage, TheVolumesModesCountNotTheClaims) {
  const auto cluster =
      cluster_of(storage_class("fast", "block.example.com"), claim(kRwo, "fast", "pv-1"),
                 persistent_volume("block.example.com", kRwx), attaching("block.example.com"));
  const auto facts = describe(cluster);
  EXPECT_EQ(facts.access_modes, kRwx);
  EXPECT_EQ(facts.single_attach, false);
}

TEST_F(Storage, AnUnboundClaimIsWhatItsClassWillMake) {
  const auto cluster =
      cluster_of(storage_class("fast", "block.example.com"), claim(kRwo), attaching("block.example.com"));
  const auto facts = describe(cluster);
  EXPECT_EQ(facts.binding, Binding::kByClass);
  EXPECT_EQ(facts.transport, Transport::kNetworkBlock);
  EXPECT_EQ(facts.access_modes, kRwo);
  EXPECT_EQ(facts.single_attach, true);
}

TEST_F(Storage, AnUnboundClaimThatNoClassDecidesMayBecomeAnything) {
  const std::vector<std::pair<std::string_view, ClusterState>> undecided = {
      {"no class, on purpose", cluster_of(storage_class("fast", "block.example.com"), claim(kRwo, ""))},
      {"no class and no default",
       cluster_of(storage_class("fast", "block.example.com"), claim(kRwo, std::nullopt))},
      {"a class without a provisioner",
       cluster_of(storage_class("fast", "kubernetes.io/no-provisioner"), claim(kRwo))},
  };
  for (const auto& [sentence, cluster] : undecided) {
    const auto facts = describe(cluster);
    EXPECT_EQ(facts.binding, Binding::kUndecided) << sentence;
    EXPECT_EQ(facts.transport, std::nullopt) << sentence;
    EXPECT_EQ(facts.single_attach, std::nullopt) << sentence;
    EXPECT_TRUE(facts.key.storage_class.empty()) << sentence;
  }
}

TEST_F(Storage, WhatIsNotInViewIsMissingNotAbsent) {
  EXPECT_EQ(describe(cluster_of()).binding, Binding::kMissing) << "the claim";
  const auto no_class = describe(cluster_of(claim(kRwo)));
  EXPECT_EQ(no_class.binding, Binding::kMissing) << "its class";
  EXPECT_EQ(no_class.storage_class, "fast");
  EXPECT_EQ(no_class.locks_stay_local, std::nullopt) << "its mount options neither";
  const auto elsewhere = but(claim(kRwo), [](auto& c) { c.namespace_name = "other"; });
  EXPECT_EQ(describe(cluster_of(storage_class("fast", "block.example.com"), elsewhere)).binding,
            Binding::kMissing)
      << "a claim of that name in another namespace is another claim";
}

TEST_F(Storage, AClaimOnAVolumeOutOfViewIsWhatItsClassMakesOnlyWhereAProvisionerNamedIt) {
  const auto bound_to = [&](std::string volume) {
    return describe(cluster_of(storage_class("fast", "block.example.com"),
                               claim(kRwo, "fast", std::move(volume)), attaching("block.example.com")));
  };
  EXPECT_EQ(bound_to("pvc-0f8f1c1e-8f0b-4f3a-9b1c-2d3e4f5a6b7c").binding, Binding::kByClass);
  const auto by_hand = bound_to("archive");
  EXPECT_EQ(by_hand.binding, Binding::kVolumeMissing) << "it may be NFS, under the name of any class";
  EXPECT_EQ(by_hand.transport, std::nullopt);
  EXPECT_EQ(by_hand.single_attach, std::nullopt);
  EXPECT_EQ(bound_to("pvc-legacy-nfs").binding, Binding::kVolumeMissing) << "a prefix that anybody can write";
}

TEST_F(Storage, TheDefaultClassCountsWhereTheClaimNamesNone) {
  const auto is_default = [](auto& c) { c.is_default = true; };
  const auto fast = but(storage_class("fast", "block.example.com"), is_default);
  EXPECT_EQ(describe(cluster_of(fast, claim(kRwo, std::nullopt))).storage_class, "fast");
  const auto other = but(storage_class("other", "shared.example.com"), is_default);
  EXPECT_EQ(describe(cluster_of(fast, other, claim(kRwo, std::nullopt))).binding, Binding::kUndecided)
      << "two defaults decide nothing";
}

TEST_F(Storage, ReadWriteOnceIsEnforcedByAttachingAlone) {
  struct Row {
    std::string_view sentence;
    std::optional<bool> expected;
    ClusterState cluster;
  };
  const std::vector<Row> rows = {
      {"the driver attaches", true,
       with(bound_claim("block.example.com", kRwo), attaching("block.example.com"))},
      {"the driver does not attach", false,
       with(bound_claim("block.example.com", kRwo), not_attaching("block.example.com"))},
      {"its CSIDriver is not in view", std::nullopt, bound_claim("block.example.com", kRwo)},
      {"in-tree NFS has no attach step, whatever objects say", false,
       with(bound_claim("nfs", kRwo), attaching("nfs"))},
      {"RWX is let out", false, with(bound_claim("block.example.com", kRwx), attaching("block.example.com"))},
      {"RWO beside RWX is let out", false,
       with(bound_claim("block.example.com", {AccessMode::kReadWriteOnce, AccessMode::kReadWriteMany}),
            attaching("block.example.com"))},
      {"RWO beside ROX is let out", false,
       with(bound_claim("block.example.com", {AccessMode::kReadWriteOnce, AccessMode::kReadOnlyMany}),
            attaching("block.example.com"))},
      {"no modes in view", std::nullopt,
       with(bound_claim("block.example.com", {}), attaching("block.example.com"))},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(row.cluster).single_attach, row.expected) << row.sentence;
}

TEST_F(Storage, OnlyReadWriteOncePodBindsAClaimToOnePod) {
  EXPECT_TRUE(view(bound_claim("block.example.com", kRwop)).one_pod_only);
  EXPECT_FALSE(view(bound_claim("block.example.com", kRwo)).one_pod_only);
  EXPECT_FALSE(
      view(bound_claim("block.example.com", {AccessMode::kReadWriteOncePod, AccessMode::kReadWriteOnce}))
          .one_pod_only);
  EXPECT_FALSE(view(cluster_of()).one_pod_only) << "a claim out of view";
}

TEST_F(Storage, AVolumeNamedByItsHostIsPinned) {
  auto pinned = persistent_volume("block.example.com", kRwo);
  pinned.pinned_hostname = "node-1";
  EXPECT_TRUE(view(cluster_of(claim(kRwo, "fast", "pv-1"), pinned)).pinned_to_node);
  EXPECT_FALSE(view(bound_claim("block.example.com", kRwo)).pinned_to_node);
}

TEST_F(Storage, AParameterOfTheClassTellsWhichVariantItIs) {
  const auto by_class = [&](StringMap parameters) {
    return describe(
        cluster_of(storage_class("fast", "either.example.com", std::move(parameters)), claim(kRwo)));
  };
  EXPECT_EQ(by_class({}).transport, Transport::kNetworkBlock) << "the driver's default";
  EXPECT_EQ(by_class({{"protocol", "NFS"}}).transport, Transport::kNetworkFilesystem);
}

TEST_F(Storage, WithoutItsClassInViewTheVariantIsNotKnown) {
  const auto cluster = cluster_of(claim(kRwo, "fast", "pv-1"), persistent_volume("either.example.com", kRwo));
  EXPECT_EQ(describe(cluster).transport, std::nullopt);
  auto telling = persistent_volume("either.example.com", kRwo);
  telling.attributes = {{"protocol", "nfs"}};
  EXPECT_EQ(describe(cluster_of(claim(kRwo, "fast", "pv-1"), telling)).transport,
            Transport::kNetworkFilesystem)
      << "the volume's attributes tell";
}

TEST_F(Storage, AClassOfAnotherDriverTellsNothingOfTheVolume) {
  const auto cluster = cluster_of(storage_class("fast", "block.example.com"), claim(kRwo, "fast", "pv-1"),
                                  persistent_volume("either.example.com", kRwo));
  const auto facts = describe(cluster);
  EXPECT_EQ(facts.transport, std::nullopt);
  EXPECT_TRUE(facts.key.storage_class.empty());
  EXPECT_EQ(facts.key.volume, "pv-1") << "it is proven on itself";
}

TEST_F(Storage, MountOptionsTakeLocksOrTheSharedCacheAway) {
  const auto with_options = [&](std::vector<std::string> options) {
    auto volume = persistent_volume("nfs", kRwx);
    volume.mount_options = std::move(options);
    return describe(cluster_of(claim(kRwx, "fast", "pv-1"), volume));
  };
  EXPECT_EQ(with_options({}).locks_stay_local, false);
  EXPECT_EQ(with_options({"hard", "vers=4.1"}).locks_stay_local, false);
  EXPECT_EQ(with_options({"nolock"}).locks_stay_local, true);
  EXPECT_EQ(with_options({"hard,nolock,vers=3"}).locks_stay_local, true) << "a list in one entry";
  EXPECT_EQ(with_options({"soft", "nolock"}).locks_stay_local, true) << "the worst counts";
  EXPECT_NE(with_options({"nolock"}).locks_because.find("nolock"), std::string::npos);
  EXPECT_TRUE(with_options({"nosharecache"}).split_page_cache);
  EXPECT_FALSE(with_options({"soft"}).split_page_cache);
  EXPECT_EQ(with_options({"soft"}).locks_stay_local, false);
}

TEST_F(Storage, ADriverMayTakeThemAwayUnseen) {
  catalog_ =
      Catalog({Driver{.names = {"block.example.com"},
                      .suffixes = {},
                      .variants = {but(variant(Transport::kNetworkFilesystem),
                                       [](auto& v) { v.locks_stay_local = v.per_pod_cache = true; })}}},
              {}, {});
  const auto facts = describe(bound_claim("block.example.com", kRwx));
  EXPECT_EQ(facts.locks_stay_local, true);
  EXPECT_TRUE(facts.split_page_cache);
  EXPECT_NE(facts.locks_because.find("block.example.com"), std::string::npos);
  EXPECT_NE(facts.split_because.find("block.example.com"), std::string::npos);
}

TEST_F(Storage, TheOptionsOfTheClassCountUntilThereIsAVolume) {
  auto fast = storage_class("fast", "shared.example.com");
  fast.mount_options = {"nolock"};
  EXPECT_EQ(describe(cluster_of(fast, claim(kRwx))).locks_stay_local, true);
  const auto bound =
      cluster_of(fast, claim(kRwx, "fast", "pv-1"), persistent_volume("shared.example.com", kRwx));
  EXPECT_EQ(describe(bound).locks_stay_local, false) << "the volume was made before the class had it";
}

TEST_F(Storage, EmptyDirsAreBuiltIn) {
  const auto disk = describe(cluster_of(), volume_of(VolumeKind::kEmptyDir));
  EXPECT_EQ(disk.transport, Transport::kLocalDisk);
  EXPECT_TRUE(disk.transport_verified);
  EXPECT_EQ(disk.binding, Binding::kNotAClaim);
  EXPECT_EQ(describe(cluster_of(), volume_of(VolumeKind::kEmptyDirMemory)).transport, Transport::kMemory);
  EXPECT_TRUE(view(cluster_of(), volume_of(VolumeKind::kEmptyDir)).one_pod_only);
}

TEST_F(Storage, AHostPathIsWhateverIsMountedThere) {
  const auto facts = describe(cluster_of(), host_path("/srv"));
  EXPECT_TRUE(facts.proven_only_by_preflight);
  EXPECT_TRUE(facts.differs_per_node);
  EXPECT_FALSE(facts.transport_verified);
  EXPECT_FALSE(view(cluster_of(), host_path("/srv")).one_pod_only) << "another pod may name the same path";
}

TEST_F(Storage, ANetworkDriverInThePodIsSharedByAllThatNameIt) {
  const auto facts =
      describe(with(cluster_of(), attaching("shared.example.com")), inline_volume("shared.example.com"));
  EXPECT_EQ(facts.transport, Transport::kNetworkFilesystem);
  EXPECT_EQ(facts.single_attach, false);
  EXPECT_FALSE(view(cluster_of(), inline_volume("nfs")).one_pod_only);
  EXPECT_FALSE(
      view(cluster_of(attaching("shared.example.com")), inline_volume("shared.example.com")).one_pod_only);
}

TEST_F(Storage, ALocalCsiVolumeInThePodIsThePodsOwn) {
  EXPECT_TRUE(
      view(cluster_of(attaching("local.example.com")), inline_volume("local.example.com")).one_pod_only);
  EXPECT_FALSE(view(cluster_of(), inline_volume("local.example.com")).one_pod_only) << "no CSIDriver in view";
}

TEST_F(Storage, AGenericEphemeralVolumeIsAClaimOfOnePod) {
  Volume volume = volume_of(VolumeKind::kGenericEphemeral);
  volume.claim_spec.storage_class = "fast";
  volume.claim_spec.access_modes = kRwo;
  const auto cluster = cluster_of(storage_class("fast", "block.example.com"), attaching("block.example.com"));
  EXPECT_TRUE(view(cluster, volume).one_pod_only);
  EXPECT_EQ(describe(cluster, volume).binding, Binding::kByClass);
  EXPECT_EQ(describe(cluster, volume).transport, Transport::kNetworkBlock);
}

TEST_F(Storage, ASourceThisVersionDoesNotKnowIsUnknown) {
  const auto facts = describe(cluster_of(), volume_of(VolumeKind::kUnknown));
  EXPECT_EQ(facts.transport, std::nullopt);
  EXPECT_EQ(facts.single_attach, std::nullopt);
}

// ---- the key ----

TEST_F(Storage, AVolumeOfAClassIsMeasuredAsItsClass) {
  auto fast =
      storage_class("fast", "block.example.com", {{"type", "io2"}, {"csi.storage.k8s.io/fstype", "xfs"}});
  fast.parameters_digest = "d1";
  fast.mount_options = {"noatime", "discard"};
  const auto facts = describe(cluster_of(fast, claim(kRwo)));
  EXPECT_EQ(facts.key.storage_class, "fast");
  EXPECT_EQ(facts.key.volume, "");
  EXPECT_EQ(facts.key.driver, "block.example.com");
  EXPECT_EQ(facts.key.parameters, "d1") << "a parameter may be a password";
  EXPECT_EQ(facts.key.access_mode, AccessMode::kReadWriteOnce);
  EXPECT_EQ(facts.key.mount_options, (std::vector<std::string>{"discard", "noatime"})) << "sorted";
  EXPECT_EQ(facts.key.fs_type, "xfs");
}

TEST_F(Storage, TheKeyIsTheSameBeforeAndAfterBinding) {
  const auto fast = storage_class("fast", "block.example.com", {{"csi.storage.k8s.io/fstype", "xfs"}});
  auto volume = persistent_volume("block.example.com", kRwo);
  volume.fs_type = "xfs";
  const auto unbound = describe(cluster_of(fast, claim(kRwo)));
  const auto bound = describe(cluster_of(fast, claim(kRwo, "fast", "pv-1"), volume));
  EXPECT_EQ(unbound.key, bound.key);
}

TEST_F(Storage, AVolumeThatContradictsItsClassIsProvenOnItselfAndSaysHowItDiffers) {
  const auto fast = storage_class("fast", "block.example.com", {{"csi.storage.k8s.io/fstype", "xfs"}});
  const auto plain = persistent_volume("block.example.com", kRwo);
  const auto facts = [&](const PersistentVolume& volume) {
    return describe(cluster_of(fast, claim(kRwo, "fast", "pv-1"), volume));
  };
  EXPECT_EQ(facts(plain).differs_from_class, "");
  const auto options = facts(but(plain, [](auto& v) { v.mount_options = {"nobarrier", "discard"}; }));
  EXPECT_EQ(options.differs_from_class, "mountOptions discard,nobarrier instead of none");
  const auto filesystem = facts(but(plain, [](auto& v) { v.fs_type = "ext4"; }));
  EXPECT_EQ(filesystem.differs_from_class, "fsType ext4 instead of xfs");
  for (const VolumeFacts& each : {options, filesystem}) {
    EXPECT_EQ(each.key.storage_class, "");
    EXPECT_EQ(each.key.volume, "pv-1");
    EXPECT_EQ(each.key.fs_type, "") << "a ClaimPreflight's key has none";
    EXPECT_EQ(each.own_key, std::nullopt) << "there is no other";
  }
}

TEST_F(Storage, OtherMountOptionsLeaveTheClassesParametersAsTheyWere) {
  const auto iscsi = storage_class("fast", "either.example.com", {{"protocol", "iscsi"}});
  auto volume = persistent_volume("either.example.com", kRwo);
  volume.mount_options = {"noatime"};
  EXPECT_EQ(describe(cluster_of(iscsi, claim(kRwo, "fast", "pv-1"), volume)).transport,
            Transport::kNetworkBlock)
      << "options may be changed, parameters may not";
}

TEST_F(Storage, AVolumeOfAClassMayHaveBeenMeasuredOnItselfToo) {
  auto volume = persistent_volume("block.example.com", kRwo);
  auto fast = storage_class("fast", "block.example.com");
  fast.mount_options = volume.mount_options = {"noatime", "discard"};
  const auto bound = describe(cluster_of(fast, claim(kRwo, "fast", "pv-1"), volume));
  EvidenceKey own;
  own.volume = "pv-1";
  own.driver = "block.example.com";
  own.mount_options = {"discard", "noatime"};
  EXPECT_EQ(bound.own_key, own);
  EXPECT_EQ(bound.key.storage_class, "fast");
  EXPECT_EQ(describe(cluster_of(fast, claim(kRwo))).own_key, std::nullopt) << "it is not there yet";
}

TEST_F(Storage, WhatWasMeasuredForOneNodeSaysNothingOfTheSameClassServedToMany) {
  const auto fast = storage_class("fast", "block.example.com");
  const auto key = [&](const std::vector<AccessMode>& modes) {
    return describe(cluster_of(fast, claim(modes))).key;
  };
  EXPECT_NE(key(kRwo), key({AccessMode::kReadWriteMany})) << "many drivers serve the latter by NFS";
  EXPECT_EQ(key(kRwo), key({AccessMode::kReadWriteOncePod})) << "the same device";
  EXPECT_EQ(key({AccessMode::kReadWriteOnce, AccessMode::kReadWriteMany}), key({AccessMode::kReadWriteMany}));
}

TEST_F(Storage, AVolumeOfAnEarlierClassOfThatNameIsProvenOnItself) {
  const auto fast = storage_class("fast", "block.example.com", {{"pool", "ssd"}, {"sub", "${pvc.name}"}});
  const auto key = [&](const StringMap& attributes) {
    auto volume = persistent_volume("block.example.com", kRwo);
    volume.attributes = attributes;
    return describe(cluster_of(fast, claim(kRwo, "fast", "pv-1"), volume)).key;
  };
  EXPECT_EQ(key({{"pool", "ssd"}, {"sub", "data"}, {"id", "7"}}).storage_class, "fast");
  EXPECT_EQ(key({{"pool", "nfs"}}).storage_class, "") << "the class was made anew with other parameters";
  EXPECT_EQ(key({{"pool", "nfs"}}).volume, "pv-1");
}

TEST_F(Storage, StaticAndPathBasedVolumesAreProvenOnThemselves) {
  const auto by_hand = cluster_of(claim(kRwo, "", "pv-1"), persistent_volume("block.example.com", kRwo, ""));
  EXPECT_EQ(describe(by_hand).key.storage_class, "");
  EXPECT_EQ(describe(by_hand).key.volume, "pv-1");
  const auto path_based = bound_claim("path.example.com", kRwo);
  EXPECT_EQ(describe(path_based).key.storage_class, "");
  EXPECT_EQ(describe(path_based).key.volume, "pv-1");
  const auto unbound = cluster_of(storage_class("fast", "path.example.com"), claim(kRwo));
  EXPECT_EQ(describe(unbound).key.storage_class, "");
  EXPECT_EQ(describe(unbound).key.volume, "");
}

}  // namespace
}  // namespace walguard::core
