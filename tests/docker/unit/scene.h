/// An engine, a machine's mounts and a judge of them, made of values.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/docker/engine_snapshot.h"
#include "operator/docker/mount_table.h"
#include "operator/docker/plugin_judge.h"
#include "operator/wire/docker_container.h"

namespace walguard::docker::testing {

/// ext4 on /, and the kernel's own.
inline constexpr std::string_view kPlainLinux =
    "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "2 1 0:5 / /proc rw - proc proc rw\n"
    "3 1 0:6 / /run rw - tmpfs tmpfs rw,mode=755\n";

/// "/srv/data:/data", "app:/data:ro", ":/data" (anonymous).
[[nodiscard]] wire::DockerMount mount_of(std::string_view bind);

/// A container that declares its database; "" for `database`: it says nothing of one.
[[nodiscard]] wire::DockerContainer container_of(std::string name, const std::vector<std::string>& binds,
                                                 std::string database = "/data/app.db");

class Scene {
 public:
  Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  Scene& mounts(std::string_view mountinfo);
  Scene& no_mounts();
  Scene& info(std::string_view json);
  Scene& symlink(std::string path, std::string target);
  /// It is there, and not counted as new.
  Scene& has(wire::DockerContainer container);
  Scene& has(wire::DockerVolume volume);
  Scene& loses_the_engine(std::string why);
  Scene& passes(const core::EvidenceKey& key, core::Scope scope, std::string filesystem);
  Scene& in_mode(core::Mode mode);

  [[nodiscard]] PluginAnswer create(const wire::DockerContainer& container);
  [[nodiscard]] PluginAnswer start(std::string written);
  /// The engine answers the creation, before its events tell of it.
  void made(const wire::DockerContainer& container, const std::string& id);
  [[nodiscard]] PluginAnswer ask(const wire::DockerRequest& request);
  void pass_time(std::chrono::seconds time) { uptime_ += time; }

  core::Policy policy;

 private:
  [[nodiscard]] PluginJudge& judge();

  std::shared_ptr<EngineSnapshot> engine_ = std::make_shared<EngineSnapshot>();
  std::shared_ptr<const MountTable> mounts_;
  std::map<std::string, std::string> symlinks_;
  std::vector<core::Evidence> evidence_;
  std::chrono::steady_clock::time_point uptime_;
  core::Mode mode_ = core::Mode::kEnforce;
  std::unique_ptr<PluginJudge> judge_;
};

}  // namespace walguard::docker::testing
