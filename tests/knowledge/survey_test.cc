// Everything that the first survey of storage, filesystems and apps has found is known, and as what it should
// be.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/storage.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "tests/core/builders.h"
#include "tests/knowledge/embedded.h"

namespace walguard::knowledge {
namespace {

using core::Transport;
using core::VolumeFacts;

/// Calls `check` with each line of a file of `survey`. Returns how many there are.
template <typename Check>
std::size_t each_line(const std::string& name, Check check) {
  const std::string file = "tests/knowledge/survey/" + name + ".yaml";
  const YAML::Node lines = YAML::LoadFile(std::string(WALGUARD_SOURCE_DIR) + "/" + file)[name];
  for (const YAML::Node& line : lines) {
    SCOPED_TRACE(file + ":" + std::to_string(line.Mark().line + 1));
    check(line);
  }
  return lines.size();
}

std::string text_of(const YAML::Node& line, const char* key, const std::string& otherwise = {}) {
  return line[key].as<std::string>(otherwise);
}

/// nullopt: "unknown".
std::optional<Transport> expected_transport(const YAML::Node& line) {
  const auto text = line["is"].as<std::string>();
  if (text == "unknown") return std::nullopt;
  return named<Transport>(text);
}

// ---- Storage: from the objects of a cluster, as the webhook sees them, to the facts

core::StringMap parameters_of(const YAML::Node& line) {
  core::StringMap parameters;
  for (const auto& entry : line["parameters"]) {
    parameters.emplace(entry.first.as<std::string>(), entry.second.as<std::string>());
  }
  return parameters;
}

/// A pod's volume on a bound claim of a class of this driver.
VolumeFacts of_claim(const YAML::Node& line) {
  using namespace core::testing;  // NOLINT(google-build-using-namespace): the words of the tests
  const std::string driver = text_of(line, "driver");
  const auto mode = named<core::AccessMode>(text_of(line, "access", "ReadWriteOnce"));
  auto volume = persistent_volume(driver, {mode});
  volume.volume_handle = text_of(line, "handle", "vol-1");
  volume.fs_type = text_of(line, "fs-type");
  if (driver == "hostPath") volume.kind = core::VolumeKind::kHostPath;
  const auto cluster =
      cluster_of(storage_class("fast", driver, parameters_of(line)), claim({mode}, "fast", "pv-1"), volume);
  VolumeFacts facts;
  describe_storage(facts, view_storage("shop", claim_volume(), cluster, embedded_catalog()));
  return facts;
}

/// A volume that stands in the pod itself.
VolumeFacts in_pod(const YAML::Node& line) {
  using namespace core::testing;  // NOLINT(google-build-using-namespace): the words of the tests
  const std::string kind = text_of(line, "volume");
  core::Volume volume = volume_of(core::VolumeKind::kProjection);
  if (kind == "emptyDir") volume.kind = core::VolumeKind::kEmptyDir;
  if (kind == "emptyDir-memory") volume.kind = core::VolumeKind::kEmptyDirMemory;
  if (kind == "inline") volume = inline_volume(text_of(line, "driver"));
  core::ClusterState cluster;
  if (kind == "ephemeral") {
    volume.kind = core::VolumeKind::kGenericEphemeral;
    volume.claim_spec = {.storage_class = "fast", .access_modes = kRwo, .volume_name = {}};
    cluster = cluster_of(storage_class("fast", text_of(line, "driver")));
  }
  VolumeFacts facts;
  describe_storage(facts, view_storage("shop", volume, cluster, embedded_catalog()));
  return facts;
}

VolumeFacts of_filesystem(const YAML::Node& line) {
  VolumeFacts facts;
  if (const auto* found = embedded_catalog().filesystem_by_name(text_of(line, "filesystem"))) {
    facts.transport = found->transport;
    facts.transport_verified = found->verified;
  }
  return facts;
}

TEST(Survey, EveryVolumeSourceIsAnsweredAsWhatItIs) {
  const std::size_t lines = each_line("storage", [](const YAML::Node& line) {
    const VolumeFacts facts = line["volume"]       ? in_pod(line)
                              : line["filesystem"] ? of_filesystem(line)
                                                   : of_claim(line);
    EXPECT_EQ(facts.transport, expected_transport(line));
    EXPECT_EQ(facts.transport_verified, line["verified"].as<bool>());
    EXPECT_EQ(facts.proven_only_by_preflight, line["by-preflight"].as<bool>(false));
    const std::string but = text_of(line, "but");
    EXPECT_EQ(facts.differs_per_node, but == "differs-per-node");
    EXPECT_EQ(facts.locks_stay_local == true, but == "locks-stay-local");
    EXPECT_EQ(facts.split_page_cache, but == "per-pod-cache");
  });
  EXPECT_EQ(lines, 184U) << "147 of the survey, and 37 that it names in passing";
}

TEST(Survey, EveryFilesystemIsAnsweredByEachOfItsNamesAndByItsMagic) {
  const std::size_t lines = each_line("filesystems", [](const YAML::Node& line) {
    const auto expected = expected_transport(line);
    for (const auto& name : line["names"].as<std::vector<std::string>>()) {
      const auto* found = embedded_catalog().filesystem_by_name(name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_EQ(found->transport, expected) << name;
    }
    if (const YAML::Node magic = line["magic"]) {
      const auto* found =
          embedded_catalog().filesystem_by_magic(std::stoull(magic.as<std::string>(), nullptr, 16));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->transport, expected);
    }
  });
  EXPECT_EQ(lines, 60U);
}

bool has_database(const std::vector<const core::App*>& apps, std::string_view name, std::string_view path) {
  return std::ranges::any_of(apps, [&](const core::App* app) {
    return app->name == name &&
           std::ranges::find(app->databases, path, &core::AppDatabase::path) != app->databases.end();
  });
}

TEST(Survey, EveryAppIsFoundByItsImageWithItsDatabase) {
  const std::size_t lines = each_line("apps", [](const YAML::Node& line) {
    const auto apps = embedded_catalog().apps_of_image(text_of(line, "image"));
    EXPECT_TRUE(has_database(apps, text_of(line, "app"), text_of(line, "path")));
  });
  EXPECT_EQ(lines, 82U) << "74 of the survey, two of them with two images, and six that it lacked";
}

}  // namespace
}  // namespace walguard::knowledge
