#include "operator/controller/leader_election.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/kube/client.h"
#include "operator/wire/lease.h"
#include "tests/controller/upkeep/object_api.h"
#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ObjectApi;
using walguard::testing::eventually;

const SteadyTime kNow = SteadyTime() + seconds(1000);
const LeaderElectionOptions kOptions{.namespace_name = "walguard-system", .identity = "me"};

wire::LeaseRecord held_by(const std::string& holder) {
  return {.holder = holder, .duration = seconds(15), .resource_version = "7"};
}

LeaseStep step(const LeaseView& view) { return next_lease_step(view, kOptions, kNow); }

TEST(LeaseStep, ALeaseThatDoesNotExistIsCreated) { EXPECT_EQ(step({}), LeaseStep::kCreate); }

TEST(LeaseStep, AnothersLeaseIsLeftAloneUntilItWasSeenUnchangedForItsDuration) {
  EXPECT_EQ(step({.record = held_by("other"), .seen_at = kNow - milliseconds(14'999)}), LeaseStep::kWait);
  EXPECT_EQ(step({.record = held_by("other"), .seen_at = kNow - seconds(15)}), LeaseStep::kAcquire);
}

TEST(LeaseStep, TheDurationThatCountsIsTheHoldersOwn) {
  wire::LeaseRecord longer = held_by("other");
  longer.duration = seconds(60);
  EXPECT_EQ(step({.record = longer, .seen_at = kNow - seconds(59)}), LeaseStep::kWait);
  wire::LeaseRecord unsaid = held_by("other");
  unsaid.duration = seconds(0);
  EXPECT_EQ(step({.record = unsaid, .seen_at = kNow - seconds(14)}), LeaseStep::kWait);
}

TEST(LeaseStep, ALeaseGivenBackIsFree) {
  EXPECT_EQ(step({.record = held_by(""), .seen_at = kNow}), LeaseStep::kAcquire);
}

TEST(LeaseStep, AReplicaThatStartsAgainTakesItsOwnLeaseAtOnce) {
  EXPECT_EQ(step({.record = held_by("me"), .seen_at = kNow}), LeaseStep::kAcquire);
}

TEST(LeaseStep, TheLeaderRenewsUntilTheDeadlineAfterItsLastGoodRenewal) {
  const auto led_for = [](milliseconds age) {
    return step({.record = held_by("me"), .seen_at = kNow - age, .renewed_at = kNow - age});
  };
  EXPECT_EQ(led_for(milliseconds(9'999)), LeaseStep::kRenew);
  EXPECT_EQ(led_for(seconds(10)), LeaseStep::kLost);
}

TEST(LeaseStep, ALeaderWhoseLeaseAnotherHoldsOrSomebodyDeletedHasLostIt) {
  EXPECT_EQ(step({.record = held_by("other"), .seen_at = kNow, .renewed_at = kNow}), LeaseStep::kLost);
  EXPECT_EQ(step({.record = std::nullopt, .seen_at = kNow, .renewed_at = kNow}), LeaseStep::kLost);
}

TEST(LeaseClient, ItGivesUpInTimeToTryAgainBeforeTheDeadline) {
  const kube::ClientOptions client = lease_client_options(kOptions);
  EXPECT_LE(client.request_deadline * 2, kOptions.renew_deadline);
  EXPECT_EQ(client.retry.attempts, 1);
}

const char* const kLease = "/apis/coordination.k8s.io/v1/namespaces/walguard-system/leases/walguard-leader";

/// How long a term lasts without a renewal. A busy machine must not end one that no test wants ended.
enum class Terms { kLong, kShort };

/// One replica that takes part.
class Replica {
 public:
  Replica(ObjectApi& api, const std::string& identity, std::atomic<int>& at_work,
          Terms terms = Terms::kLong) {
    const bool is_long = terms == Terms::kLong;
    const LeaderElectionOptions options{.namespace_name = "walguard-system",
                                        .identity = identity,
                                        .lease_duration = is_long ? seconds(60) : seconds(3),
                                        .renew_deadline = is_long ? seconds(40) : seconds(1),
                                        .retry_period = milliseconds(30)};
    client_ = api.client(lease_client_options(options));
    LeaderElectionParts parts;
    parts.work = [this, &at_work](const std::stop_token& stop) {
      most_at_work_ = std::max(most_at_work_.load(), ++at_work);
      ++terms_;
      (void)kube::sleeping_waiter()(milliseconds(60'000), stop);
      --at_work;
    };
    election_ = std::make_unique<LeaderElection>(*client_, options, std::move(parts));
    thread_ = std::jthread([this](const std::stop_token& stop) { election_->run(stop); });
  }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] bool is_leading() const { return election_->is_leading(); }
  [[nodiscard]] int terms() const { return terms_; }
  [[nodiscard]] int most_at_work() const { return most_at_work_; }

 private:
  std::atomic<int> terms_{0};
  std::atomic<int> most_at_work_{0};
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<LeaderElection> election_;
  std::jthread thread_;
};

TEST(LeaderElection, OneOfThreeLeadsAndAnotherFollowsAtOnceWhenItStops) {
  ObjectApi api;
  std::atomic<int> at_work{0};
  Replica first(api, "first", at_work);
  ASSERT_TRUE(eventually([&] { return first.is_leading() && at_work == 1; }));
  Replica second(api, "second", at_work);
  Replica third(api, "third", at_work);
  EXPECT_EQ(api.at(kLease)["spec"]["holderIdentity"], "first");

  first.stop();
  EXPECT_EQ(first.most_at_work(), 1);
  ASSERT_TRUE(eventually([&] { return second.is_leading() || third.is_leading(); }));
  EXPECT_TRUE(eventually([&] { return at_work == 1; }));
  EXPECT_EQ(api.at(kLease)["spec"]["leaseTransitions"], 1);
  second.stop();
  third.stop();
  EXPECT_EQ(at_work, 0);
  EXPECT_EQ(std::max(second.most_at_work(), third.most_at_work()), 1);
  EXPECT_EQ(api.at(kLease)["spec"]["holderIdentity"], "");
}

TEST(LeaderElection, WorkHasEndedBeforeAnotherMayTakeOver) {
  ObjectApi api;
  std::atomic<int> at_work{0};
  Replica first(api, "first", at_work, Terms::kShort);
  ASSERT_TRUE(eventually([&] { return at_work == 1; }));
  // From now on the first one's renewals are refused, and the second one sees a lease that no one renews.
  api.interfere([](const kube::testing::FakeRequest& request) -> std::optional<kube::testing::FakeAnswer> {
    const bool renewal = request.method == "PATCH" && request.body.find("\"first\"") != std::string::npos;
    if (!renewal) return std::nullopt;
    return ObjectApi::status(500, "InternalError");
  });
  Replica second(api, "second", at_work, Terms::kShort);
  ASSERT_TRUE(eventually([&] { return second.terms() == 1; }));
  EXPECT_FALSE(first.is_leading());
  EXPECT_EQ(second.most_at_work(), 1);
}

TEST(LeaderElection, AnApiServerThatDoesNotAnswerEndsTheTermAtItsDeadline) {
  ObjectApi api;
  std::atomic<int> at_work{0};
  Replica only(api, "only", at_work, Terms::kShort);
  ASSERT_TRUE(eventually([&] { return at_work == 1; }));
  api.interfere([](const kube::testing::FakeRequest&) {
    return kube::testing::FakeAnswer{.live = std::make_shared<kube::testing::LiveBody>()};
  });
  EXPECT_TRUE(eventually([&] { return at_work == 0; }));
  api.interfere(nullptr);
  EXPECT_TRUE(eventually([&] { return at_work == 1; }));
}

TEST(LeaderElection, ALeaseThatAnotherHasTakenEndsTheWork) {
  ObjectApi api;
  std::atomic<int> at_work{0};
  Replica only(api, "only", at_work);
  ASSERT_TRUE(eventually([&] { return at_work == 1; }));
  nlohmann::json taken = api.at(kLease);
  taken["spec"]["holderIdentity"] = "usurper";
  taken["spec"]["leaseDurationSeconds"] = 3600;
  api.put(kLease, taken);
  EXPECT_TRUE(eventually([&] { return at_work == 0; }));
  EXPECT_EQ(only.terms(), 1);
  only.stop();
  EXPECT_EQ(api.at(kLease)["spec"]["holderIdentity"], "usurper");
}

TEST(Lease, WhatIsWrittenIsReadAgain) {
  const wire::LeaseRecord record{.holder = "me",
                                 .duration = seconds(15),
                                 .acquired = "2026-01-31T23:59:59.000001Z",
                                 .renewed = "2026-01-31T23:59:59.500000Z",
                                 .transitions = 3,
                                 .resource_version = ""};
  EXPECT_EQ(wire::read_lease(wire::lease_object("walguard-system", "walguard-leader", record)), record);
  EXPECT_FALSE(wire::read_lease("[]"));
}

}  // namespace
}  // namespace walguard::controller
