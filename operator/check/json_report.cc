#include "operator/check/json_report.h"

#include <optional>
#include <ostream>

#include <nlohmann/json.hpp>

#include "operator/check/long_array.h"
#include "operator/check/report.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "operator/wire/manifest.h"

namespace walguard::check {
namespace {

using Json = nlohmann::ordered_json;

template <typename Enum>
Json name_or_null(const std::optional<Enum>& value) {
  return value ? Json(core::name(*value)) : Json(nullptr);
}

Json finding_json(const CheckedFinding& found) {
  Json json = {{"rule", found.finding.rule},
               {"severity", core::name(found.finding.severity)},
               {"reason", found.finding.reason},
               {"remedy", found.remedy()}};
  if (found.accepted) {
    json["accepted"] = {{"by", found.accepted->by_policy ? "policy" : "annotation"},
                        {"reason", found.accepted->reason}};
  }
  return json;
}

Json volume_json(const CheckedVolume& volume) {
  const core::VolumeFacts& facts = volume.facts;
  Json json = {{"name", facts.volume},
               {"claim", facts.claim.empty() ? Json(nullptr) : Json(facts.claim)},
               {"line", volume.line},
               {"databases", facts.databases},
               {"certainty", core::name(facts.certainty)},
               {"scope", name_or_null(facts.scope)},
               {"kernel_domain", name_or_null(facts.kernel_domain)},
               {"transport", name_or_null(facts.transport)},
               {"verdict", core::name(volume.verdict)},
               {"strategy", core::name(facts.strategy)},
               {"basis", core::name(volume.basis)},
               {"findings", Json::array()}};
  if (!facts.usage.apps.empty()) json["apps"] = facts.usage.apps;
  if (!facts.usage.seen_in.empty()) json["seen_in"] = facts.usage.seen_in;
  for (const CheckedFinding& found : volume.findings) json["findings"].push_back(finding_json(found));
  return json;
}

Json object_json(const CheckedObject& object) {
  Json json = {{"file", object.file},     {"line", object.line},
               {"kind", object.kind},     {"namespace", object.namespace_name},
               {"name", object.name},     {"decision", core::name(object.decision)},
               {"volumes", Json::array()}};
  for (const CheckedVolume& volume : object.volumes) json["volumes"].push_back(volume_json(volume));
  if (!object.notes.empty()) json["notes"] = object.notes;
  return json;
}

Json error_json(const wire::LoadError& error) {
  return {{"file", error.file}, {"line", error.line}, {"object", error.object}, {"message", error.message}};
}

}  // namespace

void json_report(const CheckReport& report, std::ostream& out) {
  const Summary summary = summarise(report);
  Json frame = {{"schema", "walguard.dev/check/v1"}, {"objects", Json::array()}};
  frame["summary"] = {{"unsafe", summary.unsafe},
                      {"unproven", summary.unproven},
                      {"warnings", summary.warnings},
                      {"safe", summary.safe},
                      {"accepted", summary.accepted}};
  frame["errors"] = Json::array();
  for (const wire::LoadError& error : report.errors) frame["errors"].push_back(error_json(error));
  frame["not_judged"] = report.not_judged;
  LongArray objects(frame, "objects", /*depth=*/2, out);
  for (const CheckedObject& object : report.objects) objects.add(object_json(object));
  objects.end();
}

}  // namespace walguard::check
