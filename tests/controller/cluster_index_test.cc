// The whole way from a server's list and watch to the state that admission reads.
#include "operator/controller/cluster_index.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/controller/log.h"
#include "operator/core/cluster_objects.h"
#include "operator/core/workload.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"
#include "tests/kube/api/fake_cluster.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using kube::testing::event;
using kube::testing::FakeCluster;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using walguard::testing::eventually;

std::string pod(const std::string& name, const std::string& claim) {
  return R"({"metadata": {"name": ")" + name +
         R"(", "namespace": "shop", "resourceVersion": "7"}, "spec": {)" +
         R"("containers": [], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": ")" + claim +
         R"("}}]}, "status": {"phase": "Running"}})";
}

class ClusterIndexTest : public ::testing::Test {
 protected:
  ClusterIndex& index() {
    if (index_) return *index_;
    kube::ClusterConfig config;
    config.server = cluster_.url();
    auto credentials = kube::make_credential_source(config, [] { return std::chrono::sys_seconds(); });
    transport_ = std::make_unique<kube::CurlTransport>(config, std::move(credentials));
    client_ = std::make_unique<kube::Client>(*transport_);
    options_.check_every = milliseconds(5);
    options_.reflector.policy.backoff = {milliseconds(5), milliseconds(20)};
    options_.log = [this](LogLevel, const std::string& line) {
      const std::lock_guard lock(log_mutex_);
      log_ += line + "\n";
    };
    index_ = std::make_unique<ClusterIndex>(*client_, options_);
    return *index_;
  }

  [[nodiscard]] bool is_complete() { return what_is_missing(index().status()).empty(); }
  void start() {
    index().start();
    ASSERT_TRUE(eventually([&] { return is_complete(); })) << what_is_missing(index().status());
  }
  [[nodiscard]] bool holds(const std::string& name) { return index().read()->pod("shop", name) != nullptr; }
  [[nodiscard]] std::string logged() {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }
  [[nodiscard]] IndexedResource status_of(const std::string& name) {
    const auto all = index().status();
    const auto it = std::ranges::find(all, name, &IndexedResource::name);
    return it == all.end() ? IndexedResource{} : *it;
  }

  FakeCluster cluster_;
  std::mutex log_mutex_;
  std::string log_;
  ClusterIndexOptions options_;
  std::unique_ptr<kube::CurlTransport> transport_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<ClusterIndex> index_;
};

TEST_F(ClusterIndexTest, HoldsWhatTheListsSayAndFollowsTheWatches) {
  cluster_.set_list("pods", pod("a", "c"));
  start();
  EXPECT_TRUE(holds("a"));
  EXPECT_TRUE(index().read()->storage_is_current());

  const auto watch = cluster_.watch_of("pods");
  watch->write(event("ADDED", pod("b", "c")));
  EXPECT_TRUE(eventually([&] { return holds("b"); }));
  watch->write(event("MODIFIED", pod("b", "d")));
  EXPECT_TRUE(eventually([&] { return index().read()->pods_of_claim("shop", "d").size() == 1; }));
  EXPECT_EQ(index().read()->pods_of_claim("shop", "c").size(), 1U);
  watch->write(event("DELETED", pod("b", "d")));
  EXPECT_TRUE(eventually([&] { return !holds("b"); }));
  EXPECT_EQ(status_of("pods").objects, 1U);
}

TEST_F(ClusterIndexTest, EveryKindIsWatchedAtItsOwnAddress) {
  start();
  for (const IndexedResource& resource : index().status()) {
    EXPECT_NE(cluster_.watch_of(resource.name), nullptr) << resource.name;
    EXPECT_TRUE(resource.current) << resource.name;
  }
  cluster_.watch_of("horizontalpodautoscalers")
      ->write(event("ADDED", R"({"metadata": {"name": "h", "namespace": "shop", "resourceVersion": "9"},
          "spec": {"maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}})"));
  EXPECT_TRUE(eventually(
      [&] { return index().read()->autoscaled_to(core::WorkloadKind::kDeployment, "shop", "x") == 4; }));
}

TEST_F(ClusterIndexTest, ANewListTakesThePlaceOfTheOldOneWithoutAMomentBetween) {
  cluster_.set_list("pods", pod("stays", "c") + "," + pod("goes", "c"));
  start();
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ASSERT_TRUE(holds("stays"));
    }
  });
  cluster_.set_list("pods", pod("stays", "c") + "," + pod("comes", "c"));
  cluster_.watch_of("pods")->write(
      R"({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})"
      "\n");
  EXPECT_TRUE(eventually([&] { return holds("comes"); }));
  EXPECT_FALSE(holds("goes"));
  EXPECT_TRUE(holds("stays"));
}

TEST_F(ClusterIndexTest, AnObjectThatCannotBeReadIsLoggedCountedAndNotInView) {
  cluster_.set_list("pods",
                    pod("a", "c") + R"(,{"metadata": {"name": "bad", "namespace": "shop"}, "spec": 5})");
  start();
  EXPECT_TRUE(holds("a"));
  EXPECT_EQ(status_of("pods").unreadable, 1U);
  EXPECT_THAT(logged(), HasSubstr("pods shop/bad cannot be read and is not in view: spec"));

  cluster_.watch_of("pods")->write(
      event("MODIFIED",
            R"({"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "8"}, "spec": "no"})"));
  EXPECT_TRUE(eventually([&] { return !holds("a"); })) << "what it was is not what it is";
  EXPECT_EQ(status_of("pods").unreadable, 2U);
}

TEST_F(ClusterIndexTest, ANamespaceWhoseLabelIsNoModeIsThereAllTheSame) {
  cluster_.set_list("namespaces",
                    R"({"metadata": {"name": "shop", "labels": {"walguard/mode": "enforced"}}})");
  start();
  const auto guard = index().read();
  ASSERT_NE(guard->namespace_object("shop"), nullptr);
  EXPECT_EQ(guard->namespace_object("shop")->mode, std::nullopt);
  EXPECT_THAT(logged(), HasSubstr("enforced"));
}

TEST_F(ClusterIndexTest, SaysWhatItLacksUntilEverythingWasListedOnce) {
  cluster_.refuse("csidrivers");
  index().start();
  EXPECT_TRUE(eventually(
      [&] { return status_of("csidrivers").last_error.find("not for you") != std::string::npos; }));
  EXPECT_TRUE(eventually([&] { return status_of("pods").listed; }));
  EXPECT_THAT(what_is_missing(index().status()), HasSubstr("csidrivers: not listed yet"));
  EXPECT_THAT(what_is_missing(index().status()), HasSubstr("not for you"));
  EXPECT_FALSE(index().read()->storage_is_current());

  cluster_.set_list("csidrivers", "");
  EXPECT_TRUE(eventually([&] { return is_complete(); }));
  EXPECT_TRUE(eventually([&] { return index().read()->storage_is_current(); }));
}

TEST_F(ClusterIndexTest, IsNotCurrentAfterASilenceAndIsAgainAfterAWord) {
  options_.stale_after = milliseconds(150);
  cluster_.set_list("pods", pod("a", "c"));
  start();
  const auto pods_are_current = [&] { return index().read()->is_current(core::ClusterKind::kPods); };
  EXPECT_TRUE(eventually([&] { return !pods_are_current(); })) << "no bookmark came";
  EXPECT_FALSE(status_of("pods").current);
  EXPECT_THAT(what_is_stale(index().status()), HasSubstr("pods"));
  EXPECT_TRUE(is_complete()) << "it was complete once, and is still answered from";
  EXPECT_TRUE(holds("a"));
  const auto watch = cluster_.watch_of("pods");
  EXPECT_TRUE(eventually([&] {
    watch->write(event("BOOKMARK", R"({"metadata": {"resourceVersion": "20"}})"));
    return pods_are_current();
  }));
  EXPECT_THAT(logged(), HasSubstr("pods: nothing heard for too long"));
}

TEST_F(ClusterIndexTest, AKindInWhichNothingHappensIsConfirmedByTheEndOfItsWatchesInTime) {
  const kube::ReflectorOptions& reflector = options_.reflector;
  EXPECT_LT(2 * reflector.server_timeout, reflector.silence) << "a watch that lives is not taken for dead";
  EXPECT_LT(reflector.silence, options_.stale_after) << "a dead one is begun anew before its copy is old";
}

TEST_F(ClusterIndexTest, AChangeWakesWhoWaitsAndAPodThatIsNotHeldWakesNobody) {
  start();
  const auto watch = cluster_.watch_of("pods");
  const std::stop_token never;
  std::uint64_t seen = index().changes().changes();
  watch->write(event("ADDED", R"({"metadata": {"name": "plain", "namespace": "shop", "resourceVersion": "8"},
      "spec": {"containers": []}})"));
  watch->write(event("ADDED", pod("b", "c")));
  seen = index().changes().wait(seen, std::chrono::seconds(20), never);
  EXPECT_TRUE(holds("b")) << "the first change is that of the pod that is held";
  EXPECT_EQ(index().changes().wait(seen, milliseconds(1), never), seen);
}

/// Counts what it is handed.
class CountingSink : public kube::ObjectSink {
 public:
  void begin_list() override {}
  void end_list() override { add(100); }
  void put(const kube::ObjectView&) override { add(1); }
  void remove(const kube::ObjectView&) override { add(10); }
  [[nodiscard]] int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  void add(int more) {
    const std::lock_guard lock(mutex_);
    count_ += more;
  }
  mutable std::mutex mutex_;
  int count_ = 0;
};

TEST_F(ClusterIndexTest, AResourceOfAnotherPartIsWatchedAndCountsForCompleteness) {
  CountingSink sink;
  cluster_.set_list("volumepreflights", R"({"metadata": {"name": "p"}})");
  index().add({"walguard.dev", "v1alpha1", "volumepreflights", false}, sink);
  EXPECT_THAT(what_is_missing(index().status()), HasSubstr("volumepreflights"));
  start();
  EXPECT_EQ(sink.count(), 101);
  const auto seen = index().changes().changes();
  cluster_.watch_of("volumepreflights")
      ->write(event("DELETED", R"({"metadata": {"name": "p", "resourceVersion": "8"}})"));
  EXPECT_GT(index().changes().wait(seen, std::chrono::seconds(20), {}), seen);
  EXPECT_EQ(sink.count(), 111);
  index_.reset();  // before the sink
}

}  // namespace
}  // namespace walguard::controller
