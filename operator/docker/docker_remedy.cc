#include "operator/docker/docker_remedy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

#include "operator/core/decide.h"
#include "operator/docker/docker_facts.h"
#include "operator/wire/docker_container.h"
#include "preflight/text/printable.h"

namespace walguard::docker {
namespace {

using text::shell_word;

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? "/" : std::string(path.substr(0, slash));
}

/// Of the same old place it is the same for every container: a sidecar moves with its app.
std::string new_volume(const wire::DockerMount& mount) {
  std::string name;
  for (const char c : mount.source.empty() ? mount.target : mount.source) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  return name + (name.ends_with('-') ? "local" : "-local");
}

std::string own_volume(const DockerVolumeFacts& volume, const wire::DockerContainer& container) {
  const wire::DockerMount& mount = volume.mount;
  const std::string name = new_volume(mount);
  const std::string target = shell_word(name + ":" + mount.target);
  const std::string everywhere = "-v " + target + " in place of the mount, in every container that has it";
  if (mount.source.empty()) return "use a volume of the engine's own disk: " + everywhere;
  const std::string image = container.image.empty() ? "IMAGE" : shell_word(container.image);
  return "move the database to a volume of the engine's own disk. While nothing uses it: docker volume "
         "create " +
         shell_word(name) + " && docker run --rm --entrypoint cp -v " +
         shell_word(mount.source + ":/old:ro") + " -v " + shell_word(name + ":/new") + " " + image +
         " -a /old/. /new/; then " + everywhere;
}

std::string mount_the_folder(const DockerVolumeFacts& volume) {
  const wire::DockerMount& mount = volume.mount;
  const std::string mounted = volume.facts.databases.empty() ? mount.target : volume.facts.databases.front();
  const bool is_the_file = mounted.ends_with(mount.target);
  const std::string source = mount.source.empty() || !is_the_file ? mount.source : folder_of(mount.source);
  const std::string target = is_the_file ? folder_of(mount.target) : mount.target;
  return "mount the folder that holds the database, not the file, in every container: -v " +
         shell_word(source + ":" + target);
}

std::string measure(const DockerVolumeFacts& volume) {
  if (volume.host_path.empty())
    return "have it measured: let walguard see a container that uses it, or use a "
           "volume of the local driver";
  return "measure it on the engine's machine: walguard-preflight run " + shell_word(volume.host_path);
}

constexpr std::string_view kOneRuntime =
    "run every container that mounts it on the host's own kernel: without --runtime, or with --runtime runc";
constexpr std::string_view kLetItLock =
    "take the parameter out of the DSN: file:/data/app.db instead of file:/data/app.db?nolock=1, and no "
    "vfs=unix-none or vfs=unix-dotfile";
constexpr std::string_view kLetItWrite =
    "let the reader write: mount without :ro, and open the database with file:...?mode=ro";
constexpr std::string_view kOneReplicator =
    "in the app: PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL; and one replicator for a database";
constexpr std::string_view kOneContainer =
    "run one replica, pinned to one machine: --replicas 1 --constraint node.hostname==NAME";
constexpr std::string_view kTryAgain =
    "try again in a moment; where it stays so, look at walguard's log and at `docker info`";

template <std::size_t N>
bool is_one_of(std::string_view rule, const std::array<std::string_view, N>& rules) {
  return std::ranges::find(rules, rule) != rules.end();
}

constexpr std::array<std::string_view, 6> kMoves = {"network-filesystem", "object-store-fuse",
                                                    "locks-disabled",     "vm-shared-filesystem",
                                                    "cross-node-sharing", "preflight-failed"};
constexpr std::array<std::string_view, 4> kToBeMeasured = {"evidence-missing", "evidence-stale",
                                                           "evidence-inconclusive", "unknown-driver"};

std::string_view fixed_remedy(std::string_view rule) {
  if (rule == "sandboxed-kernel" || rule == "mixed-kernels") return kOneRuntime;
  if (rule == "sqlite-locks-off") return kLetItLock;
  if (rule == "read-only-consumer") return kLetItWrite;
  if (rule == "litestream-second-writer") return kOneReplicator;
  if (rule == "scale-out" || rule == "replicas-diverge") return kOneContainer;
  if (rule == "scope-unknown") return kTryAgain;
  return {};
}

}  // namespace

std::string docker_remedy(const core::Finding& finding, const DockerVolumeFacts& volume,
                          const wire::DockerContainer& container) {
  const std::string_view rule = finding.rule;
  if (is_one_of(rule, kMoves)) return own_volume(volume, container);
  if (rule == "split-page-cache") {
    return "mount one and the same path in every container that has the files, or " +
           own_volume(volume, container);
  }
  if (rule == "split-database-files") return mount_the_folder(volume);
  if (is_one_of(rule, kToBeMeasured)) return measure(volume);
  const std::string_view fixed = fixed_remedy(rule);
  return std::string(fixed.empty() ? finding.remedy : fixed);
}

}  // namespace walguard::docker
