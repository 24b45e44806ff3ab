// What a run's objects are read as.
#include "operator/wire/observed_objects.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace walguard::wire {
namespace {

// A ClaimPreflight's evidence stands under the driver, in the words in which pods' volumes are looked up.
TEST(ObservedVolume, HasTheDriverThatItsSourceNamesOrIs) {
  const std::vector<std::pair<std::string_view, std::string_view>> sources = {
      {R"("csi":{"driver":"x.csi.io","volumeHandle":"7"})", "x.csi.io"},
      {R"("flexVolume":{"driver":"ceph.rook.io/rook"})", "ceph.rook.io/rook"},
      {R"("nfs":{"server":"nfs","path":"/export"})", "nfs"},
      {R"("local":{"path":"/mnt/disk"})", "local"},
      {R"("hostPath":{"path":"/data","type":""})", "hostPath"},
      {R"("csi":null,"nfs":{"server":"nfs","path":"/export"})", "nfs"},
      {R"("somethingNew":{"driver":"x"})", ""}};
  for (const auto& [source, driver] : sources) {
    const std::string json = R"({"metadata":{"name":"pv-1"},"spec":{"capacity":{"storage":"1Gi"},)" +
                             std::string(source) + R"(,"mountOptions":["hard"]}})";
    const auto volume = read_volume(json);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_EQ(volume->driver, driver);
    EXPECT_EQ(volume->mount_options, std::vector<std::string>{"hard"});
  }
}

}  // namespace
}  // namespace walguard::wire
