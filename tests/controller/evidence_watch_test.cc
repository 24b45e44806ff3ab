// From the statuses of preflights to the evidence that answers come from.
#include "operator/controller/evidence_watch.h"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"

namespace walguard::controller {
namespace {

std::string preflight(const std::string& namespace_name, const std::string& key) {
  const std::string in = namespace_name.empty() ? "" : R"(, "namespace": ")" + namespace_name + R"(")";
  return R"({"metadata": {"name": "p")" + in +
         R"(}, "spec": {}, "status": {"phase": "Done", "measuredAt": "2026-01-31T12:00:00Z",)"
         R"( "scope": "node", "verdict": {"wal": "safe"}, "key": )" +
         key + "}}";
}

class EvidenceWatchTest : public ::testing::Test {
 protected:
  static void put(kube::ObjectSink& sink, const std::string& namespace_name, const std::string& key) {
    const std::string json = preflight(namespace_name, key);
    kube::ObjectView view;
    view.meta.name = "p";
    view.meta.namespace_name = namespace_name;
    view.json = json;
    sink.put(view);
  }
  [[nodiscard]] std::size_t held() const { return watch_.get()->all().size(); }

  EvidenceWatch watch_{nullptr, nullptr};
};

TEST_F(EvidenceWatchTest, AVolumePreflightSpeaksForItsClassAndAClaimPreflightForItsVolume) {
  put(watch_.volume_preflights(), "", R"({"storageClass": "fast"})");
  EXPECT_EQ(held(), 1U);
  put(watch_.claim_preflights(), "shop", R"({"volume": "pv-1"})");
  EXPECT_EQ(held(), 2U);
}

TEST_F(EvidenceWatchTest, NothingThatStandsInANamespaceSpeaksForAClass) {
  put(watch_.claim_preflights(), "shop", R"({"storageClass": "nfs"})");
  EXPECT_EQ(held(), 0U) << "whoever owns the namespace could prove any class of the cluster";
}

}  // namespace
}  // namespace walguard::controller
