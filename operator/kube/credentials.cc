#include "operator/kube/credentials.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/kube/cluster_config.h"
#include "operator/kube/exec_credential.h"
#include "operator/process/child_process.h"

namespace walguard::kube {
namespace {

using Result = tl::expected<Credential, std::string>;

/// A token with anything else in it than visible characters would end or forge a header field.
Result with_token(Credential credential, std::string token, const std::string& origin) {
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.empty()) return tl::unexpected(origin + ": the token is empty; write the token alone into it");
  if (!std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; })) {
    return tl::unexpected(origin +
                          ": the token holds characters that no token has; write the token alone into it");
  }
  credential.bearer_token = std::move(token);
  return credential;
}

/// Certificates and tokens as configured.
class FixedSource : public CredentialSource {
 public:
  FixedSource(Credential credential, std::string origin)
      : credential_(std::move(credential)), origin_(std::move(origin)) {}

  Result current(const std::stop_token& /*stop*/) override {
    if (credential_.bearer_token.empty()) return credential_;
    return with_token(credential_, credential_.bearer_token, origin_);
  }
  bool forget(const Credential& /*refused*/) override { return false; }

 private:
  const Credential credential_;
  const std::string origin_;
};

/// Reads the file each time: it is small, in memory or the page cache, and so never a minute behind.
class TokenFileSource : public CredentialSource {
 public:
  TokenFileSource(Credential base, std::string path) : base_(std::move(base)), path_(std::move(path)) {}

  Result current(const std::stop_token& /*stop*/) override {
    auto token = read_file(path_);
    if (!token) return tl::unexpected(token.error());
    return with_token(base_, std::move(*token), path_);
  }
  bool forget(const Credential& refused) override {
    const Result now = current({});
    return now && now->bearer_token != refused.bearer_token;
  }

 private:
  const Credential base_;
  const std::string path_;
};

class ExecSource : public CredentialSource {
 public:
  ExecSource(ClusterConfig cluster, ExecPlugin plugin, UtcClock clock)
      : cluster_(std::move(cluster)),
        plugin_(std::move(plugin)),
        clock_(std::move(clock)),
        runner_(process::ChildLimits{.deadline = kDeadline}) {}

  Result current(const std::stop_token& stop) override {
    const std::lock_guard lock(mutex_);  // held while the plugin runs: the others wait for the same answer
    if (!held_ || has_expired(*held_)) {
      auto fresh = run(stop);
      if (!fresh) return tl::unexpected("credential plugin " + plugin_.command + ": " + fresh.error());
      held_ = std::move(*fresh);
    }
    return held_->credential;
  }

  bool forget(const Credential& refused) override {
    const std::lock_guard lock(mutex_);
    const bool is_held = held_ && held_->credential.bearer_token == refused.bearer_token &&
                         held_->credential.client_certificate.data == refused.client_certificate.data;
    if (is_held) held_.reset();  // else another thread has asked for a new one since
    return true;
  }

 private:
  static constexpr std::chrono::seconds kDeadline{60};
  /// Asked for anew so long before it expires, so that it does not do so on its way.
  static constexpr std::chrono::seconds kAhead{10};

  [[nodiscard]] bool has_expired(const ExecCredential& held) const {
    return held.expires && clock_() + kAhead >= *held.expires;
  }

  tl::expected<ExecCredential, std::string> run(const std::stop_token& stop) {
    tl::expected<std::string, std::string> authority = cluster_.certificate_authority.data;
    if (plugin_.provide_cluster_info && !cluster_.certificate_authority.file.empty()) {
      authority = read_file(cluster_.certificate_authority.file);
      if (!authority) return tl::unexpected(authority.error());
    }
    std::vector<std::string> command = {plugin_.command};
    command.insert(command.end(), plugin_.arguments.begin(), plugin_.arguments.end());
    std::vector<std::string> environment = plugin_.environment;
    environment.push_back("KUBERNETES_EXEC_INFO=" + exec_info(plugin_, cluster_, *authority));

    const process::ChildEnd end = runner_.run(command, stop, environment);
    if (const auto problem = problem_of(end)) return tl::unexpected(*problem);
    auto credential = parse_exec_credential(end.output, plugin_.api_version);
    if (!credential) return credential;
    if (credential->credential.client_certificate.empty()) {
      credential->credential.client_certificate = cluster_.user.client_certificate;
      credential->credential.client_key = cluster_.user.client_key;
    }
    if (credential->credential.bearer_token.empty()) return credential;
    const std::string token = credential->credential.bearer_token;
    auto checked = with_token(std::move(credential->credential), token, "status.token");
    if (!checked) return tl::unexpected(checked.error());
    return ExecCredential{std::move(*checked), credential->expires};
  }

  /// What stderr says is part of the message: that is where a plugin says "log in first".
  [[nodiscard]] std::optional<std::string> problem_of(const process::ChildEnd& end) const {
    using How = process::ChildEnd::How;
    const std::string said = end.error_tail.empty() ? "" : ": " + end.error_tail;
    switch (end.how) {
      case How::kExited:
        if (end.code == 0) return std::nullopt;
        return "exit code " + std::to_string(end.code) + said;
      case How::kNotStarted:
        return "cannot be started" + said + (plugin_.install_hint.empty() ? "" : "; " + plugin_.install_hint);
      case How::kTimedOut:
        return "gave no answer within " + std::to_string(kDeadline.count()) + " s" + said;
      case How::kStopped:
        return "stopped, as walguard is ending";
      case How::kTooMuchOutput:
        return "printed more than an ExecCredential can hold";
      case How::kKilled:
        return "was ended by signal " + std::to_string(end.code) + said;
    }
    return std::nullopt;
  }

  const ClusterConfig cluster_;
  const ExecPlugin plugin_;
  const UtcClock clock_;
  process::ChildRunner runner_;
  std::mutex mutex_;
  std::optional<ExecCredential> held_;
};

}  // namespace

std::unique_ptr<CredentialSource> make_credential_source(const ClusterConfig& cluster, UtcClock clock) {
  const UserConfig& user = cluster.user;
  Credential base{user.token, user.client_certificate, user.client_key};
  // As in client-go: a token file beats a token, and both beat a plugin.
  if (!user.token_file.empty()) return std::make_unique<TokenFileSource>(std::move(base), user.token_file);
  if (user.token.empty() && user.exec)
    return std::make_unique<ExecSource>(cluster, *user.exec, std::move(clock));
  return std::make_unique<FixedSource>(std::move(base), cluster.source);
}

}  // namespace walguard::kube
