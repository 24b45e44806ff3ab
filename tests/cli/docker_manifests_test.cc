// The files of manifests/docker are what the program and systemd take.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace walguard::cli::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kInstalled = "/usr/local/bin/walguard";

std::string manifest(const std::string& name) {
  std::ifstream file(std::string(WALGUARD_SOURCE_DIR) + "/manifests/docker/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST(DockerManifests, EveryFlagOfTheUnitIsOneOfTheCommand) {
  const TestFolder folder;
  Program help(folder, {"docker-plugin", "--help"});
  ASSERT_EQ(help.exit_code(), 0);
  const std::string unit = manifest("walguard-docker-plugin.service");
  const std::string start = unit.substr(unit.find("ExecStart="),
                                        unit.find('\n', unit.find("ExecStart=")) - unit.find("ExecStart="));
  const std::regex flag("--[a-z-]+");
  std::set<std::string> seen;
  for (auto it = std::sregex_iterator(start.begin(), start.end(), flag); it != std::sregex_iterator(); ++it)
    seen.insert(it->str());
  EXPECT_GE(seen.size(), 3U) << start;
  for (const std::string& one : seen) EXPECT_THAT(help.output(), HasSubstr(one + " "));
}

TEST(DockerManifests, SystemdTakesTheUnitWithoutAWordAndFindsItWellConfined) {
  const TestFolder folder;
  folder.write("walguard-docker-plugin.service",
               replaced(manifest("walguard-docker-plugin.service"), kInstalled, WALGUARD_BINARY));
  const std::string unit = folder.path("walguard-docker-plugin.service");
  const std::string said = folder.path("said");
  EXPECT_EQ(std::system(("systemd-analyze verify --man=no " + unit + " >" + said + " 2>&1").c_str()), 0);
  std::ifstream file(said);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "");
  // In tenths: 3.0 is "OK" to systemd, and a unit that says nothing has 9.6.
  EXPECT_EQ(
      std::system(
          ("systemd-analyze security --offline=true --threshold=30 " + unit + " >" + said + " 2>&1").c_str()),
      0);
}

TEST(DockerManifests, TheSpecIsForLoopbackAndChecksCertificates) {
  const auto spec = nlohmann::json::parse(manifest("walguard.json"));
  EXPECT_EQ(spec.at("Name"), "walguard");
  EXPECT_THAT(std::string(spec.at("Addr")), ::testing::StartsWith("https://127.0.0.1:"));
  EXPECT_EQ(spec.at("TLSConfig").at("InsecureSkipVerify"), false);
  for (const char* const file : {"CAFile", "CertFile", "KeyFile"})
    EXPECT_FALSE(std::string(spec.at("TLSConfig").at(file)).empty()) << file;
}

}  // namespace
}  // namespace walguard::cli::testing
