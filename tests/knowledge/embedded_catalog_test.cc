// The facts that are compiled in: they load, they name their sources, and the look-ups that matter most come
// out right.
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/knowledge/catalog_loader.h"
#include "tests/knowledge/embedded.h"

namespace walguard::knowledge {
namespace {

using core::AccessMode;
using core::Catalog;
using core::DriverVariant;
using core::StringMap;
using core::Transport;
using core::VariantQuery;

const StringMap kNoParameters;

class EmbeddedCatalog : public ::testing::Test {
 protected:
  static const Catalog& catalog() { return embedded_catalog(); }

  /// A claim of a class that sets `parameters` and no fsType.
  static VariantQuery claim(std::string_view driver, const StringMap& parameters = kNoParameters,
                            AccessMode mode = AccessMode::kReadWriteOnce) {
    return {.driver = driver,
            .parameters = &parameters,
            .attributes = nullptr,
            .widest_access = mode,
            .volume_handle = std::nullopt,
            .fs_type = ""};
  }

  static const DriverVariant* variant(const VariantQuery& query) { return catalog().find(query).variant; }

  /// nullopt also where no variant could be told.
  static std::optional<Transport> transport(const VariantQuery& query) {
    const DriverVariant* found = variant(query);
    return found == nullptr ? std::nullopt : found->transport;
  }
};

TEST_F(EmbeddedCatalog, Loads) {
  const auto loaded = load_embedded_catalog();
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_GT(loaded->drivers().size(), 100U);
}

// Start to ready is 0.2 s for the whole server. Not a measurement: ten times what it takes, for sanitizers
// and busy machines.
TEST_F(EmbeddedCatalog, LoadsWellWithinTheStartUpBudget) {
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(load_embedded_catalog().has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(EmbeddedCatalog, NoDriverIsCalledADiskWithoutSayingWhichFactsDecideWhereItAlsoServesFiles) {
  for (const auto& driver : catalog().drivers()) {
    bool files = false;
    for (const auto& v : driver.variants) files = files || v.transport == Transport::kNetworkFilesystem;
    for (const auto& v : driver.variants) {
      EXPECT_FALSE(files && v.transport == Transport::kNetworkBlock && v.when.empty()) << driver.names[0];
    }
  }
}

class PathBased : public EmbeddedCatalog, public ::testing::WithParamInterface<const char*> {};

TEST_P(PathBased, IsNeverKnownByItsName) {
  const auto match = catalog().find(claim(GetParam()));
  ASSERT_NE(match.driver, nullptr);
  for (const auto& variant : match.driver->variants) {
    EXPECT_TRUE(variant.proven_only_by_preflight);
    EXPECT_FALSE(variant.verified);
  }
}

INSTANTIATE_TEST_SUITE_P(Names, PathBased,
                         ::testing::Values("hostPath", "local", "kubernetes.io/no-provisioner",
                                           "rancher.io/local-path", "hostpath.csi.k8s.io",
                                           "k8s.io/minikube-hostpath", "microk8s.io/hostpath",
                                           "docker.io/hostpath", "openebs.io/local",
                                           "org.democratic-csi.local-hostpath"));

class NetworkFilesystem : public EmbeddedCatalog, public ::testing::WithParamInterface<const char*> {};

TEST_P(NetworkFilesystem, IsOneWhateverTheAccessMode) {
  EXPECT_EQ(transport(claim(GetParam())), Transport::kNetworkFilesystem);
  EXPECT_EQ(transport(claim(GetParam(), kNoParameters, AccessMode::kReadWriteMany)),
            Transport::kNetworkFilesystem);
}

INSTANTIATE_TEST_SUITE_P(
    Names, NetworkFilesystem,
    ::testing::Values("nfs", "cephfs", "glusterfs", "azureFile", "nfs.csi.k8s.io", "smb.csi.k8s.io",
                      "efs.csi.aws.com", "fsx.openzfs.csi.aws.com", "filestore.csi.storage.gke.io",
                      "file.csi.azure.com", "nfs.manila.csi.openstack.org", "cephfs.manila.csi.openstack.org",
                      "nasplugin.csi.alibabacloud.com", "fss.csi.oraclecloud.com", "cephfs.csi.ceph.com",
                      "nfs.csi.ceph.com", "csi.moosefs.com", "com.tuxera.csi.moosefs",
                      "beegfs.csi.netapp.com", "org.gluster.glusterfs", "csi.vastdata.com",
                      "csi-isilon.dellemc.com", "openebs.io/nfsrwx",
                      "cluster.local/nfs-subdir-external-provisioner",
                      "k8s-sigs.io/nfs-subdir-external-provisioner", "cluster.local/nfs-server-provisioner",
                      "org.democratic-csi.nfs", "org.democratic-csi.smb"));

// ---- Look-ups whose answer hangs on more than the name

TEST_F(EmbeddedCatalog, NobodyKnowsADriverThatIsNotListed) {
  const auto match = catalog().find(claim("csi.example.com"));
  EXPECT_EQ(match.driver, nullptr);
  EXPECT_EQ(match.variant, nullptr);
}

TEST_F(EmbeddedCatalog, EbsVolumesOfTheNodeItselfAreOtherFilesOnEachNode) {
  VariantQuery query = claim("ebs.csi.aws.com");
  query.volume_handle = "local-ebs:///dev/xvdb";
  const DriverVariant* found = variant(query);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->transport, Transport::kLocalDisk);
  EXPECT_TRUE(found->differs_per_node);
}

TEST_F(EmbeddedCatalog, AzureFilesIsSmbUnlessTheClassAsksForNfs) {
  EXPECT_EQ(variant(claim("file.csi.azure.com"))->filesystem, "cifs");
  EXPECT_EQ(variant(claim("file.csi.azure.com", {{"protocol", "nfs"}}))->filesystem, "nfs4");
}

TEST_F(EmbeddedCatalog, AzureBlobOverNfsHasLocksThatStayOnTheNode) {
  EXPECT_EQ(transport(claim("blob.csi.azure.com")), Transport::kObjectFuse);
  const StringMap nfs = {{"protocol", "nfs"}};
  const DriverVariant* found = variant(claim("blob.csi.azure.com", nfs));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->transport, Transport::kNetworkFilesystem);
  EXPECT_TRUE(found->locks_stay_local);
}

TEST_F(EmbeddedCatalog, LonghornIsNfsAsSoonAsSeveralNodesMayMountIt) {
  EXPECT_EQ(transport(claim("driver.longhorn.io")), Transport::kNetworkBlock);
  EXPECT_EQ(transport(claim("driver.longhorn.io", kNoParameters, AccessMode::kReadWriteMany)),
            Transport::kNetworkFilesystem);
}

TEST_F(EmbeddedCatalog, ASharedLonghornVolumeIsNfsEvenUnderReadWriteOnce) {
  const StringMap shared = {{"share", "true"}};
  VariantQuery query = claim("driver.longhorn.io");
  query.attributes = &shared;
  EXPECT_EQ(transport(query), Transport::kNetworkFilesystem);
}

TEST_F(EmbeddedCatalog, AVolumeWhoseClassIsGoneIsNotGuessed) {
  VariantQuery query = claim("csi.san.synology.com");
  query.parameters = nullptr;
  EXPECT_EQ(variant(query), nullptr);
  EXPECT_NE(catalog().find(query).driver, nullptr);
}

// Azure Files and FSx for OpenZFS serve files whatever the class said; Azure Blob may be one of two kinds.
TEST_F(EmbeddedCatalog, WhatIsAlwaysANetworkFilesystemIsOneThoughItsClassIsGone) {
  for (const char* driver : {"file.csi.azure.com", "fsx.openzfs.csi.aws.com"}) {
    VariantQuery query = claim(driver);
    query.parameters = nullptr;
    EXPECT_EQ(transport(query), Transport::kNetworkFilesystem) << driver;
  }
  VariantQuery query = claim("blob.csi.azure.com");
  query.parameters = nullptr;
  EXPECT_EQ(variant(query), nullptr);
}

TEST_F(EmbeddedCatalog, RookNamesItsDriversAfterItsNamespace) {
  EXPECT_EQ(transport(claim("rook-ceph.rbd.csi.ceph.com")), Transport::kNetworkBlock);
  EXPECT_EQ(transport(claim("rook-ceph.cephfs.csi.ceph.com")), Transport::kNetworkFilesystem);
}

TEST_F(EmbeddedCatalog, TridentIsJudgedByTheVolumesOwnProtocol) {
  const StringMap file = {{"protocol", "file"}};
  VariantQuery query = claim("csi.trident.netapp.io");
  query.attributes = &file;
  query.parameters = nullptr;
  EXPECT_EQ(transport(query), Transport::kNetworkFilesystem);
  const StringMap block = {{"protocol", "block"}};
  query.attributes = &block;
  EXPECT_EQ(transport(query), Transport::kNetworkBlock);
}

TEST_F(EmbeddedCatalog, TridentWithoutABackendTypeMayBeAnything) {
  EXPECT_EQ(variant(claim("csi.trident.netapp.io")), nullptr);
  EXPECT_EQ(transport(claim("csi.trident.netapp.io", {{"backendType", "ontap-san"}})),
            Transport::kNetworkBlock);
  EXPECT_TRUE(
      variant(claim("csi.trident.netapp.io", {{"backendType", "azure-netapp-files"}}))->costly_to_probe);
}

TEST_F(EmbeddedCatalog, AFilesystemOnGcsHasACacheForEachPod) {
  EXPECT_TRUE(variant(claim("gcsfuse.csi.storage.gke.io"))->per_pod_cache);
}

TEST_F(EmbeddedCatalog, LustreIsAClusterFilesystemAndDear) {
  const DriverVariant* found = variant(claim("fsx.csi.aws.com"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->transport, Transport::kClusterFilesystem);
  EXPECT_TRUE(found->costly_to_probe);
}

struct Parameter {
  const char* driver;
  const char* key;
  const char* value;
};

class ServesFilesByParameter : public EmbeddedCatalog, public ::testing::WithParamInterface<Parameter> {};

TEST_P(ServesFilesByParameter, AndIsThenNoDisk) {
  const auto& [driver, key, value] = GetParam();
  const StringMap parameters = {{key, value}};
  EXPECT_EQ(transport(claim(driver, parameters)), Transport::kNetworkFilesystem);
}

INSTANTIATE_TEST_SUITE_P(Parameters, ServesFilesByParameter,
                         ::testing::Values(Parameter{"csi.san.synology.com", "protocol", "nfs"},
                                           Parameter{"csi.san.synology.com", "protocol", "SMB"},
                                           Parameter{"csi.hpe.com", "nfsResources", "true"},
                                           Parameter{"csi.hpe.com", "accessProtocol", "nfs"},
                                           Parameter{"pure-csi", "backend", "file"},
                                           Parameter{"csi.nutanix.com", "storageType", "NutanixFiles"},
                                           Parameter{"infinibox-csi-driver", "storage_protocol", "nfs"},
                                           Parameter{"infinibox-csi-driver", "storage_protocol", "nfs_treeq"},
                                           Parameter{"csi-unity.dellemc.com", "protocol", "NFS"},
                                           Parameter{"csi-powerstore.dellemc.com", "FsType", "nfs"},
                                           Parameter{"pxd.portworx.com", "backend", "pure_file"}));

TEST_F(EmbeddedCatalog, AProxiedPortworxVolumeIsNotCalledADisk) {
  EXPECT_EQ(variant(claim("pxd.portworx.com", {{"proxy_endpoint", "nfs://198.51.100.7"}})), nullptr);
}

class ServesFilesByFsType : public EmbeddedCatalog, public ::testing::WithParamInterface<const char*> {};

TEST_P(ServesFilesByFsType, AndIsThenNoDisk) {
  VariantQuery query = claim(GetParam());
  query.fs_type = "nfs";
  EXPECT_EQ(transport(query), Transport::kNetworkFilesystem);
  query.fs_type = "ext4";
  EXPECT_EQ(transport(query), Transport::kNetworkBlock);
}

INSTANTIATE_TEST_SUITE_P(Names, ServesFilesByFsType,
                         ::testing::Values("csi.vsphere.vmware.com", "csi-powerstore.dellemc.com",
                                           "csi-vxflexos.dellemc.com"));

class ServesFilesToManyNodes : public EmbeddedCatalog, public ::testing::WithParamInterface<const char*> {};

TEST_P(ServesFilesToManyNodes, AndIsThenNoDisk) {
  EXPECT_EQ(transport(claim(GetParam(), kNoParameters, AccessMode::kReadWriteMany)),
            Transport::kNetworkFilesystem);
}

INSTANTIATE_TEST_SUITE_P(Names, ServesFilesToManyNodes,
                         ::testing::Values("csi.vsphere.vmware.com", "driver.longhorn.io",
                                           "linstor.csi.linbit.com", "pxd.portworx.com", "storageos", "robin",
                                           "portworxVolume", "kadalu"));

TEST_F(EmbeddedCatalog, VultrsSharedFilesystemIsNoDiskThoughTheDriverIsNamedBlock) {
  EXPECT_EQ(transport(claim("block.csi.vultr.com", {{"storage_type", "vfs"}}, AccessMode::kReadWriteMany)),
            Transport::kVmShare);
}

// ---- Drivers that a policy adds

TEST_F(EmbeddedCatalog, ADriverOfAPolicyTakesThePlaceOfTheBuiltInOneAsAWhole) {
  auto added = load_drivers(R"({drivers: [{names: [driver.longhorn.io, csi.example.com], variants: [
      {transport: unknown, verified: false, source: "we run a build of our own"}]}]})");
  ASSERT_TRUE(added.has_value()) << added.error();
  const auto with_policy = load_embedded_catalog_with(*std::move(added));
  ASSERT_TRUE(with_policy.has_value()) << with_policy.error();
  for (const char* name : {"driver.longhorn.io", "csi.example.com"}) {
    const auto* found = with_policy->find(claim(name)).variant;
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->transport, std::nullopt) << name;
  }
  EXPECT_NE(with_policy->find(claim("ebs.csi.aws.com")).variant, nullptr);
  EXPECT_FALSE(with_policy->apps_of_image("vaultwarden/server").empty());
}

TEST_F(EmbeddedCatalog, ADriverOfAPolicyUnderAFullNameGoesBeforeABuiltInSuffix) {
  auto added = load_drivers(R"({drivers: [{names: [rook-ceph.rbd.csi.ceph.com], variants: [
      {transport: local-disk, verified: true, source: "our operations manual"}]}]})");
  ASSERT_TRUE(added.has_value()) << added.error();
  const auto with_policy = load_embedded_catalog_with(*std::move(added));
  ASSERT_TRUE(with_policy.has_value()) << with_policy.error();
  EXPECT_EQ(with_policy->find(claim("rook-ceph.rbd.csi.ceph.com")).variant->transport, Transport::kLocalDisk);
  EXPECT_EQ(with_policy->find(claim("other.rbd.csi.ceph.com")).variant->transport, Transport::kNetworkBlock);
}

// ---- Mount options and filesystems

TEST_F(EmbeddedCatalog, KnowsTheOptionsThatTakeLocksAway) {
  for (const char* option : {"nolock", "local_lock=all", "local_lock=posix", "nobrl", "localflock",
                             "localflocks", "mfsnoposixlocks"}) {
    const auto* fact = catalog().mount_option(option);
    ASSERT_NE(fact, nullptr) << option;
    EXPECT_EQ(fact->effect, core::MountOptionFact::Effect::kLocksStayLocal) << option;
  }
}

TEST_F(EmbeddedCatalog, KnowsTheOptionThatSplitsThePageCache) {
  ASSERT_NE(catalog().mount_option("nosharecache"), nullptr);
  EXPECT_EQ(catalog().mount_option("nosharecache")->effect, core::MountOptionFact::Effect::kSplitPageCache);
}

TEST_F(EmbeddedCatalog, LeavesOptionsAloneThatChangeNothing) {
  for (const char* option : {"ro", "noatime", "nfsvers=4.1", "local_lock=flock", "hard", "vers=4.2"}) {
    EXPECT_EQ(catalog().mount_option(option), nullptr) << option;
  }
}

TEST_F(EmbeddedCatalog, NamesFilesystemsAsMountinfoAndStatfsDo) {
  const auto* nfs = catalog().filesystem_by_name("nfs4");
  ASSERT_NE(nfs, nullptr);
  EXPECT_EQ(nfs->transport, Transport::kNetworkFilesystem);
  EXPECT_EQ(catalog().filesystem_by_magic(0x6969), nfs);
  EXPECT_EQ(catalog().filesystem_by_name("ext4")->transport, Transport::kLocalDisk);
  EXPECT_EQ(catalog().filesystem_by_name("virtiofs")->transport, Transport::kVmShare);
  EXPECT_EQ(catalog().filesystem_by_name("ceph")->transport, Transport::kNetworkFilesystem);
  EXPECT_EQ(catalog().filesystem_by_name("fuse.rclone")->transport, Transport::kObjectFuse);
}

TEST_F(EmbeddedCatalog, TheMagicThatAllFuseFilesystemsShareTellsNothing) {
  const auto* fuse = catalog().filesystem_by_magic(0x65735546);
  ASSERT_NE(fuse, nullptr);
  EXPECT_EQ(fuse->transport, std::nullopt);
  EXPECT_EQ(catalog().filesystem_by_name("overlay")->transport, std::nullopt);
}

TEST_F(EmbeddedCatalog, CallsAClusterFilesystemOnlyWhatClaimsCoherenceAndLocks) {
  for (const char* name : {"lustre", "gfs2", "ocfs2", "gpfs"}) {
    EXPECT_EQ(catalog().filesystem_by_name(name)->transport, Transport::kClusterFilesystem) << name;
  }
  for (const char* name : {"ceph", "beegfs", "wekafs", "fuse.glusterfs", "panfs"}) {
    EXPECT_EQ(catalog().filesystem_by_name(name)->transport, Transport::kNetworkFilesystem) << name;
  }
}

}  // namespace
}  // namespace walguard::knowledge
