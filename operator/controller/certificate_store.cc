#include "operator/controller/certificate_store.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <tl/expected.hpp>

#include "operator/controller/certificate_objects.h"
#include "operator/controller/certificates.h"
#include "operator/controller/change_signal.h"
#include "operator/controller/log.h"
#include "operator/kube/api_error.h"
#include "operator/kube/backoff.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/reflector.h"
#include "operator/kube/resource.h"

namespace walguard::controller {
namespace {

template <typename T>
using Result = tl::expected<T, std::string>;

kube::ResourceType secrets() { return {"", "v1", "secrets", true}; }
kube::ResourceType mutating() {
  return {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", false};
}
kube::ResourceType validating() {
  return {"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", false};
}

/// Rings for every change of an object that is held elsewhere.
class Bell : public kube::ObjectSink {
 public:
  explicit Bell(ChangeSignal& changes) : changes_(changes) {}
  void begin_list() override {}
  void end_list() override { changes_.notify(); }
  void put(const kube::ObjectView&) override { changes_.notify(); }
  void remove(const kube::ObjectView&) override { changes_.notify(); }

 private:
  ChangeSignal& changes_;
};

}  // namespace

CertificateStore::CertificateStore(const kube::Client& client, CertificateOptions options,
                                   CertificateParts parts)
    : client_(client),
      options_(std::move(options)),
      parts_(std::move(parts)),
      dns_names_(service_dns_names(options_.service, options_.namespace_name)) {}

kube::ObjectName CertificateStore::secret_name() const {
  return {secrets(), options_.namespace_name, options_.secret, ""};
}

void CertificateStore::say(LogLevel level, const std::string& line) const {
  if (parts_.log) parts_.log(level, "certificates: " + line);
}

std::string CertificateStore::explain(const kube::ApiError& error, const std::string& what) const {
  std::string line = what + ": " + error.text();
  if (error.is(403))
    line += ". Remedy: grant it in the role of walguard's service account, as the chart does";
  return line;
}

/// nullopt: there is no Secret.
Result<std::optional<TlsSecret>> CertificateStore::read(const std::stop_token& stop) const {
  const auto answer = client_.get(secret_name(), stop);
  if (!answer && answer.error().is_not_found()) return std::nullopt;
  if (!answer)
    return tl::make_unexpected(explain(answer.error(), "Secret " + options_.secret + " is not read"));
  auto secret = read_tls_secret(*answer);
  if (!secret) return tl::make_unexpected("Secret " + options_.secret + ": " + secret.error());
  return std::optional<TlsSecret>(*std::move(secret));
}

Result<TlsMaterial> CertificateStore::create(const std::stop_token& stop) {
  const RenewalPlan both{.authority = true, .serving_pair = true, .reason = "there is no Secret"};
  auto made = renewed({}, both, dns_names_, parts_.now());
  if (!made) return made;
  const auto created = client_.create(secrets(), options_.namespace_name,
                                      tls_secret_object(options_.namespace_name, options_.secret, *made),
                                      kube::DryRun::kNo, stop);
  if (created) {
    say(LogLevel::kInfo, "Secret " + options_.secret + " made");
    return made;
  }
  if (!created.error().is_already_exists()) {
    return tl::make_unexpected(explain(created.error(), "Secret " + options_.secret + " is not made"));
  }
  const auto others = read(stop);
  if (!others) return tl::make_unexpected(others.error());
  const std::optional<TlsSecret>& found = *others;
  if (!found) return tl::make_unexpected("Secret " + options_.secret + " was there and is gone: try again");
  return found->material;
}

/// Of two who renew at once, the second is refused by its resourceVersion and reads what the first has made.
Result<TlsMaterial> CertificateStore::renew(const TlsSecret& secret, const RenewalPlan& plan,
                                            const std::stop_token& stop) {
  auto made = renewed(secret.material, plan, dns_names_, parts_.now());
  if (!made) return made;
  const auto patched = client_.patch(secret_name(), kube::PatchKind::kMerge,
                                     tls_secret_patch(*made, secret.resource_version), {}, stop);
  if (patched) {
    say(LogLevel::kInfo, std::string(plan.authority && plan.serving_pair ? "authority and serving pair"
                                     : plan.authority                    ? "authority"
                                                                         : "serving pair") +
                             " made anew: " + plan.reason);
    return made;
  }
  if (!patched.error().is_conflict()) {
    return tl::make_unexpected(explain(patched.error(), "Secret " + options_.secret + " is not renewed"));
  }
  const auto others = read(stop);
  if (!others) return tl::make_unexpected(others.error());
  const std::optional<TlsSecret>& found = *others;
  if (!found) return tl::make_unexpected("Secret " + options_.secret + " was deleted: try again");
  return found->material;
}

Result<TlsMaterial> CertificateStore::load_or_create(const std::stop_token& stop) {
  const auto answer = read(stop);
  if (!answer) return tl::make_unexpected(answer.error());
  const std::optional<TlsSecret>& secret = *answer;
  if (!secret) return create(stop);
  const RenewalPlan plan = plan_renewal(secret->material, dns_names_, std::nullopt, parts_.now());
  // What still serves is the leader's to renew.
  return plan.cannot_serve ? renew(*secret, plan, stop) : Result<TlsMaterial>(secret->material);
}

void CertificateStore::follow(TlsMaterial in_use, const std::stop_token& stop) {
  const kube::Waiter wait = kube::sleeping_waiter();
  while (wait(options_.read_every, stop)) {
    const auto answer = read(stop);
    if (!answer) {
      if (!stop.stop_requested()) say(LogLevel::kWarning, answer.error() + "; the pair in use stays");
      continue;
    }
    const std::optional<TlsSecret>& secret = *answer;
    // Where it is gone, the leader makes another.
    if (!secret || secret->material == in_use) continue;
    if (const auto used = parts_.use(secret->material); used) {
      say(LogLevel::kInfo, "a new serving pair is in use");
    } else {
      say(LogLevel::kError, used.error() + "; the pair in use stays");
    }
    in_use = secret->material;  // a broken one is complained of once
  }
}

void CertificateStore::run(const std::stop_token& stop) {
  const kube::Waiter wait = kube::sleeping_waiter();
  std::minstd_rand generator(std::random_device{}());
  for (int failures = 1;; ++failures) {
    auto material = load_or_create(stop);
    auto used = material ? parts_.use(*material) : tl::make_unexpected(material.error());
    if (stop.stop_requested()) return;
    if (used) {
      set_why_none("");
      return follow(*std::move(material), stop);
    }
    // In the same words once, and not for as long as the API server is away.
    if (used.error() != why_none()) say(LogLevel::kWarning, used.error());
    set_why_none(used.error());
    const double chance = std::uniform_real_distribution<>(0.0, 1.0)(generator);
    if (!wait(kube::backoff_wait(options_.first_pair, failures, chance), stop)) return;
  }
}

std::string CertificateStore::why_none() const {
  const std::lock_guard lock(mutex_);
  return why_none_;
}

void CertificateStore::set_why_none(std::string why) {
  const std::lock_guard lock(mutex_);
  why_none_ = std::move(why);
}

void CertificateStore::lead(const std::stop_token& stop) {
  published_at_.reset();
  published_.clear();
  ChangeSignal changes;
  Bell bell(changes);
  const kube::Selection ours{
      .namespace_name = "", .label_selector = "", .field_selector = "metadata.name=" + options_.webhooks};
  kube::Reflector mutating_webhooks(client_, mutating(), ours, bell);
  kube::Reflector validating_webhooks(client_, validating(), ours, bell);
  const std::jthread watching_one([&](const std::stop_token& own) { mutating_webhooks.run(own); });
  const std::jthread watching_the_other([&](const std::stop_token& own) { validating_webhooks.run(own); });
  const kube::Waiter wait = kube::sleeping_waiter();
  do {
    const std::uint64_t seen = changes.changes();
    (void)keep(stop);
    changes.wait(seen, options_.check_every, stop);
  } while (wait(options_.pause, stop));
}

bool CertificateStore::keep(const std::stop_token& stop) {
  const auto material = kept_material(stop);
  if (!material) {
    if (!stop.stop_requested()) say(LogLevel::kError, material.error());
    return false;
  }
  return publish_both(material->authority_bundle, stop);
}

/// As it lies in the Secret, made or renewed where that is due.
Result<TlsMaterial> CertificateStore::kept_material(const std::stop_token& stop) {
  const auto answer = read(stop);
  if (!answer) return tl::make_unexpected(answer.error());
  const std::optional<TlsSecret>& secret = *answer;
  if (!secret) return create(stop);
  const auto published_at = secret->material.authority_bundle == published_ ? published_at_ : std::nullopt;
  const RenewalPlan plan = plan_renewal(secret->material, dns_names_, published_at, parts_.now());
  return plan.nothing() ? Result<TlsMaterial>(secret->material) : renew(*secret, plan, stop);
}

/// True: this bundle is in both configurations that are there.
bool CertificateStore::publish_both(const std::string& bundle, const std::stop_token& stop) {
  bool good = true;
  bool changed = bundle != published_;
  for (const kube::ResourceType& type : {mutating(), validating()}) {
    const auto patched = publish(type, bundle, stop);
    if (!patched) {
      if (!stop.stop_requested()) say(LogLevel::kError, patched.error());
      good = false;
    } else {
      changed = changed || *patched;
    }
  }
  if (!good) {
    published_at_.reset();
  } else if (changed || !published_at_) {
    published_ = bundle;
    published_at_ = parts_.now();
  }
  return good;
}

/// Whether it had to be patched.
Result<bool> CertificateStore::publish(const kube::ResourceType& type, const std::string& bundle,
                                       const std::stop_token& stop) const {
  const kube::ObjectName name{type, "", options_.webhooks, ""};
  const std::string what = type.plural + " \"" + options_.webhooks + "\"";
  const auto configuration = client_.get(name, stop);
  // Not installed yet, or no more: there is nobody to be trusted by.
  if (!configuration && configuration.error().is_not_found()) return false;
  if (!configuration) return tl::make_unexpected(explain(configuration.error(), what + " is not read"));
  const auto due = ca_bundle_patch(*configuration, bundle);
  if (!due) return tl::make_unexpected(what + ": " + due.error());
  const std::optional<std::string>& patch = *due;
  if (!patch) return false;
  const auto patched = client_.patch(name, kube::PatchKind::kJson, *patch, {}, stop);
  if (!patched) return tl::make_unexpected(explain(patched.error(), what + " does not get its caBundle"));
  say(LogLevel::kInfo, what + " has the authority of the webhook's certificate");
  return true;
}

}  // namespace walguard::controller
