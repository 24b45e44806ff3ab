// A fact that nobody has checked may warn and may call a volume unsafe. It never leads to `safe`, whatever
// else speaks for the volume: every entry of the data is walked over.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/decide.h"
#include "operator/core/storage.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"
#include "tests/knowledge/embedded.h"

namespace walguard::knowledge {
namespace {

using namespace core::testing;  // NOLINT(google-build-using-namespace): the words of the tests
using core::AccessMode;
using core::DriverVariant;
using core::Verdict;
using Field = DriverVariant::Condition::Field;

/// The class and the volume of a claim.
struct Storage {
  core::StorageClass storage_class;
  core::PersistentVolume volume;
};

/// A value of each parameter that the driver is asked about, but none of those that the data name.
void ask_for_something_else(const core::Driver& driver, core::StringMap& parameters) {
  for (const DriverVariant& variant : driver.variants) {
    for (const auto& condition : variant.when) {
      if (condition.field == Field::kParameter) parameters[condition.key] = "something-else";
    }
  }
}

/// What a variant asks for: each of its conditions holds in the simplest way. One that closes the list is for
/// what no other names.
Storage storage_of(const core::Driver& driver, const DriverVariant& variant) {
  const std::string& name = driver.names.front();
  Storage storage{core::testing::storage_class("fast", name), persistent_volume(name, kRwo)};
  if (variant.when.empty()) ask_for_something_else(driver, storage.storage_class.parameters);
  for (const auto& condition : variant.when) {
    if (condition.values.empty()) continue;  // only where it is absent, as it is
    const std::string& value = condition.values.front();
    switch (condition.field) {
      case Field::kParameter:
        storage.storage_class.parameters[condition.key] = value;
        break;
      case Field::kAccessMode:
        storage.volume.access_modes = {named<AccessMode>(value)};
        break;
      case Field::kVolumeHandlePrefix:
        storage.volume.volume_handle = value + "1";
        break;
      case Field::kFsType:
        storage.volume.fs_type = value;
        break;
    }
  }
  if (name == "hostPath") storage.volume.kind = core::VolumeKind::kHostPath;
  return storage;
}

/// All that can speak for a volume does: one container, one kernel, one node, an attaching driver.
core::VolumeFacts best_facts(const Storage& storage) {
  const auto cluster = cluster_of(storage.storage_class, storage.volume,
                                  claim(storage.volume.access_modes, "fast", storage.volume.name),
                                  attaching(storage.volume.driver));
  core::VolumeFacts facts = block_volume();
  facts.scope = core::Scope::kContainer;
  facts.pinned_to_node = true;
  describe_storage(facts, view_storage("shop", claim_volume(), cluster, embedded_catalog()));
  return facts;
}

/// Calls `use` with every variant of the data and the facts of a volume of it.
template <typename Use>
void each_variant(Use use) {
  for (const core::Driver& driver : embedded_catalog().drivers()) {
    for (const DriverVariant& variant : driver.variants) {
      const Storage storage = storage_of(driver, variant);
      SCOPED_TRACE(driver.names.front() + ": " + variant.source);
      use(variant, best_facts(storage));
    }
  }
}

TEST(EveryVariant, IsTheAnswerWhereItsOwnConditionsHold) {
  each_variant([](const DriverVariant& variant, const core::VolumeFacts& facts) {
    EXPECT_EQ(facts.source, variant.source);
    EXPECT_EQ(facts.transport_verified, variant.verified);
  });
}

TEST(EveryVariant, ThatIsNotVerifiedNeverLeadsToSafe) {
  int unverified = 0;
  each_variant([&](const DriverVariant& variant, const core::VolumeFacts& facts) {
    if (variant.verified) return;
    ++unverified;
    const core::Judgement judgement = decide_now(facts);
    for (const core::Strategy strategy : core::kStrategies) {
      EXPECT_NE(judgement.verdicts[strategy], Verdict::kSafe) << core::name(strategy);
    }
  });
  EXPECT_GT(unverified, 40);
}

// The counterpart, without which the test above could pass for any reason.
TEST(EveryVariant, OfALocalDiskThatIsVerifiedIsSafeThere) {
  int disks = 0;
  each_variant([&](const DriverVariant& variant, const core::VolumeFacts& facts) {
    if (!variant.verified || variant.transport != core::Transport::kLocalDisk) return;
    ++disks;
    EXPECT_EQ(decide_now(facts).verdict, Verdict::kSafe);
  });
  EXPECT_GT(disks, 3);
}

TEST(EveryFilesystem, ThatIsNotVerifiedNeverLeadsToSafe) {
  int unverified = 0;
  for (const core::Filesystem& filesystem : embedded_catalog().filesystems()) {
    if (filesystem.verified) continue;
    ++unverified;
    auto facts = but(local_volume(), [&](auto& f) {
      f.scope = core::Scope::kContainer;
      f.transport = filesystem.transport;
      f.transport_verified = filesystem.verified;
    });
    EXPECT_NE(decide_now(facts).verdict, Verdict::kSafe) << filesystem.names.front();
  }
  EXPECT_GT(unverified, 20);
}

// A mount option can only take away, and of an app nothing is milder than what is assumed of any database:
// WAL, shared.
TEST(EveryApp, ThatIsNotVerifiedSaysNothingThatMakesAVerdictMilder) {
  int unverified = 0;
  for (const core::App& app : embedded_catalog().apps()) {
    if (app.verified) continue;
    ++unverified;
    SCOPED_TRACE(app.name);
    EXPECT_EQ(app.journal.value_or(core::Strategy::kWal), core::Strategy::kWal);
    EXPECT_LT(app.synchronous.value_or(core::Synchronous::kNormal), core::Synchronous::kFull);
    EXPECT_NE(app.role, core::App::Role::kCopyPerReplica);
    for (const core::AppOverride& change : app.overrides) {
      EXPECT_EQ(change.journal.value_or(core::Strategy::kWal), core::Strategy::kWal);
      EXPECT_LT(change.synchronous.value_or(core::Synchronous::kNormal), core::Synchronous::kFull);
    }
  }
  EXPECT_GT(unverified, 15);
}

TEST(EveryFact, ThatSaysMemoryIsNotVerifiedUnlessTheRestOfItHasASource) {
  for (const core::Driver& driver : embedded_catalog().drivers()) {
    for (const DriverVariant& variant : driver.variants) {
      EXPECT_FALSE(variant.verified && variant.source.starts_with("memory")) << driver.names.front();
    }
  }
  for (const core::Filesystem& filesystem : embedded_catalog().filesystems()) {
    EXPECT_FALSE(filesystem.verified && filesystem.source.find("memory") != std::string::npos)
        << filesystem.names.front();
  }
  for (const core::App& app : embedded_catalog().apps()) {
    EXPECT_FALSE(app.verified && app.source.find("memory") != std::string::npos) << app.name;
  }
}

}  // namespace
}  // namespace walguard::knowledge
