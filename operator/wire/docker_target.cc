#include "operator/wire/docker_target.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "operator/core/mounted_path.h"

namespace walguard::wire {
namespace {

struct SplitUri {
  std::string_view path;
  std::string_view query;
};

SplitUri split(std::string_view uri) {
  const std::size_t mark = uri.find('?');
  if (mark == std::string_view::npos) return {.path = uri, .query = {}};
  return {.path = uri.substr(0, mark), .query = uri.substr(mark + 1)};
}

/// "http://host/path" and "http:/path", which servers take as well, without what stands before the path.
std::string_view without_scheme(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos) return path;
  path.remove_prefix(slash);
  if (!path.starts_with("//")) return path;
  const std::size_t end_of_host = path.find('/', 2);
  return end_of_host == std::string_view::npos ? std::string_view("/") : path.substr(end_of_host);
}

std::optional<unsigned int> hex_digit(char c) {
  constexpr unsigned int kTen = 10;
  if (c >= '0' && c <= '9') return static_cast<unsigned int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned int>(c - 'a') + kTen;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned int>(c - 'A') + kTen;
  return std::nullopt;
}

std::optional<char> hex_pair(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto high = hex_digit(text[0]);
  const auto low = hex_digit(text[1]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>((*high << 4U) | *low);
}

/// nullopt: a percent sign with something else behind it.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto decoded = hex_pair(text.substr(i + 1));
    if (!decoded) return std::nullopt;
    out += *decoded;
    i += 2;
  }
  return out;
}

/// Takes "/v1.41" off the front; empty where there is none.
std::string_view take_version(std::string_view& path) {
  const bool is_version = path.size() > 2 && (path[1] == 'v' || path[1] == 'V') &&
                          (path[2] == '.' || (std::isdigit(static_cast<unsigned char>(path[2])) != 0));
  if (!is_version) return {};
  const std::size_t end = std::min(path.find('/', 1), path.size());
  const std::string_view version = path.substr(1, end - 1);
  path.remove_prefix(end);
  return version;
}

std::optional<int> known_minor(std::string_view version) {
  constexpr std::string_view kMajor = "v1.";
  if (!version.starts_with(kMajor) || version.size() != kMajor.size() + 2) return std::nullopt;
  int minor = 0;
  const auto [end, error] =
      std::from_chars(version.data() + kMajor.size(), version.data() + version.size(), minor);
  const bool known = error == std::errc() && end == version.data() + version.size() &&
                     minor >= kOldestApiMinor && minor <= kNewestApiMinor;
  return known ? std::optional(minor) : std::nullopt;
}

/// What stands between the two; empty where it does not.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  if (text.size() <= before.size() + after.size()) return {};
  if (!text.starts_with(before) || !text.ends_with(after)) return {};
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

struct Match {
  DockerRoute route = DockerRoute::kNoStorage;
  std::string_view object = {};
};

/// The table of routes. A container's name may have slashes: an engine with links of old knows "web/db".
Match match(std::string_view path) {
  if (path == "/containers/create") return {.route = DockerRoute::kCreateContainer};
  if (path == "/volumes/create") return {.route = DockerRoute::kCreateVolume};
  if (path == "/services/create") return {.route = DockerRoute::kCreateService};
  for (const std::string_view verb : {"/start", "/restart"}) {
    const std::string_view name = between(path, "/containers/", verb);
    if (!name.empty()) return {.route = DockerRoute::kStartContainer, .object = name};
  }
  const std::string_view service = between(path, "/services/", "/update");
  if (!service.empty()) return {.route = DockerRoute::kUpdateService, .object = service};
  return {};
}

/// A version is shown only where it is one, cut where it is long.
std::string unknown_version(std::string_view version) {
  constexpr std::size_t kLongest = 12;
  const bool plain = std::ranges::all_of(
      version.substr(1), [](char c) { return c == '.' || std::isdigit(static_cast<unsigned char>(c)) != 0; });
  const std::string name =
      plain && version.size() <= kLongest ? "version " + std::string(version) : "this version";
  return name + " of the engine's API is not known to walguard, which reads v1." +
         std::to_string(kOldestApiMinor) + " to v1." + std::to_string(kNewestApiMinor) +
         "; set DOCKER_API_VERSION to one of these, or upgrade walguard";
}

constexpr std::string_view kNotPlain =
    "the path of the request is not written as clients write it (percent-encoding, //, . or .., a slash at "
    "its end, or a whole URL); write it plainly, as /v1.41/containers/create";

struct Parameter {
  bool readable = true;
  bool twice = false;
  std::string value;
};

/// The parameter's first value, as the engine takes it.
Parameter parameter_in(std::string_view query, std::string_view name) {
  Parameter out;
  bool found = false;
  while (!query.empty() && out.readable) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto key = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    out.readable = key && value;
    if (!key || !value || *key != name) continue;
    out.twice = found;
    if (!found) out.value = *std::move(value);
    found = true;
  }
  return out;
}

tl::expected<DockerTarget, std::string> read_query(DockerTarget target, std::string_view query) {
  const bool creates = target.route == DockerRoute::kCreateContainer;
  if (!creates && target.route != DockerRoute::kUpdateService) return target;
  const std::string_view wanted = creates ? "name" : "rollback";
  Parameter found = parameter_in(query, wanted);
  if (!found.readable || found.twice) {
    return tl::make_unexpected("the request's parameter \"" + std::string(wanted) +
                               "\" is given twice, or its percent-encoding is broken; write it once");
  }
  if (creates) {
    target.name = std::move(found.value);
  } else {
    target.rolls_back = !found.value.empty() && found.value != "none";
  }
  return target;
}

}  // namespace

tl::expected<DockerTarget, std::string> read_docker_target(std::string_view method, std::string_view uri) {
  constexpr std::string_view kPost = "POST";
  const bool posts = std::ranges::equal(
      method, kPost, [](char c, char upper) { return std::toupper(static_cast<unsigned char>(c)) == upper; });
  if (!posts) return DockerTarget();
  const SplitUri parts = split(uri);
  const std::string_view written = without_scheme(parts.path);
  const std::string clean =
      core::normalised_path(percent_decoded(written, false).value_or(std::string(written)));
  std::string_view path = clean;
  const std::string_view version = take_version(path);
  const Match found = match(path);
  if (found.route == DockerRoute::kNoStorage) return DockerTarget();
  const bool plain = clean == parts.path && clean.find('%') == std::string::npos;
  if (!plain) return tl::make_unexpected(std::string(kNotPlain));
  DockerTarget target;
  target.route = found.route;
  target.object = found.object;
  if (!version.empty()) {
    target.api_minor = known_minor(version);
    if (!target.api_minor) return tl::make_unexpected(unknown_version(version));
  }
  return read_query(std::move(target), parts.query);
}

}  // namespace walguard::wire
