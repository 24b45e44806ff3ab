#include "operator/kube/kubeconfig.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <curl/curl.h>
#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/in_cluster.h"
#include "operator/kube/kubeconfig_reader.h"

namespace walguard::kube {
namespace {

/// One of the lists `clusters`, `users` and `contexts`, merged: name to the map inside its entry.
using Named = std::map<std::string, ConfigField>;

struct Merged {
  Named clusters;
  Named users;
  Named contexts;
  std::string current_context;
  std::string files;  ///< all that were read, for messages
};

/// Adds the entries of one file. A name that an earlier file has stays as it is there, as a whole.
void merge_list(const ConfigField& file, const std::string& list, const std::string& inside, Named& merged) {
  Named of_file;
  for (const ConfigField& entry : file.items(list)) {
    const std::string name = entry.required_text("name", "give each entry of " + list + " a name");
    const auto value = entry.find(inside);
    if (!value) entry.fail(inside, "is missing; each entry of " + list + " holds its values in it");
    if (!of_file.emplace(name, *value).second) {
      entry.fail("name", "is \"" + name + "\", as an entry above; rename or remove one of the two");
    }
  }
  merged.merge(of_file);
}

void merge_file(const std::string& path, Merged& merged) {
  const ConfigField file = open_kubeconfig(path);
  merge_list(file, "clusters", "cluster", merged.clusters);
  merge_list(file, "users", "user", merged.users);
  merge_list(file, "contexts", "context", merged.contexts);
  if (merged.current_context.empty()) merged.current_context = file.text("current-context");
  merged.files += (merged.files.empty() ? "" : ":") + path;
}

Merged merge(const KubeconfigFiles& files) {
  Merged merged;
  for (const std::string& path : files.paths) {
    std::error_code ignored;
    if (files.may_be_missing && !std::filesystem::exists(path, ignored)) continue;
    merge_file(path, merged);
  }
  if (merged.files.empty()) {
    std::string names;
    for (const std::string& path : files.paths) names += (names.empty() ? "" : ":") + path;
    throw ConfigError("no kubeconfig: none of " + names +
                      " exists; name one with --kubeconfig or in KUBECONFIG");
  }
  return merged;
}

std::string names_of(const Named& entries) {
  std::string names;
  for (const auto& [name, field] : entries) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

/// The scheme of a URL with a host; nullopt for anything else.
std::optional<std::string> scheme_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* scheme = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string text(scheme);
  curl_free(scheme);
  return text;
}

bool has_scheme(const std::string& url, std::initializer_list<std::string_view> allowed) {
  const auto scheme = scheme_of(url);
  return scheme && std::ranges::find(allowed, *scheme) != allowed.end();
}

/// kubectl allows a bare "host:port" and takes it for http.
std::string read_server(const ConfigField& cluster) {
  std::string server = cluster.required_text("server", "write the API server's URL, https://HOST:PORT");
  const std::string given = server;
  if (server.find("://") == std::string::npos) server.insert(0, "http://");
  if (!has_scheme(server, {"https", "http"}) || server.find_first_of("?#@ ") != std::string::npos) {
    cluster.fail("server", "is \"" + given + "\"; write a URL such as https://HOST:PORT");
  }
  while (server.ends_with('/')) server.pop_back();
  return server;
}

void read_cluster(const ConfigField& cluster, ClusterConfig& config) {
  config.server = read_server(cluster);
  config.certificate_authority = cluster.pem("certificate-authority");
  config.insecure_skip_tls_verify = cluster.flag("insecure-skip-tls-verify");
  config.tls_server_name = cluster.text("tls-server-name");
  config.proxy_url = cluster.text("proxy-url");
  if (config.insecure_skip_tls_verify && !config.certificate_authority.empty()) {
    cluster.fail("insecure-skip-tls-verify", "is true beside a certificate-authority; remove one of the two");
  }
  // A proxy's URL may hold a password and is not repeated.
  if (!config.proxy_url.empty() && !has_scheme(config.proxy_url, {"http", "https", "socks5", "socks5h"})) {
    cluster.fail("proxy-url", "is not the URL of a proxy; write http://, https:// or socks5://HOST:PORT");
  }
}

constexpr std::array<std::string_view, 2> kExecVersions = {"client.authentication.k8s.io/v1",
                                                           "client.authentication.k8s.io/v1beta1"};

ExecPlugin read_exec(const ConfigField& exec) {
  ExecPlugin plugin;
  plugin.api_version = exec.required_text("apiVersion", "write client.authentication.k8s.io/v1");
  if (std::ranges::find(kExecVersions, plugin.api_version) == kExecVersions.end()) {
    exec.fail("apiVersion",
              "is \"" + plugin.api_version +
                  "\"; write client.authentication.k8s.io/v1 or v1beta1, as the plugin supports");
  }
  plugin.command = exec.required_text("command", "name the credential plugin's program");
  if (plugin.command.find('/') != std::string::npos) plugin.command = exec.beside_file(plugin.command);
  if (exec.text("interactiveMode") == "Always") {
    exec.fail("interactiveMode",
              "is \"Always\", and there is no terminal here; use a plugin that can do without");
  }
  if (const auto arguments = exec.find("args")) plugin.arguments = arguments->texts();
  for (const ConfigField& variable : exec.items("env")) {
    plugin.environment.push_back(
        variable.required_text("name", "name the variable").append("=").append(variable.text("value")));
  }
  plugin.provide_cluster_info = exec.flag("provideClusterInfo");
  plugin.install_hint = exec.text("installHint");
  return plugin;
}

void refuse_what_is_not_supported(const ConfigField& user) {
  for (const std::string key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (user.find(key)) user.fail(key, "asks for impersonation, which walguard does not do; remove it");
  }
  if (user.find("auth-provider")) {
    user.fail("auth-provider",
              "was removed from Kubernetes 1.26; use an exec plugin, a token or a certificate");
  }
  for (const std::string key : {"username", "password"}) {
    if (user.find(key)) {
      user.fail(key, "is no longer taken by API servers (since 1.19); use a token or a certificate");
    }
  }
}

UserConfig read_user(const ConfigField& user) {
  refuse_what_is_not_supported(user);
  UserConfig config;
  config.client_certificate = user.pem("client-certificate");
  config.client_key = user.pem("client-key");
  if (config.client_certificate.empty() != config.client_key.empty()) {
    const bool no_key = config.client_key.empty();
    user.fail(no_key ? "client-key" : "client-certificate",
              std::string("is missing beside its ") + (no_key ? "certificate" : "key") +
                  "; give both, each inline (-data) or as a file");
  }
  config.token = user.text("token");
  config.token_file = user.file_path("tokenFile");
  if (const auto exec = user.find("exec")) config.exec = read_exec(*exec);
  return config;
}

ClusterConfig choose(const Merged& merged, const std::string& asked_context) {
  const std::string name = asked_context.empty() ? merged.current_context : asked_context;
  if (name.empty()) {
    throw ConfigError(merged.files +
                      ": current-context is not set; name one of the contexts with --context: " +
                      names_of(merged.contexts));
  }
  const auto context = merged.contexts.find(name);
  if (context == merged.contexts.end()) {
    throw ConfigError(merged.files + ": there is no context \"" + name +
                      "\"; choose with --context or current-context among: " + names_of(merged.contexts));
  }
  const ConfigField& chosen = context->second;
  const auto look_up = [&](const Named& entries, const std::string& key) -> const ConfigField& {
    const std::string wanted = chosen.required_text(key, "name one of: " + names_of(entries));
    const auto found = entries.find(wanted);
    if (found == entries.end()) {
      chosen.fail(key, "is \"" + wanted + "\", which is not there; name one of: " + names_of(entries));
    }
    return found->second;
  };

  ClusterConfig config;
  config.source = "context " + name + " of " + chosen.file();
  read_cluster(look_up(merged.clusters, "cluster"), config);
  if (!chosen.text("user").empty()) config.user = read_user(look_up(merged.users, "user"));
  if (const std::string space = chosen.text("namespace"); !space.empty()) config.namespace_name = space;
  return config;
}

}  // namespace

KubeconfigFiles kubeconfig_files(const std::string& given, const Environment& environment) {
  if (!given.empty()) return {{given}, false};
  KubeconfigFiles files{{}, true};
  std::istringstream list(environment("KUBECONFIG").value_or(""));
  for (std::string path; std::getline(list, path, ':');) {
    if (!path.empty() && std::ranges::find(files.paths, path) == files.paths.end())
      files.paths.push_back(path);
  }
  if (files.paths.empty()) files.paths.push_back(environment("HOME").value_or("") + "/.kube/config");
  return files;
}

tl::expected<ClusterConfig, std::string> load_kubeconfig(const KubeconfigFiles& files,
                                                         const std::string& context) {
  try {
    return choose(merge(files), context);
  } catch (const ConfigError& error) {
    return tl::unexpected(std::string(error.what()));
  }
}

tl::expected<ClusterConfig, std::string> find_cluster(const std::string& given_kubeconfig,
                                                      const std::string& context,
                                                      const Environment& environment) {
  const bool named = !given_kubeconfig.empty() || !environment("KUBECONFIG").value_or("").empty();
  if (!named && context.empty() && is_in_cluster(environment)) return in_cluster_config(environment);
  return load_kubeconfig(kubeconfig_files(given_kubeconfig, environment), context);
}

}  // namespace walguard::kube
