#include "operator/check/sarif_report.h"

#include <cctype>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "operator/check/long_array.h"
#include "operator/check/report.h"
#include "operator/core/decide.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/wire/manifest.h"

namespace walguard::check {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A path as a URI reference (RFC 3986).
std::string uri_of(const std::string& path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~/";
  if (path == "-") return "stdin";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte) != 0) || kPlain.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      uri += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return uri;
}

Json text_json(std::string_view text) { return {{"text", text}}; }

std::string_view level_of(core::Rule::Class rule_class) {
  switch (rule_class) {
    case core::Rule::Class::kUnsafe:
      return "error";
    case core::Rule::Class::kUnproven:
      return "warning";
    case core::Rule::Class::kWarning:
      return "note";
    case core::Rule::Class::kSafe:
      return "none";
  }
  return "none";
}

std::string_view level_of(core::Severity severity) {
  switch (severity) {
    case core::Severity::kUnsafe:
      return "error";
    case core::Severity::kUnproven:
      return "warning";
    case core::Severity::kWarning:
      return "note";
    case core::Severity::kInfo:
      return "none";
  }
  return "none";
}

Json rule_json(const core::Rule& rule) {
  Json json = {{"id", rule.id},
               {"shortDescription", text_json(rule.summary)},
               {"fullDescription", text_json(rule.detail)},
               {"defaultConfiguration", {{"level", level_of(rule.rule_class)}}},
               {"properties", {{"source", rule.source}}}};
  if (!rule.remedy.empty()) json["help"] = text_json(rule.remedy);
  return json;
}

std::size_t index_of(std::string_view rule) {
  const core::Rule* const found = core::find_rule(rule);
  return static_cast<std::size_t>(found - core::rules().data());
}

Json physical(const std::string& file, int line) {
  Json json = {{"artifactLocation", {{"uri", uri_of(file)}}}};
  if (line > 0) json["region"] = {{"startLine", line}};
  return json;
}

Json suppression_json(const Accepted& accepted) {
  return {{"kind", accepted.by_policy ? "external" : "inSource"}, {"justification", accepted.reason}};
}

Json location_json(const std::string& file, int line, const std::string& place) {
  Json location = {{"physicalLocation", physical(file, line)}};
  if (!place.empty()) {
    const Json logical = {{"fullyQualifiedName", place}, {"kind", "resource"}};
    location["logicalLocations"] = Json::array({logical});
  }
  return location;
}

Json result_json(const CheckedObject& object, const CheckedVolume& volume, const CheckedFinding& found) {
  const core::Finding& finding = found.finding;
  const std::string place = title_of(object) + ", volume \"" + volume.facts.volume + "\"";
  std::string message = place + ": " + finding.reason + ".";
  if (!found.remedy().empty()) message.append(" Remedy: ").append(found.remedy());
  Json json = {{"ruleId", finding.rule},
               {"ruleIndex", index_of(finding.rule)},
               {"level", level_of(finding.severity)},
               {"message", text_json(message)}};
  json["locations"] = Json::array({location_json(object.file, volume.line, place)});
  json["partialFingerprints"] = {{"walguard/v1", std::string(finding.rule) + " " + place}};
  if (found.accepted) json["suppressions"] = Json::array({suppression_json(*found.accepted)});
  return json;
}

Json notification_json(const wire::LoadError& error) {
  Json json = {{"level", "error"}, {"message", text_json(error.message)}};
  json["locations"] = Json::array({location_json(error.file, error.line, "")});
  return json;
}

/// All but the results.
Json frame_of(const CheckReport& report) {
  Json driver = {{"name", "walguard"}, {"version", WALGUARD_VERSION}, {"rules", Json::array()}};
  for (const core::Rule& rule : core::rules()) driver["rules"].push_back(rule_json(rule));
  Json invocation = {{"executionSuccessful", report.errors.empty()},
                     {"toolExecutionNotifications", Json::array()}};
  for (const wire::LoadError& error : report.errors) {
    invocation["toolExecutionNotifications"].push_back(notification_json(error));
  }
  Json run = Json::object();
  run["tool"]["driver"] = std::move(driver);
  run["invocations"] = Json::array({invocation});
  run["results"] = Json::array();
  Json log = {{"$schema", kSchema}, {"version", "2.1.0"}};
  log["runs"] = Json::array({run});
  return log;
}

}  // namespace

void sarif_report(const CheckReport& report, std::ostream& out) {
  LongArray results(frame_of(report), "results", /*depth=*/4, out);
  for (const CheckedObject& object : report.objects) {
    for (const CheckedVolume& volume : object.volumes) {
      for (const CheckedFinding& found : volume.findings) {
        if (found.finding.severity == core::Severity::kInfo) continue;
        results.add(result_json(object, volume, found));
      }
    }
  }
  results.end();
}

}  // namespace walguard::check
