// What is known of a driver, and above all what is not: a guess at a variant is a verdict from nowhere.
#include "operator/core/catalog.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

using Condition = DriverVariant::Condition;
using Field = Condition::Field;

DriverVariant when(Transport transport, std::vector<Condition> conditions) {
  return but(variant(transport), [&](auto& v) { v.when = std::move(conditions); });
}

Catalog of_variants(std::vector<DriverVariant> variants) {
  return {
      {Driver{.names = {"d.example.com"}, .suffixes = {".d.example.com"}, .variants = std::move(variants)}},
      {},
      {}};
}

/// What is in view of a volume; nothing but its driver unless said.
struct Seen {
  std::string_view driver = "d.example.com";
  const StringMap* parameters = nullptr;
  const StringMap* attributes = nullptr;
  std::optional<AccessMode> widest_access{};
  std::optional<std::string_view> volume_handle{};
  std::optional<std::string_view> fs_type{};
};

Catalog::Match look_up(const Catalog& catalog, const Seen& seen) {
  return catalog.find({.driver = seen.driver,
                       .parameters = seen.parameters,
                       .attributes = seen.attributes,
                       .widest_access = seen.widest_access,
                       .volume_handle = seen.volume_handle,
                       .fs_type = seen.fs_type});
}

/// The transport of the variant that is found; nullopt: none.
std::optional<Transport> found(const Catalog& catalog, const Seen& seen) {
  const auto* variant = look_up(catalog, seen).variant;
  return variant == nullptr ? std::nullopt : variant->transport;
}

constexpr auto kDisk = Transport::kNetworkBlock;
constexpr auto kNet = Transport::kNetworkFilesystem;

TEST(Catalog, FindsADriverByItsExactNameAndItsSuffixes) {
  const Catalog catalog = of_variants({variant(kDisk)});
  for (const std::string_view known : {"d.example.com", "rook.d.example.com"}) {
    EXPECT_EQ(found(catalog, {.driver = known}), kDisk) << known;
  }
  for (const std::string_view unknown :
       {"D.example.com", "d.example.com.evil.org", "d.example", "xd.example.com"}) {
    EXPECT_EQ(look_up(catalog, {.driver = unknown}).driver, nullptr) << unknown;
  }
}

TEST(Catalog, TellsADriverNobodyKnowsFromOneWhoseVariantIsNotClear) {
  const Catalog catalog = of_variants({when(kNet, {when_parameter("protocol", {"nfs"})}), variant(kDisk)});
  EXPECT_EQ(look_up(catalog, {.driver = "nobody.example.com"}).driver, nullptr);
  const auto unclear = look_up(catalog, {});
  EXPECT_NE(unclear.driver, nullptr);
  EXPECT_EQ(unclear.variant, nullptr);
}

TEST(CatalogParameter, DecidesByTheClassByTheVolumesAttributesOrByTheDefault) {
  const Catalog catalog = of_variants({when(kNet, {when_parameter("protocol", {"nfs", "nfs4"})}),
                                       when(kDisk, {when_parameter("protocol", {"iscsi"}, true)})});
  const StringMap none;
  const StringMap nfs = {{"protocol", "nfs"}};
  const StringMap iscsi = {{"protocol", "iscsi"}};
  const StringMap smb = {{"protocol", "smb"}};
  const StringMap empty = {{"protocol", ""}};
  EXPECT_EQ(found(catalog, {.parameters = &nfs}), kNet);
  EXPECT_EQ(found(catalog, {.parameters = &iscsi}), kDisk);
  EXPECT_EQ(found(catalog, {.parameters = &none}), kDisk) << "not set: the driver's default";
  EXPECT_EQ(found(catalog, {.parameters = &empty}), kDisk) << "empty is not set";
  EXPECT_EQ(found(catalog, {.parameters = &smb}), std::nullopt) << "neither";
  EXPECT_EQ(found(catalog, {.attributes = &nfs}), kNet);
  EXPECT_EQ(found(catalog, {.parameters = &iscsi, .attributes = &nfs}), kNet)
      << "the volume's own word counts";
}

TEST(CatalogParameter, IsNotAbsentWhereTheClassIsNotInView) {
  const Catalog catalog = of_variants({when(kNet, {when_parameter("protocol", {"nfs"})}),
                                       when(kDisk, {when_parameter("protocol", {"iscsi"}, true)})});
  const StringMap attributes = {{"size", "10"}};
  EXPECT_EQ(found(catalog, {}), std::nullopt);
  EXPECT_EQ(found(catalog, {.attributes = &attributes}), std::nullopt);
}

TEST(CatalogParameter, NamesAndValuesAreComparedWithoutRegardToCase) {
  const Catalog catalog =
      of_variants({when(kNet, {when_parameter("nfsResources", {"true"})}), variant(kDisk)});
  for (const auto& [key, value] :
       StringMap{{"nfsResources", "true"}, {"NFSRESOURCES", "True"}, {"nfsresources", "TRUE"}}) {
    const StringMap parameters = {{key, value}};
    EXPECT_EQ(found(catalog, {.parameters = &parameters}), kNet) << key << "=" << value;
  }
  const StringMap other = {{"nfsResources", "truely"}};
  EXPECT_EQ(found(catalog, {.parameters = &other}), kDisk);
}

TEST(CatalogVariants, AreTriedFromTopToBottomAndAllConditionsMustHold) {
  const Catalog catalog =
      of_variants({when(kNet, {when_parameter("a", {"1"}), when_parameter("b", {"1"})}),
                   when(Transport::kObjectFuse, {when_parameter("a", {"1"})}), variant(kDisk)});
  const StringMap both = {{"a", "1"}, {"b", "1"}};
  const StringMap one = {{"a", "1"}};
  const StringMap none;
  EXPECT_EQ(found(catalog, {.parameters = &both}), kNet);
  EXPECT_EQ(found(catalog, {.parameters = &one}), Transport::kObjectFuse);
  EXPECT_EQ(found(catalog, {.parameters = &none}), kDisk);
}

TEST(CatalogVariants, AnUnclearConditionIsHarmlessWhereAllThatRemainAreJudgedAlike) {
  auto from_memory = when(kNet, {when_parameter("protocol", {"smb"})});
  from_memory.verified = false;
  const Catalog catalog = of_variants({from_memory, variant(kNet)});
  const auto match = look_up(catalog, {});
  ASSERT_NE(match.variant, nullptr);
  EXPECT_EQ(match.variant->transport, kNet);
  EXPECT_FALSE(match.variant->verified) << "of two that are judged alike the one that claims less";
}

TEST(CatalogVariants, DifferWhereAnythingThatIsJudgedDiffers) {
  const std::vector<void (*)(DriverVariant&)> differences = {
      [](auto& v) { v.transport = kNet; }, [](auto& v) { v.per_pod_cache = true; },
      [](auto& v) { v.locks_stay_local = true; }, [](auto& v) { v.differs_per_node = true; },
      [](auto& v) { v.proven_only_by_preflight = true; }};
  for (const auto& change : differences) {
    const Catalog catalog =
        of_variants({when(kDisk, {when_parameter("protocol", {"x"})}), but(variant(kDisk), change)});
    EXPECT_EQ(look_up(catalog, {}).variant, nullptr);
  }
}

TEST(CatalogVariants, OneThatOnlyMayHoldIsNotTheOne) {
  // The data lists what is a disk and leaves the rest out: what is not in view may be the rest.
  const Catalog catalog = of_variants({when(kDisk, {when_parameter("backend", {"san"})})});
  EXPECT_EQ(look_up(catalog, {}).variant, nullptr);
  const StringMap san = {{"backend", "san"}};
  EXPECT_EQ(found(catalog, {.parameters = &san}), kDisk);
}

TEST(CatalogAccessMode, IsThatOfTheVolumeAndUnknownWithoutOne) {
  const Catalog catalog = of_variants(
      {when(kNet, {{Field::kAccessMode, "", {"ReadWriteMany", "ReadOnlyMany"}, false}}), variant(kDisk)});
  EXPECT_EQ(found(catalog, {.widest_access = AccessMode::kReadWriteMany}), kNet);
  EXPECT_EQ(found(catalog, {.widest_access = AccessMode::kReadWriteOnce}), kDisk);
  EXPECT_EQ(found(catalog, {}), std::nullopt);
}

TEST(CatalogHandle, IsComparedByItsBeginningAndAbsentBeforeThereIsAVolume) {
  const Catalog catalog =
      of_variants({when(Transport::kLocalDisk, {{Field::kVolumeHandlePrefix, "", {"local-ebs://"}, false}}),
                   variant(kDisk)});
  EXPECT_EQ(found(catalog, {.volume_handle = "local-ebs://a"}), Transport::kLocalDisk);
  EXPECT_EQ(found(catalog, {.volume_handle = "vol-1"}), kDisk);
  EXPECT_EQ(found(catalog, {}), kDisk);
}

TEST(CatalogFsType, DecidesWhereItIsInView) {
  const Catalog catalog = of_variants({when(kNet, {{Field::kFsType, "", {"nfs"}, false}}),
                                       when(kDisk, {{Field::kFsType, "", {"ext4"}, true}})});
  EXPECT_EQ(found(catalog, {.fs_type = "nfs"}), kNet);
  EXPECT_EQ(found(catalog, {.fs_type = "NFS"}), kNet);
  EXPECT_EQ(found(catalog, {.fs_type = "ext4"}), kDisk);
  EXPECT_EQ(found(catalog, {.fs_type = ""}), kDisk) << "not set: the driver's default";
  EXPECT_EQ(found(catalog, {.fs_type = "zfs"}), std::nullopt);
  EXPECT_EQ(found(catalog, {}), std::nullopt);
}

TEST(CatalogFsType, OutOfViewMayBeAnyAndIsNotThatOfTheNextVariant) {
  const Catalog catalog = of_variants({when(kNet, {{Field::kFsType, "", {"nfs"}, false}}), variant(kDisk)});
  EXPECT_EQ(found(catalog, {.fs_type = "xfs"}), kDisk);
  EXPECT_EQ(found(catalog, {}), std::nullopt);
}

TEST(Catalog, FindsMountOptionsAndFilesystemsByTheirNames) {
  const Catalog all = catalog();
  ASSERT_NE(all.mount_option("nolock"), nullptr);
  EXPECT_EQ(all.mount_option("nolock")->effect, MountOptionFact::Effect::kLocksStayLocal);
  EXPECT_EQ(all.mount_option("lock"), nullptr);
  ASSERT_NE(all.filesystem_by_name("nfs4"), nullptr);
  EXPECT_EQ(all.filesystem_by_magic(0x6969), all.filesystem_by_name("nfs"));
  EXPECT_EQ(all.filesystem_by_name("nfs5"), nullptr);
  EXPECT_EQ(all.filesystem_by_magic(1), nullptr);
}

TEST(Catalog, KeepsItsNamesWhenItIsMoved) {
  Catalog first = catalog();
  const Catalog second = std::move(first);
  EXPECT_NE(look_up(second, {.driver = "block.example.com"}).variant, nullptr);
}

}  // namespace
}  // namespace walguard::core
