#include "operator/cli/check_command.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "operator/check/check.h"
#include "operator/check/github_report.h"
#include "operator/check/input.h"
#include "operator/check/json_report.h"
#include "operator/check/junit_report.h"
#include "operator/check/manifests.h"
#include "operator/check/report.h"
#include "operator/check/sarif_report.h"
#include "operator/check/text_report.h"
#include "operator/cli/exit_code.h"
#include "operator/cli/policy_file.h"
#include "operator/cli/serve_parts.h"
#include "operator/core/catalog.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/engine/docker_host.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/wire/docker_info.h"
#include "operator/wire/evidence_file.h"
#include "operator/wire/manifest.h"
#include "operator/wire/yaml_to_json.h"
#include "preflight/text/printable.h"
#include "preflight/text/terminal.h"

namespace walguard::cli {
namespace {

Result<std::string> read_file(const std::string& path) {
  auto text = check::read_input(path, wire::YamlLimits().max_bytes);
  if (!text) return tl::unexpected(path + ": " + text.error());
  return *std::move(text);
}

/// What the administrator decided, and the catalog with the drivers that he knows.
struct Rulebook {
  core::Policy policy;
  core::Catalog catalog;
};

Result<Rulebook> read_rulebook(const std::string& policy_path) {
  core::Policy defaults;
  // Nobody has said who may accept risks: the person who runs the check reads the reasons.
  if (policy_path.empty()) defaults.accept_risk_namespaces = {"*"};
  auto merged = read_policy_option(policy_path, defaults);
  if (!merged) return tl::unexpected(merged.error());
  auto catalog = knowledge::load_embedded_catalog_with(std::move(merged->drivers));
  if (!catalog) return tl::unexpected("knowledge: " + catalog.error());
  return Rulebook{.policy = std::move(merged->policy), .catalog = *std::move(catalog)};
}

Result<core::EvidenceBook> read_evidence(const std::vector<std::string>& paths) {
  std::vector<core::Evidence> all;
  for (const std::string& path : paths) {
    const auto text = read_file(path);
    if (!text) return tl::unexpected("--evidence: " + text.error());
    auto evidence = wire::read_evidence_file(*text, path);
    if (!evidence) return tl::unexpected("--evidence: " + evidence.error());
    all.insert(all.end(), evidence->begin(), evidence->end());
  }
  return core::EvidenceBook(std::move(all));
}

Result<engine::DockerHost> read_host(const std::string& path) {
  if (path.empty()) return engine::DockerHost{};
  const auto text = read_file(path);
  if (!text) return tl::unexpected("--docker-info: " + text.error());
  const auto info = wire::read_docker_info(*text);
  if (!info) return tl::unexpected("--docker-info: " + path + ": " + info.error());
  return engine::describe_host(*info);
}

Result<check::CheckReport> run_check(const CheckOptions& options) {
  const auto rulebook = read_rulebook(options.policy);
  if (!rulebook) return tl::unexpected(rulebook.error());
  const auto evidence = read_evidence(options.evidence);
  if (!evidence) return tl::unexpected(evidence.error());
  const auto host = read_host(options.docker_info);
  if (!host) return tl::unexpected(host.error());
  const auto cluster = check::list_files(options.cluster_state);
  if (!cluster) return tl::unexpected("--cluster-state: " + cluster.error());
  const auto files = check::list_files(options.paths);
  if (!files) return tl::unexpected(files.error());
  return check::check(check::read_files(*files), check::read_files(*cluster),
                      {.catalog = rulebook->catalog,
                       .evidence = *evidence,
                       .policy = rulebook->policy,
                       .mode = options.mode,
                       .now = options.now,
                       .host = *host});
}

void write_report(const check::CheckReport& report, const CheckOptions& options, const text::TextStyle& style,
                  std::ostream& out) {
  switch (options.format) {
    case CheckFormat::kText:
      return check::text_report(report, style, out);
    case CheckFormat::kJson:
      return check::json_report(report, out);
    case CheckFormat::kSarif:
      return check::sarif_report(report, out);
    case CheckFormat::kJunit:
      return check::junit_report(report, options.fail_on, out);
    case CheckFormat::kGithub:
      return check::github_report(report, options.fail_on, out);
  }
}

int exit_code_of(const check::CheckReport& report, check::FailOn fail_on) {
  using check::FailOn;
  if (!report.errors.empty()) return kBadInput;
  const check::Summary summary = check::summarise(report);
  if (summary.unsafe > 0) return kUnsafeFound;
  if (fail_on >= FailOn::kUnproven && summary.unproven > 0) return kUnproven;
  return fail_on == FailOn::kWarning && summary.warnings > 0 ? kUnsafeFound : kOk;
}

}  // namespace

int check(const CheckOptions& options, const text::TextStyle& style, std::ostream& out, std::ostream& err) {
  auto report = run_check(options);
  if (!report) {
    err << "walguard check: " << text::printable(report.error()) << '\n';
    return kBadInput;
  }
  if (report->objects_read == 0 && report->errors.empty()) {
    err << "walguard check: no Kubernetes object was found; name files or folders of YAML or JSON\n";
    return kBadInput;
  }
  write_report(*report, options, style, out);
  out.flush();
  for (const wire::LoadError& error : report->errors) {
    err << "walguard check: " << text::printable(error.text()) << '\n';
  }
  if (!out) {
    err << "walguard check: the report could not be written\n";
    return kInternalError;
  }
  return exit_code_of(*report, options.fail_on);
}

}  // namespace walguard::cli
