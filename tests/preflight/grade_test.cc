#include "preflight/report/grade.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preflight/report/report.h"

namespace walguard::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

View view_on(const std::string& fstype, const std::string& device = "8:1",
             const std::string& boot_id = "boot-1") {
  View view;
  view.path = "/data";
  view.fstype = fstype;
  view.device = device;
  view.boot_id = boot_id;
  return view;
}

Check check_of(const std::string& id, CheckResult result) {
  Check check;
  check.id = id;
  check.result = result;
  check.detail = "because";
  return check;
}

// Everything that any strategy needs, passed, between two processes on one local disk.
Report all_passed() {
  Report report;
  report.scope = Scope::kNode;
  report.views = {view_on("ext4"), view_on("ext4")};
  for (const Need& need : needs())
    report.checks.push_back(check_of(std::string(need.check), CheckResult::kPass));
  return report;
}

Check& find(Report& report, std::string_view id) { return *std::ranges::find(report.checks, id, &Check::id); }

GradeRequest asking_for(Strategy strategy) { return {.strategies = {strategy}, .node_scope_asked = false}; }

Verdict verdict_of(const Report& report, Strategy strategy) {
  return grade(report, asking_for(strategy)).verdict[strategy];
}

TEST(Grade, IsSafeWhereEveryNeededCheckPassed) {
  for (const Strategy strategy : kAllStrategies) {
    const Grade graded = grade(all_passed(), asking_for(strategy));
    EXPECT_EQ(graded.verdict[strategy], Verdict::kSafe) << to_string(strategy);
    EXPECT_THAT(graded.reasons, IsEmpty());
  }
}

TEST(Grade, FollowsTheTableForEveryCheckResultAndStrategy) {
  for (const Need& need : needs()) {
    for (const CheckResult result :
         {CheckResult::kPass, CheckResult::kFail, CheckResult::kUnsupported, CheckResult::kNotRun}) {
      Report report = all_passed();
      find(report, need.check).result = result;
      for (const Strategy strategy : kAllStrategies) {
        Verdict expected = Verdict::kSafe;
        if (is_needed_by(need, strategy) && result == CheckResult::kFail) expected = Verdict::kUnsafe;
        if (is_needed_by(need, strategy) && result == CheckResult::kNotRun) expected = Verdict::kUnproven;
        if (is_needed_by(need, strategy) && result == CheckResult::kUnsupported)
          expected = need.when_unsupported;
        EXPECT_EQ(verdict_of(report, strategy), expected)
            << need.check << " " << to_string(result) << " for " << to_string(strategy);
      }
    }
  }
}

TEST(Grade, SaysUnprovenWhereANeededCheckIsNotInTheReport) {
  for (const Need& need : needs()) {
    Report report = all_passed();
    std::erase_if(report.checks, [&](const Check& check) { return check.id == need.check; });
    for (const Strategy strategy : kAllStrategies) {
      const Verdict expected = is_needed_by(need, strategy) ? Verdict::kUnproven : Verdict::kSafe;
      EXPECT_EQ(verdict_of(report, strategy), expected) << need.check << " for " << to_string(strategy);
    }
  }
}

TEST(Grade, TakesARefusedSharedMappingAsUnsafeForWalAlone) {
  Report report = all_passed();
  find(report, "mmap-coherence").result = CheckResult::kUnsupported;
  EXPECT_EQ(verdict_of(report, Strategy::kWal), Verdict::kUnsafe);
  EXPECT_EQ(verdict_of(report, Strategy::kWalExclusive), Verdict::kSafe);
  EXPECT_EQ(verdict_of(report, Strategy::kRollback), Verdict::kSafe);
}

TEST(Grade, IsUnsafeForAFailedLockCheckThoughMemoryIsShared) {
  Report report = all_passed();
  find(report, "byte-range-locks").result = CheckResult::kFail;
  for (const Strategy strategy : kAllStrategies) EXPECT_EQ(verdict_of(report, strategy), Verdict::kUnsafe);
}

TEST(Grade, LeavesStrategiesNobodyAskedForUnproven) {
  const Grade graded = grade(all_passed(), asking_for(Strategy::kWal));
  EXPECT_EQ(graded.verdict[Strategy::kWalExclusive], Verdict::kUnproven);
  EXPECT_EQ(graded.verdict[Strategy::kRollback], Verdict::kUnproven);
}

TEST(Grade, NamesWhatMakesItUnsafeBeforeWhatLeavesItUnproven) {
  Report report = all_passed();
  find(report, "mmap-coherence").result = CheckResult::kNotRun;
  find(report, "mmap-coherence").detail = "the time budget ended";
  find(report, "wal-workload").result = CheckResult::kFail;
  find(report, "wal-workload").detail = "3 of 9 acknowledged commits are lost";
  EXPECT_THAT(grade(report, asking_for(Strategy::kWal)).reasons,
              ElementsAre("wal-workload: 3 of 9 acknowledged commits are lost",
                          "mmap-coherence: the time budget ended"));
}

TEST(Grade, SaysOnceWhatStoppedAllChecksAndStillNamesEveryMissingOne) {
  Report report = all_passed();
  for (Check& check : report.checks) {
    check.result = CheckResult::kNotRun;
    check.detail = "interrupted";
  }
  EXPECT_THAT(grade(report, asking_for(Strategy::kWal)).reasons, ElementsAre("identity: interrupted"));
  report.checks.clear();
  EXPECT_THAT(grade(report, asking_for(Strategy::kRollback)).reasons,
              ElementsAre("identity: not run", "byte-range-locks: not run", "write-visibility: not run",
                          "sync: not run", "rollback-workload: not run"));
}

TEST(Grade, ListsAReasonOnceThoughTwoStrategiesShareIt) {
  Report report = all_passed();
  find(report, "byte-range-locks").result = CheckResult::kFail;
  const GradeRequest all{.strategies = {kAllStrategies.begin(), kAllStrategies.end()},
                         .node_scope_asked = false};
  EXPECT_THAT(grade(report, all).reasons, ElementsAre("byte-range-locks: because"));
}

TEST(Grade, OneClientOfANetworkFilesystemProvesNothingAboutASecond) {
  for (const char* const fstype :
       {"nfs", "nfs4", "cifs", "ceph", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs"}) {
    Report report = all_passed();
    report.views = {view_on(fstype), view_on(fstype)};
    const Grade graded = grade(report, asking_for(Strategy::kWal));
    EXPECT_EQ(graded.verdict[Strategy::kWal], Verdict::kUnproven) << fstype;
    ASSERT_EQ(graded.reasons.size(), 1U);
    EXPECT_THAT(graded.reasons[0], HasSubstr("walguard-preflight run /data SECOND_MOUNT"));
    EXPECT_THAT(graded.reasons[0], HasSubstr("walguard-preflight run /data --listen "));
    EXPECT_THAT(graded.reasons[0], HasSubstr("walguard-preflight run /data --connect "));
  }
}

TEST(Grade, OneClientOfAFilesystemThatCouldNotBeIdentifiedProvesNothingAboutASecond) {
  Report report = all_passed();
  report.views = {view_on(""), view_on("")};
  const Grade graded = grade(report, asking_for(Strategy::kWal));
  EXPECT_EQ(graded.verdict[Strategy::kWal], Verdict::kUnproven);
  EXPECT_THAT(graded.reasons, ElementsAre(HasSubstr("could not be learned")));
  const Grade of_one_node = grade(report, {.strategies = {Strategy::kWal}, .node_scope_asked = true});
  EXPECT_EQ(of_one_node.verdict[Strategy::kWal], Verdict::kSafe);
}

TEST(Grade, OneClientOfANetworkFilesystemIsEnoughWhereOneNodeWasAskedFor) {
  Report report = all_passed();
  report.views = {view_on("nfs4"), view_on("nfs4")};
  const GradeRequest request{.strategies = {Strategy::kWal}, .node_scope_asked = true};
  EXPECT_EQ(grade(report, request).verdict[Strategy::kWal], Verdict::kSafe);
}

TEST(Grade, TwoSuperblocksOfANetworkFilesystemAreTwoClients) {
  Report report = all_passed();
  report.views = {view_on("nfs4", "0:50"), view_on("nfs4", "0:51")};
  EXPECT_EQ(verdict_of(report, Strategy::kWal), Verdict::kSafe);
}

TEST(Grade, AViewThatCouldNotBeIdentifiedIsNoSecondClient) {
  Report report = all_passed();
  report.views = {view_on("nfs4", "0:50"), view_on("nfs4", "")};
  EXPECT_EQ(verdict_of(report, Strategy::kWal), Verdict::kUnproven);
}

TEST(Grade, AFailureOnANetworkFilesystemIsUnsafeHoweverManyClients) {
  Report report = all_passed();
  report.views = {view_on("nfs4"), view_on("nfs4")};
  find(report, "wal-workload").result = CheckResult::kFail;
  EXPECT_EQ(verdict_of(report, Strategy::kWal), Verdict::kUnsafe);
}

TEST(NetworkFilesystem, LocalFuseIsWhatWasMeasured) {
  EXPECT_FALSE(is_network_filesystem(view_on("fuse")));
  EXPECT_FALSE(is_network_filesystem(view_on("fuseblk")));
  EXPECT_FALSE(is_network_filesystem(view_on("overlay")));
}

TEST(NetworkFilesystem, NinePInsideGvisorIsTheSandboxAndNoNetwork) {
  View view = view_on("9p");
  view.sandbox = "gvisor";
  EXPECT_FALSE(is_network_filesystem(view));
}

View view_of(const std::string& node, const std::string& boot_id) {
  View view = view_on("nfs4", "0:50", boot_id);
  view.node = node;
  return view;
}

TEST(MeasuredScope, FollowsNodeNamesAndBootIdsTogether) {
  struct Case {
    const char* what;
    std::vector<View> views;
    Scope plain;
    Scope trusting_names;
  };
  const std::vector<Case> cases = {
      {"one kernel, nobody named", {view_of("", "k1"), view_of("", "k1")}, Scope::kNode, Scope::kNode},
      {"two kernels, nobody named", {view_of("", "k1"), view_of("", "k2")}, Scope::kCluster, Scope::kCluster},
      {"two kernels, one named", {view_of("n1", "k1"), view_of("", "k2")}, Scope::kCluster, Scope::kCluster},
      {"two kernels, two names",
       {view_of("n1", "k1"), view_of("n2", "k2")},
       Scope::kCluster,
       Scope::kCluster},
      {"two kernels on one node", {view_of("n1", "k1"), view_of("n1", "k2")}, Scope::kNode, Scope::kNode},
      {"one kernel, two names", {view_of("n1", "k1"), view_of("n2", "k1")}, Scope::kNode, Scope::kCluster},
      {"one kernel, one name", {view_of("n1", "k1"), view_of("n1", "k1")}, Scope::kNode, Scope::kNode},
      {"one kernel, one named", {view_of("n1", "k1"), view_of("", "k1")}, Scope::kNode, Scope::kNode},
      {"a kernel unknown", {view_of("n1", "k1"), view_of("n2", "")}, Scope::kNode, Scope::kCluster},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(measured_scope(each.views, false), each.plain) << each.what;
    EXPECT_EQ(measured_scope(each.views, true), each.trusting_names) << each.what;
  }
}

TEST(MeasuredScope, IsTheNodeForTwoSuperblocksOnOneKernel) {
  EXPECT_EQ(measured_scope({view_on("nfs4", "0:50"), view_on("nfs4", "0:51")}, false), Scope::kNode);
}

TEST(MeasuredScope, IsTheContainerInsideASandboxOrWithoutASecondView) {
  View sandboxed = view_of("n1", "k1");
  sandboxed.sandbox = "gvisor";
  View other = view_of("n2", "k2");
  EXPECT_EQ(measured_scope({sandboxed, other}, true), Scope::kContainer);
  EXPECT_EQ(measured_scope({view_on("ext4")}, true), Scope::kContainer);
  EXPECT_EQ(measured_scope({}, true), Scope::kContainer);
}

TEST(Grade, AFailureBetweenTwoNamesOnOneKernelIsUnsafeThoughAPassWouldNotReachTheCluster) {
  Report report = all_passed();
  report.views = {view_of("n1", "k1"), view_of("n2", "k1")};
  report.scope = measured_scope(report.views, false);
  find(report, "mmap-coherence").result = CheckResult::kFail;
  EXPECT_EQ(report.scope, Scope::kNode);
  EXPECT_EQ(verdict_of(report, Strategy::kWal), Verdict::kUnsafe);
}

}  // namespace
}  // namespace walguard::report
