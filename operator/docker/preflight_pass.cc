#include "operator/docker/preflight_pass.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include <sys/random.h>
#include <sys/types.h>

#include "operator/docker/engine_snapshot.h"
#include "operator/wire/docker_request.h"

namespace walguard::docker {
namespace {

constexpr std::size_t kRemembered = 64;

std::string random_hex() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace

std::string PreflightPass::issue() {
  std::string name = std::string(kPreflightNamePrefix) + random_hex();
  const std::lock_guard lock(mutex_);
  names_.insert(name);
  unused_.insert(name);
  return name;
}

void PreflightPass::withdraw(const std::string& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(name);
  unused_.erase(name);
}

void PreflightPass::made(const std::string& id) {
  const std::lock_guard lock(mutex_);
  starts_.insert(id);
  own_.push_back(id);
  if (own_.size() > kRemembered) own_.pop_front();
}

void PreflightPass::close(const std::string& id) {
  const std::lock_guard lock(mutex_);
  starts_.erase(id);
}

bool PreflightPass::takes(const wire::DockerRequest& request) {
  const std::lock_guard lock(mutex_);
  if (const auto* create = std::get_if<wire::CreateContainer>(&request)) {
    return unused_.erase(create->container.name) == 1;
  }
  if (const auto* start = std::get_if<wire::StartContainer>(&request)) {
    return starts_.erase(start->container) == 1;
  }
  return false;
}

std::shared_ptr<const EngineSnapshot> PreflightPass::without_own(
    std::shared_ptr<const EngineSnapshot> snapshot) const {
  const std::lock_guard lock(mutex_);
  const auto is_own = [&](const auto& entry) {
    return std::ranges::find(own_, entry.first) != own_.end() ||
           (!unused_.contains(entry.second->container.name) && names_.contains(entry.second->container.name));
  };
  const bool any = (!own_.empty() || !names_.empty()) && std::ranges::any_of(snapshot->containers, is_own);
  if (!any) return snapshot;
  auto others = std::make_shared<EngineSnapshot>(*snapshot);
  auto& containers = others->containers;
  for (auto each = containers.begin(); each != containers.end();) {
    each = is_own(*each) ? containers.erase(each) : std::next(each);
  }
  return others;
}

}  // namespace walguard::docker
