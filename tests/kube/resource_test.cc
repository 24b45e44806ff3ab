#include "operator/kube/resource.h"

#include <gtest/gtest.h>

namespace walguard::kube {
namespace {

const ResourceType kPods{"", "v1", "pods", true};
const ResourceType kClasses{"storage.k8s.io", "v1", "storageclasses", false};

TEST(ResourcePaths, CoreAndGroupedTypesHaveTheirOwnRoots) {
  EXPECT_EQ(collection_path(kPods, "shop"), "/api/v1/namespaces/shop/pods");
  EXPECT_EQ(collection_path(kPods, ""), "/api/v1/pods");
  EXPECT_EQ(collection_path(kClasses, "ignored"), "/apis/storage.k8s.io/v1/storageclasses");
}

TEST(ResourcePaths, AnObjectAndItsSubresource) {
  EXPECT_EQ(object_path({kPods, "shop", "web-0", ""}), "/api/v1/namespaces/shop/pods/web-0");
  EXPECT_EQ(object_path({kPods, "shop", "web-0", "status"}), "/api/v1/namespaces/shop/pods/web-0/status");
}

TEST(ResourcePaths, ANameCannotLeaveItsPlace) {
  EXPECT_EQ(object_path({kPods, "shop", "../../secrets?x", ""}),
            "/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets%3Fx");
}

TEST(Query, EmptyValuesAreLeftOutAndTheOthersEncoded) {
  EXPECT_EQ(Query().text(), "");
  EXPECT_EQ(Query().add("a", "").add("labelSelector", "app=web").add("limit", "5").text(),
            "?labelSelector=app%3Dweb&limit=5");
}

}  // namespace
}  // namespace walguard::kube
