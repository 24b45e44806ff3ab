#include "operator/engine/volume_facts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/core/workload.h"
#include "operator/engine/docker_host.h"
#include "operator/wire/text_forms.h"

namespace walguard::engine {

using core::KernelDomain;
using core::Transport;
using core::VolumeFacts;

std::optional<KernelDomain> kernel_of_runtime(std::string_view runtime) {
  constexpr std::array<std::string_view, 4> kOnTheHostsKernel = {"runc", "io.containerd.runc.v2", "crun",
                                                                 "nvidia"};
  if (std::ranges::find(kOnTheHostsKernel, runtime) != kOnTheHostsKernel.end()) return KernelDomain::kShared;
  if (runtime == "runsc" || runtime == "io.containerd.runsc.v1") return KernelDomain::kPerSandbox;
  if (runtime.find("kata") != std::string_view::npos) return KernelDomain::kPerPod;
  return std::nullopt;
}

void set_known(VolumeFacts& facts, Transport transport, bool verified, std::string_view source) {
  facts.transport = transport;
  facts.transport_verified = verified;
  facts.source = source;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

std::string option_of(const core::StringMap& options, std::string_view key) {
  const auto found = options.find(key);
  return found == options.end() ? std::string() : found->second;
}

bool is_bind(const core::StringMap& options) {
  const std::vector<std::string> words = split(option_of(options, "o"));
  const auto has = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
  return has("bind") || has("rbind") || option_of(options, "type") == "bind";
}

void describe_mount_options(VolumeFacts& facts, const core::Catalog& catalog) {
  for (const std::string& option : facts.key.mount_options) {
    using Effect = core::MountOptionFact::Effect;
    const core::MountOptionFact* fact = catalog.mount_option(option);
    if (fact == nullptr) continue;
    if (fact->effect == Effect::kLocksStayLocal) {
      facts.locks_stay_local = true;
      facts.locks_because = "mount option " + fact->option;
    } else if (fact->effect == Effect::kSplitPageCache) {
      facts.split_page_cache = true;
      facts.split_because = "mount option " + fact->option;
    } else if (facts.risky_option.empty()) {
      facts.risky_option = fact->option;
    }
  }
}

void describe_mounted(VolumeFacts& facts, const core::StringMap& options, const core::Catalog& catalog) {
  const std::string type = option_of(options, "type");
  facts.driver = "local, type " + type;
  facts.key.fs_type = type;
  facts.key.mount_options = wire::without_secrets(split(option_of(options, "o")));
  std::ranges::sort(facts.key.mount_options);
  const core::Filesystem* filesystem = catalog.filesystem_by_name(type);
  if (filesystem != nullptr && filesystem->transport) {
    set_known(facts, *filesystem->transport, filesystem->verified, filesystem->source);
  }
  facts.locks_stay_local = false;
  describe_mount_options(facts, catalog);
}

void describe_plugin(VolumeFacts& facts, const std::string& driver, const core::StringMap& options,
                     const core::Catalog& catalog) {
  facts.driver = driver;
  // The catalog has plugins under their name without its tag.
  const std::string plugin = "docker:" + driver.substr(0, driver.find(':'));
  core::VariantQuery query;
  query.driver = plugin;
  query.parameters = &options;
  const auto match = catalog.find(query);
  if (match.variant == nullptr || !match.variant->transport) return;
  set_known(facts, *match.variant->transport, match.variant->verified, match.variant->source);
  facts.proven_only_by_preflight = match.variant->proven_only_by_preflight;
}

void describe_engines_own(VolumeFacts& facts, const DockerHost& host, const core::Catalog& catalog) {
  facts.driver = "local";
  facts.locks_stay_local = false;
  if (host.volumes_are_local == false) {  // the engine's own word: on something else
    facts.driver += " on " + host.data_root_filesystem;
    const core::Filesystem* filesystem = catalog.filesystem_by_name(host.data_root_filesystem);
    if (filesystem != nullptr && filesystem->transport) {
      set_known(facts, *filesystem->transport, filesystem->verified, filesystem->source);
    }
    return;
  }
  const bool known = host.volumes_are_local.has_value();
  if (known) facts.driver += " on " + host.data_root_filesystem;
  set_known(facts, Transport::kLocalDisk, known, kVolumesDoc);
}

bool looks_like_a_file(std::string_view path) {
  const std::string_view base = path.substr(path.rfind('/') + 1);
  return base.find('.', 1) != std::string_view::npos;
}

}  // namespace walguard::engine
