// An image is known by its name alone, whoever serves it and at whatever tag or digest.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/catalog.h"

namespace walguard::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

App app(std::string name, std::vector<std::string> images, std::vector<std::string> programs = {}) {
  App result;
  result.name = std::move(name);
  result.images = std::move(images);
  result.programs = std::move(programs);
  return result;
}

const Catalog& catalog() {
  static const Catalog known(
      {}, {}, {},
      {app("Photos", {"example/photos", "linuxserver/photos"}), app("Cloud", {"cloud"}),
       app("Pet", {"*/pet"}), app("Copies, replicating", {"example/copies"}, {"copies"}),
       app("Copies, restoring", {"example/copies"}, {"copies"})});
  return known;
}

std::vector<std::string> names(const std::vector<const App*>& apps) {
  std::vector<std::string> result(apps.size());
  std::ranges::transform(apps, result.begin(), &App::name);
  return result;
}

std::vector<std::string> found(std::string_view image) { return names(catalog().apps_of_image(image)); }

TEST(ImageName, LeavesRegistryAndDigestOut) {
  struct Case {
    std::string_view reference;
    std::string_view repository;
    std::string_view tag;
  };
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const std::string with_digest = "registry.example/owner/app:1.2" + digest;
  for (const Case& c :
       {Case{"app", "app", ""}, Case{"owner/app", "owner/app", ""}, Case{"owner/app:1.2", "owner/app", "1.2"},
        Case{"registry.example/owner/app", "owner/app", ""}, Case{"localhost/app:x", "app", "x"},
        Case{"registry.example:5000/deep/owner/app", "deep/owner/app", ""},
        Case{"registry:5000/app:1", "app", "1"}, Case{with_digest, "owner/app", "1.2"}, Case{"", "", ""},
        Case{"/", "/", ""}, Case{":", "", ""}, Case{"@", "", ""}}) {
    const ImageName image = parse_image(c.reference);
    EXPECT_EQ(image.repository, c.repository) << c.reference;
    EXPECT_EQ(image.tag, c.tag) << c.reference;
  }
}

TEST(AppsOfImage, AreFoundWhateverRegistryTagOrDigest) {
  for (const char* image :
       {"example/photos", "example/photos:2", "registry.example/example/photos:2.1-alpine",
        "registry.example:5000/example/photos@sha256:00",
        "harbor.example/mirror/registry.example/example/photos:2"}) {
    EXPECT_THAT(found(image), ElementsAre("Photos")) << image;
  }
}

TEST(AppsOfImage, AreNotThoseOfAnotherOwner) {
  for (const char* image : {"photos", "stranger/photos", "anexample/photos", "example/photos-proxy",
                            "example/photos/frontend", ""}) {
    EXPECT_THAT(found(image), IsEmpty()) << image;
  }
}

TEST(AppsOfImage, OfADockerOfficialImageAreNotThoseOfAnyOwner) {
  for (const char* image : {"cloud:29", "library/cloud", "registry.example/library/cloud:29-apache",
                            "harbor.example/cache/library/cloud"}) {
    EXPECT_THAT(found(image), ElementsAre("Cloud")) << image;
  }
  EXPECT_THAT(found("stranger/cloud"), IsEmpty());
}

TEST(AppsOfImage, OfAnyOwnerNeedAnOwner) {
  EXPECT_THAT(found("registry.example/somebody/pet:1"), ElementsAre("Pet"));
  EXPECT_THAT(found("pet"), IsEmpty());
}

TEST(AppsOfImage, ComeInTheOrderOfTheDataAndOnceEach) {
  EXPECT_THAT(found("example/copies"), ElementsAre("Copies, replicating", "Copies, restoring"));
  EXPECT_THAT(found("linuxserver/photos"), ElementsAre("Photos"));
}

TEST(AppsOfProgram, AreFoundInWhateverFolder) {
  EXPECT_THAT(names(catalog().apps_of_program("/usr/local/bin/copies")),
              ElementsAre("Copies, replicating", "Copies, restoring"));
  EXPECT_THAT(names(catalog().apps_of_program("copies-exporter")), IsEmpty());
}

TEST(BundledSqlite, IsThatOfTheTag) {
  App known = app("Photos", {"example/photos"});
  known.sqlite = {{.tag = "2.0", .version = "3.45.1"}, {.tag = "2.*", .version = "3.46.0"}};
  EXPECT_EQ(*bundled_sqlite(known, "2.0"), "3.45.1");
  EXPECT_EQ(*bundled_sqlite(known, "2.1"), "3.46.0");
  EXPECT_EQ(bundled_sqlite(known, "2"), nullptr);
  EXPECT_EQ(bundled_sqlite(known, ""), nullptr);
}

}  // namespace
}  // namespace walguard::core
