#include "operator/cli/selftest.h"

#include <array>
#include <chrono>
#include <iomanip>
#include <ios>
#include <ostream>
#include <ratio>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/cli/exit_code.h"
#include "operator/kube/client.h"
#include "operator/kube/cluster_config.h"
#include "operator/kube/credentials.h"
#include "operator/kube/curl_transport.h"
#include "operator/kube/http.h"

namespace walguard::cli {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{500};  // between two attempts to reach the webhook

/// A pod and what must become of it, whatever the cluster holds and whatever mode is in force. Where walguard
/// is off, what it would have denied is only told.
struct Question {
  std::string_view what;
  bool allowed;
  std::string_view rule;  ///< in the words of a denial
  std::string_view pod;   ///< JSON
};

constexpr std::array kQuestions = {
    Question{"a pod without volumes is allowed", true, "",
             R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "selftest"},
                 "spec": {"containers": [{"name": "app", "image": "app"}]}})"},
    Question{"a pod that requires local storage for its database, and has it on NFS, is denied", false,
             "network-filesystem",
             R"({"apiVersion": "v1", "kind": "Pod",
                 "metadata": {"name": "selftest", "annotations": {
                   "walguard/require-local": "true", "walguard/databases": "/data/app.db"}},
                 "spec": {
                   "containers": [{"name": "app", "image": "app",
                                   "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                   "volumes": [{"name": "data", "nfs": {"server": "nfs.invalid", "path": "/"}}]}})"},
};

/// dryRun: nothing is ordered for a pod that will never be.
std::string review_of(const Question& question) {
  const json review = {{"apiVersion", "admission.k8s.io/v1"},
                       {"kind", "AdmissionReview"},
                       {"request",
                        {{"uid", "walguard-selftest"},
                         {"kind", {{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}},
                         {"resource", {{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
                         {"namespace", "walguard-selftest"},
                         {"name", "selftest"},
                         {"operation", "CREATE"},
                         {"dryRun", true},
                         {"object", json::parse(question.pod)}}}};
  return review.dump();
}

/// "walguard is off in this namespace", as the webhook warns then.
bool tells_that_it_is_off(const kube::HttpReply& reply) {
  return reply.body.find("walguard is off") != std::string::npos;
}

/// What is wrong with the reply; empty: nothing.
std::string complaint(const Question& question, const kube::HttpReply& reply) {
  if (reply.status != 200) return "HTTP " + std::to_string(reply.status) + ": " + reply.body;
  const json answer = json::parse(reply.body, nullptr, false);
  const json response = answer.is_object() ? answer.value("response", json::object()) : json::object();
  if (!response.is_object() || response.value("uid", "") != "walguard-selftest")
    return "this is no answer to our question: " + reply.body;
  const bool expected = question.allowed || tells_that_it_is_off(reply);
  if (response.value("allowed", !expected) != expected) return "it answered " + reply.body;
  if (!question.allowed && reply.body.find(question.rule) == std::string::npos)
    return "it was denied for another reason than " + std::string(question.rule) + ": " + reply.body;
  return {};
}

struct Target {
  std::string server;  ///< "https://host:port"
  std::string path;
};

tl::expected<Target, std::string> parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "https://";
  const auto slash = url.starts_with(kScheme) ? url.find('/', kScheme.size()) : std::string::npos;
  if (slash == std::string::npos || slash == kScheme.size()) {
    return tl::unexpected(
        "--url: \"" + url +
        "\": give the whole address, such as https://walguard.walguard-system.svc/validate");
  }
  return Target{.server = url.substr(0, slash), .path = url.substr(slash)};
}

/// Whether a webhook that is just being started may do better a moment later.
bool may_pass(const kube::TransportError& error) {
  return error.failure == kube::ExchangeFailure::kUnreachable ||
         error.failure == kube::ExchangeFailure::kCut || error.failure == kube::ExchangeFailure::kSilent;
}

tl::expected<kube::HttpReply, std::string> ask(kube::HttpTransport& transport, const std::string& path,
                                               const Question& question, steady_clock::time_point deadline) {
  const kube::Waiter wait = kube::sleeping_waiter();
  const std::stop_token never;
  kube::HttpRequest request{.method = "POST", .target = path, .body = review_of(question)};
  request.deadline = std::chrono::seconds{10};
  while (true) {
    auto reply = transport.exchange(request, nullptr, never);
    if (reply) return *std::move(reply);
    if (!may_pass(reply.error()) || steady_clock::now() + kPause > deadline)
      return tl::unexpected(std::move(reply.error().message));
    (void)wait(kPause, never);
  }
}

}  // namespace

int selftest(const SelftestOptions& options, std::ostream& out, std::ostream& err) {
  const auto target = parse_url(options.url);
  if (!target) {
    err << "walguard selftest: " << target.error() << '\n';
    return kBadInput;
  }
  kube::ClusterConfig webhook;
  webhook.source = "--url";
  webhook.server = target->server;
  webhook.certificate_authority.file = options.ca_file;
  const auto now = [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); };
  auto anonymous = kube::make_credential_source(webhook, now);
  kube::CurlTransport transport(webhook, std::move(anonymous));

  const auto deadline = steady_clock::now() + options.timeout;
  for (const Question& question : kQuestions) {
    const auto begin = steady_clock::now();
    const auto reply = ask(transport, target->path, question, deadline);
    const std::string wrong = reply ? complaint(question, *reply) : reply.error();
    if (!wrong.empty()) {
      err << "walguard selftest: " << options.url << ": should be: " << question.what << "; " << wrong
          << '\n';
      return kInternalError;
    }
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - begin;
    const bool only_told = !question.allowed && tells_that_it_is_off(*reply);
    out << "ok: " << question.what << (only_told ? ", where walguard is not off as it is here" : "") << " ("
        << std::fixed << std::setprecision(1) << took.count() << " ms)\n";
  }
  return kOk;
}

}  // namespace walguard::cli
