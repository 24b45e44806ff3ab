#include "operator/wire/evidence_file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/wire/preflight_resource.h"
#include "operator/wire/report.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;

std::string text_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_preflight(std::string_view kind) { return kind == "VolumePreflight" || kind == "ClaimPreflight"; }

/// What stands in a namespace may be its owner's writing: it never speaks for a class.
bool may_speak(const core::Preflight& preflight, const core::Evidence& evidence) {
  return preflight.kind == core::PreflightKind::kVolume || evidence.key.storage_class.empty();
}

/// An empty string: the object was read.
std::string add_object(const Json& object, std::vector<core::Evidence>& all) {
  const std::string kind = text_in(object, "kind");
  if (!is_preflight(kind)) {
    return "kind \"" + kind +
           "\" is no evidence; give what \"kubectl get volumepreflights,claimpreflights -A -o yaml\" prints, "
           "or a "
           "report of walguard-preflight";
  }
  const auto preflight = read_preflight(object.dump(), BadStatus::kIsAnError);
  if (!preflight) {
    return kind + " \"" + text_in(object.value("metadata", Json()), "name") + "\": " + preflight.error();
  }
  const core::Evidence* evidence = core::evidence_of(preflight->status);
  if (evidence != nullptr && may_speak(*preflight, *evidence)) all.push_back(*evidence);
  return {};
}

bool is_report(const Json& document) {
  return text_in(document, "schema").starts_with("walguard.dev/preflight-report/");
}

/// The directory that a report speaks of; "" where it saw two.
std::string measured_path(const Json& report) {
  std::string path;
  const auto views = report.find("views");
  if (views == report.end() || !views->is_array()) return {};
  for (const Json& view : *views) {
    const std::string own = text_in(view, "path");
    if (!path.empty() && own != path) return {};
    path = own;
  }
  return path;
}

/// As it was given to the probe, "/srv/./data/" is "/srv/data".
std::string normal_path(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

/// A report without an object around it speaks of the directory it was made on.
std::string add_report(std::string_view text, const Json& report, std::vector<core::Evidence>& all) {
  core::EvidenceKey key;
  const std::string path = measured_path(report);
  if (path.empty()) return "the report does not speak of one directory; run walguard-preflight on one path";
  key.driver = "hostPath";
  key.volume = "hostPath:" + normal_path(path);
  auto evidence = evidence_from_report(text, std::move(key));
  if (!evidence) return evidence.error();
  all.push_back(*std::move(evidence));
  return {};
}

std::string add_document(const Json& document, std::vector<core::Evidence>& all) {
  if (!document.is_object()) return "expected an object; give VolumePreflight or ClaimPreflight objects";
  const auto items = document.find("items");
  if (items == document.end() || !items->is_array()) return add_object(document, all);
  for (const Json& item : *items) {
    if (std::string problem = add_object(item.is_object() ? item : Json::object(), all); !problem.empty()) {
      return problem;
    }
  }
  return {};
}

}  // namespace

tl::expected<std::vector<core::Evidence>, std::string> read_evidence_file(std::string_view text,
                                                                          std::string_view file) {
  const auto at = [&](int line) { return std::string(file) + ":" + std::to_string(line) + ": "; };
  const auto documents = yaml_to_json(text, YamlLimits());
  if (!documents) return tl::unexpected(at(documents.error().line) + documents.error().message);
  std::vector<core::Evidence> all;
  for (const JsonDocument& document : *documents) {
    const Json object = Json::parse(document.json, nullptr, /*allow_exceptions=*/false);
    const std::string problem = is_report(object) ? add_report(text, object, all) : add_document(object, all);
    if (!problem.empty()) {
      return tl::unexpected(at(document.line) + problem);
    }
  }
  return all;
}

}  // namespace walguard::wire
