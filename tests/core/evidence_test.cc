// What a measurement speaks of: its own storage, its own scope, and for as long as it is fresh.
#include "operator/core/evidence.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "operator/core/verdict.h"
#include "tests/core/builders.h"

namespace walguard::core {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the words of the tests

using Age = EvidenceAnswer::Age;

EvidenceKey fast() {
  EvidenceKey key;
  key.storage_class = "fast";
  key.driver = "block.example.com";
  return key;
}

EvidenceAnswer ask(const EvidenceBook& evidence, std::optional<Scope> scope, const EvidenceKey& key = fast(),
                   Strategy strategy = Strategy::kWal) {
  return evidence.ask(key, strategy, scope, kNow, 30 * kDay, 7 * kDay);
}

TEST(EvidenceBook, SaysNothingWhenItIsEmpty) {
  const EvidenceAnswer answer = ask(book(), Scope::kNode);
  EXPECT_EQ(answer.verdict, Verdict::kUnproven);
  EXPECT_EQ(answer.evidence, nullptr);
  EXPECT_EQ(answer.age, Age::kFresh);
  EXPECT_EQ(book().latest(fast()), nullptr);
}

TEST(EvidenceBook, APassSpeaksForItsScopeAndNarrowerAFailureForItsScopeAndWider) {
  constexpr Scope kScopes[] = {Scope::kContainer, Scope::kPod, Scope::kNode, Scope::kCluster};
  for (const Scope measured_as_far : kScopes) {
    for (const Scope asked : kScopes) {
      const auto pass = ask(book(passed(fast(), measured_as_far)), asked).verdict;
      EXPECT_EQ(pass, measured_as_far >= asked ? Verdict::kSafe : Verdict::kUnproven)
          << measured_as_far << " passed, asked " << asked;
      const auto failure = ask(book(failed(fast(), measured_as_far)), asked).verdict;
      EXPECT_EQ(failure, measured_as_far <= asked ? Verdict::kUnsafe : Verdict::kUnproven)
          << measured_as_far << " failed, asked " << asked;
    }
  }
}

TEST(EvidenceBook, AnUnknownScopeIsTheWidest) {
  EXPECT_EQ(ask(book(passed(fast(), Scope::kNode)), std::nullopt).verdict, Verdict::kUnproven);
  EXPECT_EQ(ask(book(passed(fast(), Scope::kCluster)), std::nullopt).verdict, Verdict::kSafe);
  EXPECT_EQ(ask(book(failed(fast(), Scope::kPod)), std::nullopt).verdict, Verdict::kUnsafe);
}

TEST(EvidenceBook, TheNewestThatSpeaksOfTheQuestionDecides) {
  const Evidence old_failure = failed(fast(), Scope::kNode, 9 * kDay);
  const Evidence new_pass = passed(fast(), Scope::kNode, 1 * kDay);
  EXPECT_EQ(ask(book(old_failure, new_pass), Scope::kNode).verdict, Verdict::kSafe) << "it was mended";
  EXPECT_EQ(ask(book(new_pass, old_failure), Scope::kNode).verdict, Verdict::kSafe)
      << "in whatever order they came";

  const Evidence old_pass = passed(fast(), Scope::kNode, 9 * kDay);
  const Evidence new_failure = failed(fast(), Scope::kNode, 1 * kDay);
  EXPECT_EQ(ask(book(old_pass, new_failure), Scope::kNode).verdict, Verdict::kUnsafe) << "it broke";

  const Evidence narrow_pass = passed(fast(), Scope::kContainer, 1 * kDay);
  EXPECT_EQ(ask(book(old_failure, narrow_pass), Scope::kNode).verdict, Verdict::kUnsafe)
      << "a pass of one container says nothing of two on the node";
  const Evidence wide_failure = failed(fast(), Scope::kCluster, 1 * kDay);
  EXPECT_EQ(ask(book(old_pass, wide_failure), Scope::kNode).verdict, Verdict::kSafe)
      << "a failure between nodes says nothing of one node";
}

TEST(EvidenceBook, AFailureOnSomeNodesIsNotOutvotedByAPassOnOthers) {
  const auto on = [](const char* placement, Evidence evidence) {
    evidence.placement = placement;
    return evidence;
  };
  const Evidence old_failure = on("pool-a", failed(fast(), Scope::kNode, 9 * kDay));
  const Evidence pass_elsewhere = on("pool-b", passed(fast(), Scope::kNode, 1 * kDay));
  EXPECT_EQ(ask(book(old_failure, pass_elsewhere), Scope::kNode).verdict, Verdict::kUnsafe);
  const Evidence pass_there = on("pool-a", passed(fast(), Scope::kNode, 2 * kDay));
  EXPECT_EQ(ask(book(old_failure, pass_elsewhere, pass_there), Scope::kNode).verdict, Verdict::kSafe)
      << "it was mended there";
  const Evidence aged_pass = on("pool-a", passed(fast(), Scope::kNode, 1000 * kDay));
  EXPECT_EQ(ask(book(aged_pass, pass_elsewhere), Scope::kNode).verdict, Verdict::kSafe)
      << "a pass that ran out takes nothing away";
}

TEST(EvidenceBook, NamesTheNewestOfEachPlacement) {
  Evidence elsewhere = passed(fast(), Scope::kNode, 2 * kDay);
  elsewhere.placement = "pool-b";
  const EvidenceBook evidence =
      book(failed(fast(), Scope::kNode, 9 * kDay), passed(fast(), Scope::kNode, 1 * kDay), elsewhere);
  const auto latest = evidence.latest_everywhere(fast());
  ASSERT_EQ(latest.size(), 2U);
  EXPECT_EQ(latest[0]->measured_at, kNow - 1 * kDay);
  EXPECT_EQ(latest[1]->placement, "pool-b");
}

TEST(EvidenceBook, ARunWithoutAVerdictTakesNothingAway) {
  const Evidence inconclusive = measured(fast(), Verdict::kUnproven, Scope::kCluster, kDay);
  EXPECT_EQ(ask(book(passed(fast(), Scope::kNode, 9 * kDay), inconclusive), Scope::kNode).verdict,
            Verdict::kSafe);
  EXPECT_EQ(ask(book(failed(fast(), Scope::kNode, 9 * kDay), inconclusive), Scope::kNode).verdict,
            Verdict::kUnsafe);
  EXPECT_EQ(ask(book(inconclusive), Scope::kNode).evidence, nullptr);
}

TEST(EvidenceBook, APassAgesAndAFailureDoesNot) {
  const auto after = [](UtcSeconds age) {
    return ask(book(passed(fast(), Scope::kNode, age)), Scope::kNode);
  };
  EXPECT_EQ(after(30 * kDay).age, Age::kFresh);
  EXPECT_EQ(after(30 * kDay).verdict, Verdict::kSafe);
  EXPECT_EQ(after(30 * kDay + 1).age, Age::kInGrace);
  EXPECT_EQ(after(30 * kDay + 1).verdict, Verdict::kSafe);
  EXPECT_EQ(after(37 * kDay).age, Age::kInGrace);
  EXPECT_EQ(after(37 * kDay + 1).age, Age::kStale);
  EXPECT_EQ(after(37 * kDay + 1).verdict, Verdict::kUnproven);
  EXPECT_NE(after(37 * kDay + 1).evidence, nullptr) << "named, so that people see what ran out";
  EXPECT_EQ(ask(book(failed(fast(), Scope::kNode, 1000 * kDay)), Scope::kNode).verdict, Verdict::kUnsafe);
}

TEST(EvidenceBook, AnotherKeyIsAnotherStorage) {
  const std::vector<std::pair<std::string, std::function<void(EvidenceKey&)>>> differences = {
      {"class", [](auto& k) { k.storage_class = "slow"; }},
      {"volume", [](auto& k) { k.volume = "pv-1"; }},
      {"driver", [](auto& k) { k.driver = "other.example.com"; }},
      {"parameter", [](auto& k) { k.parameters = "d2"; }},
      {"access mode", [](auto& k) { k.access_mode = AccessMode::kReadWriteMany; }},
      {"mount option", [](auto& k) { k.mount_options = {"noatime"}; }},
      {"filesystem", [](auto& k) { k.fs_type = "xfs"; }},
      {"runtime", [](auto& k) { k.runtime_handler = "kata"; }}};
  const auto evidence = book(passed(fast(), Scope::kCluster));
  for (const auto& [field, change] : differences) {
    EXPECT_EQ(ask(evidence, Scope::kContainer, but(fast(), change)).evidence, nullptr) << field;
    EXPECT_EQ(evidence.latest(but(fast(), change)), nullptr) << field;
  }
}

TEST(EvidenceBook, AKeyThatNamesNeitherClassNorVolumeIsNoStorageAtAll) {
  // Two NFS volumes written into pods have such a key both; what one server was measured to do, the other is
  // not.
  EvidenceKey any_nfs;
  any_nfs.driver = "nfs";
  EXPECT_EQ(ask(book(passed(any_nfs, Scope::kCluster)), Scope::kContainer, any_nfs).evidence, nullptr);
  EXPECT_EQ(ask(book(failed(EvidenceKey{}, Scope::kContainer)), Scope::kCluster, EvidenceKey{}).evidence,
            nullptr);
}

TEST(EvidenceBook, EachStrategyIsAskedForItself) {
  Evidence report = passed(fast(), Scope::kNode);
  report.verdicts[Strategy::kRollback] = Verdict::kUnsafe;
  EXPECT_EQ(ask(book(report), Scope::kNode, fast(), Strategy::kWal).verdict, Verdict::kSafe);
  EXPECT_EQ(ask(book(report), Scope::kNode, fast(), Strategy::kRollback).verdict, Verdict::kUnsafe);
}

TEST(EvidenceBook, LatestIsTheNewestOfTheKeyWhateverItSays) {
  const auto evidence =
      book(passed(fast(), Scope::kNode, 9 * kDay), measured(fast(), Verdict::kUnproven, Scope::kPod),
           failed(fast(), Scope::kNode, 5 * kDay));
  ASSERT_NE(evidence.latest(fast()), nullptr);
  EXPECT_EQ(evidence.latest(fast())->measured_at, kNow - kDay);
  EXPECT_EQ(evidence.all().size(), 3U);
  EXPECT_EQ(evidence.all().front().measured_at, kNow - kDay) << "newest first";
}

TEST(EvidenceKeyText, NamesTheStorageOnOneLine) {
  EXPECT_EQ(fast().text(), "class=fast driver=block.example.com");
  EXPECT_EQ(EvidenceKey{}.text(), "");
  const auto sandboxed = but(fast(), [](auto& k) { k.runtime_handler = "runsc", k.fs_type = "xfs"; });
  EXPECT_EQ(sandboxed.text(), "class=fast driver=block.example.com fsType=xfs runtime=runsc");
}

TEST(EvidenceKeyText, KeepsParametersAndMountOptionsToItself) {
  // SMB classes carry "password=..." there, and this text reaches every author of a pod.
  const auto key = but(fast(), [](auto& k) {
    k.parameters = "restuserkey=hunter2";
    k.mount_options = {"username=joe,password=hunter2"};
  });
  EXPECT_EQ(key.text().find("hunter2"), std::string::npos) << key.text();
}

}  // namespace
}  // namespace walguard::core
