// Every app of the catalog is recognised where it keeps its databases, by its image and by its program.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/core/catalog.h"
#include "operator/core/recognise.h"
#include "operator/core/workload.h"
#include "tests/knowledge/embedded.h"

namespace walguard::knowledge {
namespace {

using core::AppCondition;

/// Whatever the app needs to be told to use SQLite in this way.
core::Launch as_it_is_used(const core::App& app) {
  core::Launch launch;
  for (const AppCondition& condition : app.when) {
    if (condition.or_absent) continue;
    if (condition.field == AppCondition::Field::kArgument) {
      launch.args.push_back(condition.key);
      continue;
    }
    core::EnvironmentVariable variable;
    variable.name = condition.key;
    variable.value = condition.values.empty() ? "set" : condition.values.front();
    launch.environment.push_back(variable);
  }
  return launch;
}

core::PodSpec pod_with(core::Launch launch) {
  core::PodSpec pod;
  core::Container container;
  container.name = "app";
  container.mounts = {{.volume = "data", .path = "/", .sub_path = {}}};
  container.launch = std::move(launch);
  pod.containers.push_back(std::move(container));
  return pod;
}

std::vector<std::string> paths(const core::PodSpec& pod) {
  std::vector<std::string> all;
  for (const core::RecognisedDatabase& database : core::recognise(pod, embedded_catalog())) {
    all.push_back(database.path);
  }
  return all;
}

TEST(RecogniseApps, EachByItsImageWhereItsDatabasesAre) {
  for (const core::App& app : embedded_catalog().apps()) {
    for (std::string image : app.images) {
      std::ranges::replace(image, '*', 'x');
      core::Launch launch = as_it_is_used(app);
      launch.image = "registry.example:5000/" + image + ":latest";
      const auto found = paths(pod_with(launch));
      EXPECT_FALSE(found.empty() && !app.databases.empty() && !app.databases[0].path.empty()) << app.name;
      for (const core::AppDatabase& database : app.databases) {
        if (database.path.empty()) continue;
        EXPECT_THAT(found, ::testing::Contains(database.path)) << app.name;
      }
    }
  }
}

TEST(RecogniseApps, EachByItsProgramInAnyImage) {
  for (const core::App& app : embedded_catalog().apps()) {
    for (const std::string& program : app.programs) {
      core::Launch launch = as_it_is_used(app);
      launch.image = "example/of-our-own";
      launch.command = {"/usr/local/bin/" + program};
      const auto found = core::recognise(pod_with(launch), embedded_catalog());
      if (app.databases.empty() || !app.databases[0].path.empty()) {
        EXPECT_FALSE(found.empty()) << app.name << " by " << program;
      }
    }
  }
}

TEST(RecogniseApps, NoneIsRecognisedWhereItIsToldToUseAServer) {
  for (const core::App& app : embedded_catalog().apps()) {
    const auto moved_by_url = [](const core::AppDatabase& database) {
      return !database.set_by.empty() && database.set_by[0].gives == core::AppSetting::Gives::kUrl &&
             database.set_by[0].from == core::AppSetting::From::kEnvironment;
    };
    if (app.images.empty() || app.databases.size() != 1 || !moved_by_url(app.databases[0])) continue;
    core::Launch launch = as_it_is_used(app);
    launch.image = app.images.front();
    core::EnvironmentVariable url;
    url.name = app.databases[0].set_by[0].name;
    url.value = "postgresql://user:secret@db.example/app.db";
    launch.environment.push_back(url);
    EXPECT_THAT(paths(pod_with(launch)), ::testing::IsEmpty()) << app.name;
  }
}

}  // namespace
}  // namespace walguard::knowledge
