#include "operator/wire/preflight_resource.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/evidence.h"
#include "operator/core/preflight_resource.h"
#include "operator/core/probe_plan.h"
#include "operator/core/verdict.h"
#include "operator/core/workload.h"
#include "operator/wire/node_terms.h"
#include "operator/wire/text_forms.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::ordered_json;

struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ---- Reading. What has a wrong type or value is thrown as Unreadable, which names the field; the public
// functions make a value of it.

/// nlohmann's own words, without the number in front: "type must be string, but is number".
std::string_view words_of(const Json::exception& error) {
  const std::string_view text = error.what();
  const std::size_t number_end = text.find("] ");
  return number_end == std::string_view::npos ? text : text.substr(number_end + 2);
}

/// What `read` returns; what it throws names `field` too.
template <typename Read>
auto in_field(const char* field, Read&& read) {
  try {
    return read();
  } catch (const Unreadable& error) {
    throw Unreadable(std::string(field) + "." + error.what());
  } catch (const Json::exception& error) {
    throw Unreadable(std::string(field) + ": " + std::string(words_of(error)));
  }
}

template <typename Value>
Value value_at(const Json& object, const char* field, const Value& fallback) {
  return in_field(field, [&] { return object.value(field, fallback); });
}

std::string text_at(const Json& object, const char* field) { return value_at(object, field, std::string()); }

core::UtcSeconds time_at(const Json& object, const char* field) {
  const std::string text = text_at(object, field);
  if (text.empty()) return 0;
  const auto time = parse_utc(text);
  if (!time) throw Unreadable(std::string(field) + ": no time like 2026-01-31T12:00:00Z");
  return *time;
}

core::StringMap map_at(const Json& object, const char* field) {
  core::StringMap map;
  if (!object.contains(field)) return map;
  return in_field(field, [&] {
    for (const auto& [key, value] : object.at(field).items()) map.emplace(key, value.get<std::string>());
    return map;
  });
}

std::vector<std::string> texts_at(const Json& object, const char* field) {
  std::vector<std::string> texts;
  if (!object.contains(field)) return texts;
  return in_field(field, [&] {
    for (const Json& item : object.at(field)) texts.push_back(item.get<std::string>());
    return texts;
  });
}

std::optional<std::int64_t> integer_at(const Json& object, const char* field) {
  if (!object.contains(field)) return std::nullopt;
  return in_field(field, [&] { return object.at(field).get<std::int64_t>(); });
}

/// Of a field that is always there.
double number_at(const Json& object, const char* field) {
  return in_field(field, [&] { return object.at(field).get<double>(); });
}

/// What `read` makes of each item of a list; nothing where there is no list.
template <typename Item, typename Read>
std::vector<Item> items_at(const Json& object, const char* field, Read&& read) {
  std::vector<Item> items;
  if (!object.contains(field)) return items;
  return in_field(field, [&] {
    for (const Json& item : object.at(field)) items.push_back(read(item));
    return items;
  });
}

/// A word out of a list; `fallback` where the field is not there.
template <typename Value, typename Parse>
Value word_at(const Json& object, const char* field, Value fallback, Parse parse) {
  const std::string word = text_at(object, field);
  if (word.empty()) return fallback;
  const std::optional<Value> value = parse(word);
  if (!value) throw Unreadable(std::string(field) + ": \"" + word.substr(0, 40) + "\" is not known here");
  return *value;
}

core::Scope scope_at(const Json& object, core::Scope fallback) {
  return word_at(object, "scope", fallback, core::parse<core::Scope>);
}

std::vector<core::Toleration> read_tolerations(const Json& spec) {
  return items_at<core::Toleration>(spec, "tolerations", [](const Json& item) {
    return core::Toleration{.key = text_at(item, "key"),
                            .op = text_at(item, "operator"),
                            .value = text_at(item, "value"),
                            .effect = text_at(item, "effect")};
  });
}

core::PreflightSpec read_spec(const Json& json) {
  core::PreflightSpec spec;
  spec.storage_class = text_at(json, "storageClassName");
  spec.claim = text_at(json, "claimName");
  spec.access_mode = word_at(json, "accessMode", spec.access_mode, core::parse<core::AccessMode>);
  spec.scope = scope_at(json, spec.scope);
  spec.runtime_class = text_at(json, "runtimeClassName");
  if (json.contains("mountOptions")) spec.mount_options = without_secrets(texts_at(json, "mountOptions"));
  spec.profile = word_at(json, "profile", spec.profile, core::parse_profile);
  spec.placement = {
      .node_selector = map_at(json, "nodeSelector"),
      .node_terms = in_field("nodeSelectorTerms",
                             [&] { return read_node_terms(json.value("nodeSelectorTerms", Json::array())); }),
      .tolerations = read_tolerations(json)};
  spec.storage = value_at(json, "storage", spec.storage);
  spec.run_as_user = integer_at(json, "runAsUser");
  spec.run_as_group = integer_at(json, "runAsGroup");
  spec.ttl_after_finish = integer_at(json, "ttlSecondsAfterFinished");
  return spec;
}

core::EvidenceKey read_key(const Json& json) {
  core::EvidenceKey key;
  key.storage_class = text_at(json, "storageClass");
  key.volume = text_at(json, "volume");
  key.driver = text_at(json, "driver");
  key.parameters = text_at(json, "parametersDigest");
  key.mount_options = texts_at(json, "mountOptions");
  key.fs_type = text_at(json, "fsType");
  key.access_mode = core::parse<core::AccessMode>(text_at(json, "accessMode"));
  key.runtime_handler = text_at(json, "runtimeHandler");
  return key;
}

core::EvidenceKey key_at(const Json& status, const char* field) {
  if (!status.contains(field)) return {};
  return in_field(field, [&] { return read_key(status.at(field)); });
}

core::Contention read_contention(const Json& json) {
  core::Contention contention{.refused = number_at(json, "refusedTransactions"), .longest_wait = {}};
  if (json.contains("longestWaitSeconds")) contention.longest_wait = number_at(json, "longestWaitSeconds");
  return contention;
}

/// A verdict that is not there is unproven.
core::PerStrategy<core::Verdict> read_verdicts(const Json& json) {
  constexpr auto kUnproven = core::Verdict::kUnproven;
  auto verdicts = core::Evidence().verdicts;
  verdicts[core::Strategy::kWal] = word_at(json, "wal", kUnproven, core::parse<core::Verdict>);
  verdicts[core::Strategy::kWalExclusive] =
      word_at(json, "walExclusive", kUnproven, core::parse<core::Verdict>);
  verdicts[core::Strategy::kRollback] = word_at(json, "rollback", kUnproven, core::parse<core::Verdict>);
  return verdicts;
}

core::Measurement read_measurement(const Json& status) {
  core::Measurement measured;
  core::Evidence& evidence = measured.evidence;
  evidence.key = key_at(status, "key");
  evidence.scope = scope_at(status, core::Scope::kContainer);
  if (status.contains("verdict"))
    evidence.verdicts = in_field("verdict", [&] { return read_verdicts(status.at("verdict")); });
  evidence.reasons = texts_at(status, "reasons");
  if (status.contains("contention"))
    evidence.contention = in_field("contention", [&] { return read_contention(status.at("contention")); });
  evidence.measured_at = time_at(status, "measuredAt");
  evidence.filesystem = text_at(status, "filesystem");
  evidence.kernel_release = text_at(status, "kernel");
  evidence.probe_version = text_at(status, "probeVersion");
  evidence.digest = text_at(status, "digest");
  measured.checks = items_at<core::ProbeCheck>(status, "checks", [](const Json& check) {
    return core::ProbeCheck{
        .id = text_at(check, "id"), .result = text_at(check, "result"), .detail = text_at(check, "detail")};
  });
  measured.nodes = items_at<core::ProbedNode>(status, "nodes", [](const Json& node) {
    return core::ProbedNode{.name = text_at(node, "name"), .kernel = text_at(node, "kernel")};
  });
  measured.sqlite_version = text_at(status, "sqliteVersion");
  measured.operator_version = text_at(status, "operatorVersion");
  return measured;
}

core::PreflightStatus read_status(const Json& json) {
  core::PreflightStatus status;
  status.phase = word_at(json, "phase", status.phase, core::parse_phase);
  status.reason = text_at(json, "reason");
  status.message = text_at(json, "message");
  status.observed_generation = integer_at(json, "observedGeneration").value_or(0);
  status.run = value_at(json, "run", 0);
  status.run_started = time_at(json, "runStarted");
  status.run_finished = time_at(json, "runFinished");
  for (const std::string& start : texts_at(json, "recentStarts")) {
    if (const auto time = parse_utc(start)) status.recent_starts.push_back(*time);
  }
  status.run_key = key_at(json, "runKey");
  status.volume = text_at(json, "volume");
  status.foreign_volume = text_at(json, "foreignVolume");
  status.inconclusive_runs = value_at(json, "inconclusiveRuns", 0);
  status.next_retry = time_at(json, "nextRetry");
  if (json.contains("measuredAt")) status.measured = read_measurement(json);
  status.conditions = items_at<core::Condition>(json, "conditions", [](const Json& condition) {
    return core::Condition{.type = text_at(condition, "type"),
                           .is_true = text_at(condition, "status") == "True",
                           .reason = text_at(condition, "reason"),
                           .message = text_at(condition, "message"),
                           .since = time_at(condition, "lastTransitionTime")};
  });
  return status;
}

core::PreflightStatus status_of(const Json& object, BadStatus bad) {
  if (!object.contains("status")) return {};
  try {
    return in_field("status", [&] { return read_status(object.at("status")); });
  } catch (const Unreadable&) {
    if (bad == BadStatus::kIsAnError) throw;
    return {};
  }
}

// ---- Writing.

void put(Json& object, const char* field, const std::string& text) {
  if (!text.empty()) object[field] = text;
}

void put_time(Json& object, const char* field, core::UtcSeconds time) {
  if (time != 0) object[field] = utc_text(time);
}

Json key_json(const core::EvidenceKey& key) {
  Json json = Json::object();
  put(json, "storageClass", key.storage_class);
  put(json, "volume", key.volume);
  put(json, "driver", key.driver);
  put(json, "parametersDigest", key.parameters);
  if (!key.mount_options.empty()) json["mountOptions"] = key.mount_options;
  put(json, "fsType", key.fs_type);
  if (key.access_mode) json["accessMode"] = core::name(*key.access_mode);
  put(json, "runtimeHandler", key.runtime_handler);
  return json;
}

void put_measurement(Json& json, const core::Measurement& measured) {
  const core::Evidence& evidence = measured.evidence;
  json["key"] = key_json(evidence.key);
  json["verdict"] = {{"wal", core::name(evidence.verdicts[core::Strategy::kWal])},
                     {"walExclusive", core::name(evidence.verdicts[core::Strategy::kWalExclusive])},
                     {"rollback", core::name(evidence.verdicts[core::Strategy::kRollback])}};
  json["scope"] = core::name(evidence.scope);
  if (!evidence.reasons.empty()) json["reasons"] = evidence.reasons;
  if (evidence.contention) {
    json["contention"] = {{"refusedTransactions", evidence.contention->refused}};
    if (evidence.contention->longest_wait) {
      json["contention"]["longestWaitSeconds"] = *evidence.contention->longest_wait;
    }
  }
  for (const core::ProbeCheck& check : measured.checks) {
    json["checks"].push_back({{"id", check.id}, {"result", check.result}, {"detail", check.detail}});
  }
  for (const core::ProbedNode& node : measured.nodes) {
    Json& entry = json["nodes"].emplace_back(Json{{"name", node.name}});
    put(entry, "kernel", node.kernel);
  }
  put(json, "kernel", evidence.kernel_release);
  put(json, "filesystem", evidence.filesystem);
  put(json, "sqliteVersion", measured.sqlite_version);
  put(json, "probeVersion", evidence.probe_version);
  put(json, "operatorVersion", measured.operator_version);
  json["measuredAt"] = utc_text(evidence.measured_at);
  put(json, "digest", evidence.digest);
}

Json status_json(const core::Preflight& preflight, const core::PreflightStatus& status) {
  Json json;
  json["phase"] = core::name(status.phase);
  put(json, "reason", status.reason);
  put(json, "message", status.message);
  json["observedGeneration"] = preflight.generation;
  json["run"] = status.run;
  put_time(json, "runStarted", status.run_started);
  put_time(json, "runFinished", status.run_finished);
  for (const core::UtcSeconds start : status.recent_starts) json["recentStarts"].push_back(utc_text(start));
  if (status.run > 0) json["runKey"] = key_json(status.run_key);
  put(json, "volume", status.volume);
  put(json, "foreignVolume", status.foreign_volume);
  json["inconclusiveRuns"] = status.inconclusive_runs;
  put_time(json, "nextRetry", status.next_retry);
  if (status.measured) put_measurement(json, *status.measured);
  for (const core::Condition& condition : status.conditions) {
    json["conditions"].push_back({{"type", condition.type},
                                  {"status", condition.is_true ? "True" : "False"},
                                  {"observedGeneration", preflight.generation},
                                  {"lastTransitionTime", utc_text(condition.since)},
                                  {"reason", condition.reason},
                                  {"message", condition.message}});
  }
  return json;
}

Json placement_json(const core::Placement& placement) {
  Json json = Json::object();
  if (!placement.node_selector.empty()) json["nodeSelector"] = placement.node_selector;
  if (!placement.node_terms.empty()) json["nodeSelectorTerms"] = node_terms_json(placement.node_terms);
  for (const core::Toleration& toleration : placement.tolerations) {
    Json& entry = json["tolerations"].emplace_back(Json::object());
    put(entry, "key", toleration.key);
    put(entry, "operator", toleration.op);
    put(entry, "value", toleration.value);
    put(entry, "effect", toleration.effect);
  }
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// core::Evidence::placement
std::string placement_digest(const core::Placement& placement) {
  constexpr std::size_t kBytes = 8;
  return placement == core::Placement{} ? "" : short_digest(dump(placement_json(placement)), kBytes);
}

/// What may stand in an object's name, from the left; the rest becomes dashes.
std::string slug(std::string_view text, std::size_t longest) {
  std::string out;
  for (const char c : text.substr(0, longest)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out += plain ? c : '-';
  }
  const std::size_t begin = out.find_first_not_of('-');
  return begin == std::string::npos ? "class" : out.substr(begin);
}

}  // namespace

tl::expected<core::Preflight, std::string> read_preflight(std::string_view json, BadStatus bad) {
  try {
    const Json object = Json::parse(json);
    core::Preflight preflight;
    const Json& meta = object.at("metadata");
    preflight.namespace_name = text_at(meta, "namespace");
    // VolumePreflights are cluster-scoped.
    preflight.kind =
        preflight.namespace_name.empty() ? core::PreflightKind::kVolume : core::PreflightKind::kClaim;
    preflight.name = meta.at("name").get<std::string>();
    preflight.uid = text_at(meta, "uid");
    preflight.resource_version = text_at(meta, "resourceVersion");
    preflight.generation = integer_at(meta, "generation").value_or(0);
    preflight.created = time_at(meta, "creationTimestamp");
    preflight.deleting = meta.contains("deletionTimestamp");
    const core::StringMap labels = map_at(meta, "labels");
    const auto managed_by = labels.find(kManagedByLabel);
    preflight.automatic = preflight.kind == core::PreflightKind::kVolume && managed_by != labels.end() &&
                          managed_by->second == kManagedBy;
    preflight.spec = in_field("spec", [&] { return read_spec(object.at("spec")); });
    preflight.status = status_of(object, bad);
    // A spec cannot be changed: what was measured, was measured there.
    if (auto& measured = preflight.status.measured)
      measured->evidence.placement = placement_digest(preflight.spec.placement);
    return preflight;
  } catch (const std::exception& error) {
    return tl::unexpected(std::string(error.what()));
  }
}

std::string status_patch(const core::Preflight& preflight, const core::PreflightStatus& status) {
  Json patch = Json::array();
  patch.push_back(
      {{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", preflight.resource_version}});
  patch.push_back({{"op", "add"}, {"path", "/status"}, {"value", status_json(preflight, status)}});
  return dump(patch);
}

core::Preflight preflight_for(const core::ProbeRequest& request, std::string runtime_class) {
  core::Preflight preflight;
  preflight.automatic = true;
  core::PreflightSpec& spec = preflight.spec;
  spec.storage_class = request.key.storage_class;
  spec.scope = std::max(request.scope, core::Scope::kPod);
  // Only what several nodes may write can prove how they share it.
  spec.access_mode = spec.scope == core::Scope::kCluster ? core::AccessMode::kReadWriteMany
                                                         : request.key.access_mode.value_or(spec.access_mode);
  spec.mount_options = request.key.mount_options;
  spec.runtime_class = std::move(runtime_class);
  spec.placement = request.placement;
  constexpr std::size_t kLongestSlug =
      40;  // with scope and digest under the 63 characters of a label's value
  constexpr std::size_t kDigestBytes = 4;
  // A workload that no node takes must not hold up another one on the same class.
  const std::string identity = dump(key_json(request.key)) + std::string(core::name(spec.scope)) +
                               dump(placement_json(spec.placement));
  preflight.name = slug(spec.storage_class, kLongestSlug) + "-" + std::string(core::name(spec.scope)) + "-" +
                   short_digest(identity, kDigestBytes);
  return preflight;
}

std::string manifest_of(const core::Preflight& preflight) {
  const core::PreflightSpec& spec = preflight.spec;
  Json json;
  json["apiVersion"] = kPreflightApiVersion;
  json["kind"] = "VolumePreflight";
  json["metadata"] = {{"name", preflight.name}, {"labels", {{kManagedByLabel, kManagedBy}}}};
  Json& out = json["spec"];
  out["storageClassName"] = spec.storage_class;
  out["accessMode"] = core::name(spec.access_mode);
  out["scope"] = core::name(spec.scope);
  if (spec.mount_options) out["mountOptions"] = *spec.mount_options;
  if (!spec.runtime_class.empty()) out["runtimeClassName"] = spec.runtime_class;
  out["profile"] = core::name(spec.profile);
  out.update(placement_json(spec.placement));
  return dump(json);
}

}  // namespace walguard::wire
