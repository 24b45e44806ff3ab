#include "operator/cli/app.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "operator/check/report.h"
#include "operator/cli/check_command.h"
#include "operator/cli/docker_plugin.h"
#include "operator/cli/exit_code.h"
#include "operator/cli/explain.h"
#include "operator/cli/logger.h"
#include "operator/cli/open_gates.h"
#include "operator/cli/remove_webhooks.h"
#include "operator/cli/selftest.h"
#include "operator/cli/serve.h"
#include "operator/cli/serve_parts.h"
#include "operator/core/verdict.h"
#include "preflight/text/terminal.h"

namespace walguard::cli {
namespace {

/// The words of an option and what they mean, in the order in which the help shows them.
template <typename Enum>
using Words = std::vector<std::pair<std::string, Enum>>;

const Words<core::Mode> kModes = {{"off", core::Mode::kOff},
                                  {"audit", core::Mode::kAudit},
                                  {"warn", core::Mode::kWarn},
                                  {"gate", core::Mode::kGate},
                                  {"enforce", core::Mode::kEnforce}};
const Words<LogFormat> kLogFormats = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
const Words<LogSeverity> kLogLevels = {{"debug", LogSeverity::kDebug},
                                       {"info", LogSeverity::kInfo},
                                       {"warning", LogSeverity::kWarning},
                                       {"error", LogSeverity::kError}};
const Words<ExplainFormat> kExplainFormats = {
    {"text", ExplainFormat::kText}, {"markdown", ExplainFormat::kMarkdown}, {"json", ExplainFormat::kJson}};

const Words<CheckFormat> kCheckFormats = {{"text", CheckFormat::kText},
                                          {"json", CheckFormat::kJson},
                                          {"sarif", CheckFormat::kSarif},
                                          {"junit", CheckFormat::kJunit},
                                          {"github", CheckFormat::kGithub}};
const Words<check::FailOn> kFailOn = {{"unsafe", check::FailOn::kUnsafe},
                                      {"unproven", check::FailOn::kUnproven},
                                      {"warning", check::FailOn::kWarning}};

template <typename Enum>
CLI::Option* add_words(CLI::App& command, const std::string& flag, Enum& value, const Words<Enum>& words,
                       const std::string& help) {
  std::string list;
  std::string initial;
  for (const auto& [word, meaning] : words) {
    list.append(list.empty() ? "" : "|").append(word);
    if (meaning == value) initial = word;
  }
  const auto take = [&value, words, flag, list](const std::string& text) {
    const auto it = std::ranges::find(words, text, &std::pair<std::string, Enum>::first);
    if (it == words.end()) throw CLI::ValidationError(flag, "\"" + text + "\" is not one of " + list);
    value = it->second;
  };
  return command.add_option_function<std::string>(flag, take, help)->type_name(list)->default_str(initial);
}

/// Of a walguard that runs in a cluster; the chart sets them by environment.
void add_cluster(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--kubeconfig", options.kubeconfig,
                  "The cluster to serve; without it as kubectl finds it, in a pod its service account")
      ->type_name("FILE")
      ->envname("WALGUARD_KUBECONFIG");
  command.add_option("--context", options.context, "Context of the kubeconfig; without it the current one")
      ->type_name("NAME")
      ->envname("WALGUARD_CONTEXT");
  command
      .add_option("--namespace", options.namespace_name,
                  "Where walguard's own objects are; without it walguard only answers: it opens no gate and "
                  "runs no preflight")
      ->type_name("NAME")
      ->envname("WALGUARD_NAMESPACE");
  command
      .add_option("--pod-name", options.pod_name,
                  "Name of this replica, unlike any other's; without it the machine's")
      ->type_name("NAME")
      ->envname("WALGUARD_POD_NAME");
  command.add_option("--image", options.image, "The image that preflight pods run")
      ->type_name("IMAGE")
      ->envname("WALGUARD_IMAGE");
  command.add_option("--image-pull-policy", options.image_pull_policy, "Of preflight pods")
      ->type_name("POLICY")
      ->envname("WALGUARD_IMAGE_PULL_POLICY");
  command
      .add_option(
          "--image-pull-secret", options.image_pull_secrets,
          "Secret of the namespace, for the registry; may be given more than once; in the environment "
          "separated by commas")
      ->type_name("NAME")
      ->delimiter(',')
      ->envname("WALGUARD_IMAGE_PULL_SECRETS");
  command
      .add_flag("--trust-node-names", options.trust_node_names,
                "Nodes of two names are two, though they run on one kernel (test clusters)")
      ->envname("WALGUARD_TRUST_NODE_NAMES");
  command
      .add_option(
          "--preflight-patience", options.preflight_patience,
          "Seconds for the claim of a preflight to be bound, and again for its pods to start; more where "
          "volumes or nodes are long in coming")
      ->type_name("SECONDS")
      ->check(CLI::Range(10, 3600))
      ->capture_default_str()
      ->envname("WALGUARD_PREFLIGHT_PATIENCE");
  // Hidden: a crash between two actions of a preflight cannot be had otherwise where time decides.
  command.add_option("--exit-after-actions", options.exit_after_actions)->group("");
  command.add_option("--service-name", options.service_name, "The webhook's Service")
      ->type_name("NAME")
      ->capture_default_str()
      ->envname("WALGUARD_SERVICE_NAME");
  command.add_option("--tls-secret", options.tls_secret, "Where the certificate is kept, without --tls-cert")
      ->type_name("NAME")
      ->capture_default_str()
      ->envname("WALGUARD_TLS_SECRET");
  command
      .add_option("--webhook-name", options.webhook_name,
                  "The Mutating- and ValidatingWebhookConfiguration that trust it")
      ->type_name("NAME")
      ->capture_default_str()
      ->envname("WALGUARD_WEBHOOK_NAME");
  command.add_option("--lease-name", options.lease_name, "The Lease by which replicas choose a leader")
      ->type_name("NAME")
      ->capture_default_str()
      ->envname("WALGUARD_LEASE_NAME");
}

void add_serve(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--standalone", options.standalone,
                  "Serve from this folder of YAML with the cluster's state; no cluster needed")
      ->type_name("DIR")
      ->envname("WALGUARD_STANDALONE");
  add_cluster(command, options);
  command.add_option("--listen", options.listen, "HTTPS: /validate and /mutate")
      ->type_name("ADDR:PORT")
      ->capture_default_str()
      ->envname("WALGUARD_LISTEN");
  command.add_option("--http-listen", options.http_listen, "HTTP: /healthz, /readyz and /metrics")
      ->type_name("ADDR:PORT")
      ->capture_default_str()
      ->envname("WALGUARD_HTTP_LISTEN");
  command.add_option("--tls-cert", options.tls_cert, "PEM file: the webhook's certificate and its chain")
      ->type_name("FILE")
      ->envname("WALGUARD_TLS_CERT");
  command.add_option("--tls-key", options.tls_key, "PEM file: the private key of --tls-cert")
      ->type_name("FILE")
      ->envname("WALGUARD_TLS_KEY");
  command.add_option("--data-dir", options.data_dir, "Where verdicts are kept; on a local filesystem")
      ->type_name("DIR")
      ->capture_default_str()
      ->envname("WALGUARD_DATA_DIR");
  command
      .add_option(
          "--storage-path", options.storage_paths,
          "Where a StorageClass lives, for preflights. DIR2 is a second view of DIR, as another node has it. "
          "May be given more than once; in the environment separated by spaces")
      ->type_name("CLASS=DIR[,DIR2]")
      ->envname("WALGUARD_STORAGE_PATH");
  command
      .add_option("--preflight-binary", options.preflight_binary,
                  "The walguard-preflight to run; without it the one beside this program")
      ->type_name("FILE")
      ->envname("WALGUARD_PREFLIGHT_BINARY");
  add_words(command, "--mode", options.mode, kModes,
            "What to do in namespaces without the label walguard/mode")
      ->envname("WALGUARD_MODE");
  add_words(command, "--log-format", options.log_format, kLogFormats, "Form of the log on stderr")
      ->envname("WALGUARD_LOG_FORMAT");
  add_words(command, "--log-level", options.log_level, kLogLevels, "The least that is logged")
      ->envname("WALGUARD_LOG_LEVEL");
}

void add_check(CLI::App& command, CheckOptions& options) {
  command
      .add_option("PATH", options.paths,
                  "YAML or JSON files, folders of them, or - for standard input, such as the output of helm "
                  "template or kustomize build")
      ->required();
  command
      .add_option("--cluster-state", options.cluster_state,
                  "What is in the cluster already, as kubectl get -o yaml prints it")
      ->type_name("FILE|DIR")
      ->allow_extra_args(false);  // what follows is a PATH
  command
      .add_option("--evidence", options.evidence,
                  "What preflights have measured: kubectl get volumepreflights,claimpreflights -A -o yaml, "
                  "or a report of "
                  "walguard-preflight on the path of a bind")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      .add_option("--docker-info", options.docker_info,
                  "For compose files: what docker info prints of the engine they are for")
      ->type_name("FILE");
  command
      .add_option("--policy", options.policy,
                  "WalguardPolicy objects; without it every risk that an annotation accepts is accepted")
      ->type_name("FILE");
  add_words(command, "--mode", options.mode, kModes, "Answer as in a namespace of this mode");
  add_words(command, "--fail-on", options.fail_on, kFailOn, "The least for an exit code other than 0");
  add_words(command, "-o,--output", options.format, kCheckFormats, "Form of the answer");
}

void add_docker_plugin_tls(CLI::App& command, DockerPluginOptions& options) {
  command
      .add_option("--listen", options.listen,
                  "An address of loopback, over TLS; the engine must show a certificate")
      ->type_name("ADDR:PORT");
  command.add_option("--tls-cert", options.tls_cert, "PEM file: the plugin's certificate and its chain")
      ->type_name("FILE")
      ->envname("WALGUARD_TLS_CERT");
  command.add_option("--tls-key", options.tls_key, "PEM file: the private key of --tls-cert")
      ->type_name("FILE")
      ->envname("WALGUARD_TLS_KEY");
  command
      .add_option("--tls-client-ca", options.tls_client_ca,
                  "PEM file: the authorities that signed the engine's certificate")
      ->type_name("FILE")
      ->envname("WALGUARD_TLS_CLIENT_CA");
}

void add_docker_plugin(CLI::App& command, DockerPluginOptions& options) {
  command
      .add_option("--socket", options.socket,
                  std::string("Where the engine asks; without it and --listen ") + kPluginSocket)
      ->type_name("PATH")
      ->envname("WALGUARD_PLUGIN_SOCKET");
  add_docker_plugin_tls(command, options);
  command
      .add_option("--metrics-address", options.metrics_address,
                  "HTTP: /healthz and /metrics, such as 127.0.0.1:9469; without it neither")
      ->type_name("ADDR:PORT")
      ->envname("WALGUARD_METRICS_ADDRESS");
  command.add_option("--docker-host", options.docker_host, "The engine whose requests are judged")
      ->type_name("unix://PATH")
      ->capture_default_str()
      ->envname("DOCKER_HOST");
  command.add_option("--policy", options.policy, "WalguardPolicy objects")
      ->type_name("FILE")
      ->envname("WALGUARD_POLICY");
  command.add_option("--data-dir", options.data_dir, "Where verdicts are kept; on a local filesystem")
      ->type_name("DIR")
      ->capture_default_str()
      ->envname("WALGUARD_DATA_DIR");
  add_words(command, "--mode", options.mode, kModes, "What to do where the policy says nothing of it")
      ->envname("WALGUARD_MODE");
  add_words(command, "--log-format", options.log_format, kLogFormats, "Form of the log on stderr")
      ->envname("WALGUARD_LOG_FORMAT");
  add_words(command, "--log-level", options.log_level, kLogLevels, "The least that is logged")
      ->envname("WALGUARD_LOG_LEVEL");
}

void add_remove_webhooks(CLI::App& command, RemoveWebhooksOptions& options) {
  command.add_option("--webhook-name", options.name, "Name of both webhook configurations")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option(
          "--kubeconfig", options.kubeconfig,
          "How to reach the cluster; without it $KUBECONFIG, the pod's service account, or ~/.kube/config")
      ->type_name("FILE");
  command.add_option("--context", options.context, "A context of the kubeconfig other than its current one")
      ->type_name("NAME");
}

void add_selftest(CLI::App& command, SelftestOptions& options) {
  command.add_option("--url", options.url, "The webhook: https://SERVICE.NAMESPACE.svc/validate")
      ->type_name("URL")
      ->required();
  command
      .add_option("--ca-file", options.ca_file,
                  "PEM file: whom to trust; without it the system's authorities")
      ->type_name("FILE");
  command
      .add_option_function<int>(
          "--timeout", [&options](int seconds) { options.timeout = std::chrono::seconds{seconds}; },
          "How long to wait for a webhook that cannot be reached yet")
      ->type_name("SECONDS")
      ->default_str(std::to_string(options.timeout.count()));
}

void add_open_gates(CLI::App& command, OpenGatesOptions& options) {
  command.add_flag("--all", options.all, "In every namespace");
  command.add_option("--namespace", options.namespace_name, "In this namespace alone")->type_name("NAME");
  command
      .add_option(
          "--kubeconfig", options.kubeconfig,
          "How to reach the cluster; without it $KUBECONFIG, the pod's service account, or ~/.kube/config")
      ->type_name("FILE");
  command.add_option("--context", options.context, "A context of the kubeconfig other than its current one")
      ->type_name("NAME");
}

int usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const bool asked_for_help = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
  (void)app.exit(error, std::cout, std::cerr);
  return asked_for_help ? kOk : kBadInput;
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("Keeps SQLite databases off the volumes that lose their rows, and proves which ones do not.",
               "walguard");
  app.require_subcommand(0, 1);  // checked below, after a word that is no command has had an error of its own
  app.set_config("--config", "",
                 "Read options from this TOML file, those of a command under its [name]; flags and "
                 "environment win")
      ->type_name("FILE")
      ->envname("WALGUARD_CONFIG");
  app.fallthrough();  // --config may stand behind the command too
  app.set_version_flag("--version", WALGUARD_VERSION);

  ServeOptions serve_options;
  CLI::App& serve_command = *app.add_subcommand("serve", "Serve the admission webhook");
  add_serve(serve_command, serve_options);

  std::string rule;
  ExplainFormat format = ExplainFormat::kText;
  CLI::App& explain_command = *app.add_subcommand("explain", "List the rules, or explain one");
  explain_command.add_option("RULE", rule, "Id of a rule, such as network-filesystem");
  add_words(explain_command, "-o,--output", format, kExplainFormats, "Form of the answer");

  CheckOptions check_options;
  CLI::App& check_command = *app.add_subcommand("check", "Judge Kubernetes files before a cluster sees them");
  add_check(check_command, check_options);

  DockerPluginOptions docker_plugin_options;
  CLI::App& docker_plugin_command =
      *app.add_subcommand("docker-plugin", "Serve as the authorization plugin of a Docker engine");
  add_docker_plugin(docker_plugin_command, docker_plugin_options);

  RemoveWebhooksOptions remove_webhooks_options;
  CLI::App& remove_webhooks_command =
      *app.add_subcommand("remove-webhooks", "Delete walguard's webhook configurations, before an uninstall");
  add_remove_webhooks(remove_webhooks_command, remove_webhooks_options);

  SelftestOptions selftest_options;
  CLI::App& selftest_command =
      *app.add_subcommand("selftest", "Ask a running webhook questions whose answers are known");
  add_selftest(selftest_command, selftest_options);

  OpenGatesOptions open_gates_options;
  CLI::App& open_gates_command =
      *app.add_subcommand("open-gates", "Take walguard's scheduling gate off every pod");
  add_open_gates(open_gates_command, open_gates_options);

  CLI::App& version_command = *app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(error, app);
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help() << "\nwalguard: no command given; name one of the above\n";
    return kBadInput;
  }
  if (version_command.parsed()) {
    std::cout << "walguard " << WALGUARD_VERSION << '\n';
    return kOk;
  }
  if (check_command.parsed()) {
    check_options.now = utc_now();
    return check(check_options, text::style_for(STDOUT_FILENO), std::cout, std::cerr);
  }
  if (docker_plugin_command.parsed()) return docker_plugin(docker_plugin_options);
  if (explain_command.parsed()) return explain(rule, format, std::cout, std::cerr);
  if (remove_webhooks_command.parsed()) {
    return remove_webhooks(remove_webhooks_options, std::cout, std::cerr);
  }
  if (selftest_command.parsed()) return selftest(selftest_options, std::cout, std::cerr);
  if (open_gates_command.parsed()) return open_gates(open_gates_options);
  return serve(serve_options);
}

}  // namespace walguard::cli
