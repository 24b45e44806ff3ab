// What a preflight saw, against what a driver's name says.
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/decide.h"
#include "operator/core/evidence.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

EvidenceBook seen_on(const EvidenceKey& key, std::string filesystem) {
  return book(but(passed(key, Scope::kNode), [&](auto& e) { e.filesystem = std::move(filesystem); }));
}

std::optional<Transport> learned(VolumeFacts facts, const EvidenceBook& evidence) {
  const Catalog known = catalog();
  learn_from_identity(facts, evidence, known);
  return facts.transport;
}

TEST(LearnFromIdentity, ANetworkFilesystemThatWasSeenIsOneWhateverTheDriverIsCalled) {
  const auto path = but(local_volume(), [](auto& f) { f.proven_only_by_preflight = true; });
  for (const VolumeFacts& facts : {path, block_volume(), unknown_volume()}) {
    EXPECT_EQ(learned(facts, seen_on(facts.key, "nfs4")), Transport::kNetworkFilesystem) << facts.driver;
    EXPECT_EQ(learned(facts, seen_on(facts.key, "ext4")), facts.transport) << facts.driver;
    EXPECT_EQ(learned(facts, seen_on(facts.key, "strangefs")), facts.transport) << facts.driver;
    EXPECT_EQ(learned(facts, book()), facts.transport) << facts.driver;
  }
}

TEST(LearnFromIdentity, APassOnItIsThenNoLongerEnough) {
  VolumeFacts path = but(local_volume(), [](auto& f) { f.proven_only_by_preflight = true; });
  const EvidenceBook evidence = seen_on(path.key, "nfs4");
  const Catalog known = catalog();
  learn_from_identity(path, evidence, known);
  const Judgement judgement = decide_now(path, evidence);
  EXPECT_EQ(judgement.verdict, Verdict::kUnsafe);
  EXPECT_TRUE(says(judgement, "network-filesystem"));
}

TEST(LearnFromIdentity, WhatWasMeasuredOnTheVolumeItselfCountsToo) {
  EvidenceKey own;
  own.volume = "pv-1";
  const auto facts = but(block_volume(), [&](auto& f) { f.own_key = own; });
  EXPECT_EQ(learned(facts, seen_on(own, "nfs4")), Transport::kNetworkFilesystem);
}

TEST(LearnFromIdentity, ASandboxSeesAFilesystemOfItsOwn) {
  const auto sandboxed = but(block_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kPerSandbox; });
  EXPECT_EQ(learned(sandboxed, seen_on(sandboxed.key, "nfs4")), Transport::kNetworkBlock);
  const auto nobodys = but(unknown_volume(), [](auto& f) { f.kernel_domain = KernelDomain::kPerSandbox; });
  EXPECT_EQ(learned(nobodys, seen_on(nobodys.key, "nfs4")), Transport::kNetworkFilesystem);
}

}  // namespace
}  // namespace walguard::core
