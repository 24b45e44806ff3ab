#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {
namespace {

using Condition = core::DriverVariant::Condition;
using Field = Condition::Field;

constexpr std::array<core::AccessMode, 4> kAccessModes = {
    core::AccessMode::kReadWriteOnce, core::AccessMode::kReadOnlyMany, core::AccessMode::kReadWriteMany,
    core::AccessMode::kReadWriteOncePod};

/// Kubernetes writes parameters in any case, and core compares them so.
std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// ---- Conditions

std::vector<std::string> read_access_modes(const Value& list) {
  for (const Value& mode : list.items()) {
    if (!core::parse<core::AccessMode>(mode.text())) {
      mode.fail(mode.quoted() +
                " is not an access mode; use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod");
    }
  }
  return list.texts();
}

Condition read_parameter(const Value& entry) {
  const Object fields(entry, {"parameter", "is", "or-absent", "absent"});
  Condition condition;
  condition.field = Field::kParameter;
  condition.key = fields.required("parameter").text();
  if (const auto absent = fields.optional("absent")) {
    if (!absent->flag()) absent->fail("can only be true; name values with `is` instead");
    if (fields.has("is") || fields.has("or-absent")) {
      absent->fail("stands beside `is` or `or-absent`; use {is: [...], or-absent: true}");
    }
    condition.or_absent = true;  // and no values: any that is set does not match
    return condition;
  }
  condition.values = fields.required("is").texts();
  condition.or_absent = fields.flag("or-absent");
  return condition;
}

Condition read_fs_type(const Value& entry) {
  const Object fields(entry, {"fs-type", "or-absent"});
  Condition condition;
  condition.field = Field::kFsType;
  condition.values = fields.required("fs-type").texts();
  condition.or_absent = fields.flag("or-absent");
  return condition;
}

Condition read_access_mode(const Value& entry) {
  const Object fields(entry, {"access-mode"});
  Condition condition;
  condition.field = Field::kAccessMode;
  condition.values = read_access_modes(fields.required("access-mode"));
  return condition;
}

Condition read_handle_prefix(const Value& entry) {
  const Object fields(entry, {"volume-handle-prefix"});
  Condition condition;
  condition.field = Field::kVolumeHandlePrefix;
  condition.values = fields.required("volume-handle-prefix").texts();
  return condition;
}

Condition read_condition(const Value& entry) {
  const Object any(
      entry, {"parameter", "is", "or-absent", "absent", "access-mode", "fs-type", "volume-handle-prefix"});
  if (any.has("parameter")) return read_parameter(entry);
  if (any.has("access-mode")) return read_access_mode(entry);
  if (any.has("fs-type")) return read_fs_type(entry);
  if (any.has("volume-handle-prefix")) return read_handle_prefix(entry);
  entry.fail("asks for nothing; name a parameter, access-mode, fs-type or volume-handle-prefix");
}

bool same_subject(const Condition& a, const Condition& b) {
  return a.field == b.field && lower(a.key) == lower(b.key);
}

std::vector<Condition> read_conditions(const Value& list) {
  std::vector<Condition> conditions;
  for (const Value& entry : list.items()) {
    Condition condition = read_condition(entry);
    // All must hold, so two on one subject are either one too many or can never both hold.
    if (std::ranges::any_of(conditions, [&](const Condition& c) { return same_subject(c, condition); })) {
      entry.fail("a second condition on the same subject; write one with all its values");
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

// ---- Can a variant be reached?

bool value_within(const Condition& wide, const std::string& value) {
  return std::ranges::any_of(wide.values, [&](const std::string& other) {
    return wide.field == Field::kVolumeHandlePrefix ? value.starts_with(other) : lower(value) == lower(other);
  });
}

/// Whatever `narrow` lets through, `wide` lets through as well.
bool within(const Condition& narrow, const Condition& wide) {
  return same_subject(narrow, wide) && (!narrow.or_absent || wide.or_absent) &&
         std::ranges::all_of(narrow.values, [&](const std::string& v) { return value_within(wide, v); });
}

/// `earlier` takes everything that `later` could.
bool shadows(const core::DriverVariant& earlier, const core::DriverVariant& later) {
  return std::ranges::all_of(earlier.when, [&](const Condition& wide) {
    return std::ranges::any_of(later.when, [&](const Condition& narrow) { return within(narrow, wide); });
  });
}

/// Takes all volumes of access mode `mode`, whatever else they are.
bool takes_all_of(const core::DriverVariant& variant, core::AccessMode mode) {
  return variant.when.size() == 1 && variant.when.front().field == Field::kAccessMode &&
         value_within(variant.when.front(), std::string(core::name(mode)));
}

bool may_take(const core::DriverVariant& variant, core::AccessMode mode) {
  return std::ranges::all_of(variant.when, [&](const Condition& condition) {
    return condition.field != Field::kAccessMode || value_within(condition, std::string(core::name(mode)));
  });
}

bool reachable(const std::vector<core::DriverVariant>& earlier, const core::DriverVariant& variant) {
  if (std::ranges::any_of(earlier, [&](const auto& e) { return shadows(e, variant); })) return false;
  return std::ranges::any_of(kAccessModes, [&](core::AccessMode mode) {
    return may_take(variant, mode) &&
           std::ranges::none_of(earlier, [&](const auto& e) { return takes_all_of(e, mode); });
  });
}

// ---- Variants and drivers

core::DriverVariant read_variant(const Value& entry) {
  const Object fields(
      entry, {"when", "transport", "verified", "source", "filesystem", "per-pod-cache", "locks-stay-local",
              "differs-per-node", "proven-only-by-preflight", "costly-to-probe"});
  core::DriverVariant variant;
  if (const auto when = fields.optional("when")) variant.when = read_conditions(*when);
  variant.transport = read_transport(fields.required("transport"));
  variant.per_pod_cache = fields.flag("per-pod-cache");
  variant.locks_stay_local = fields.flag("locks-stay-local");
  variant.differs_per_node = fields.flag("differs-per-node");
  variant.proven_only_by_preflight = fields.flag("proven-only-by-preflight");
  variant.costly_to_probe = fields.flag("costly-to-probe");
  variant.verified = fields.required("verified").flag();
  if (const auto filesystem = fields.optional("filesystem")) variant.filesystem = filesystem->text();
  variant.source = fields.required("source").text();

  const Value verified = fields.required("verified");
  if (variant.verified && !variant.transport) {
    verified.fail("true, but the transport is unknown; write false");
  }
  if (variant.verified && variant.proven_only_by_preflight) {
    verified.fail("true, but only a preflight can tell what is at a path; write false");
  }
  return variant;
}

std::vector<core::DriverVariant> read_variants(const Value& list) {
  std::vector<core::DriverVariant> variants;
  for (const Value& entry : list.items()) {
    core::DriverVariant variant = read_variant(entry);
    if (!reachable(variants, variant)) {
      entry.fail(
          "can never be reached, as the variants above it take all that it matches; move it up or remove it");
    }
    variants.push_back(std::move(variant));
  }
  return variants;
}

/// A suffix that began with a letter would match in the middle of a word, and so another vendor's driver.
void check_suffix(const Value& value, const std::string& suffix) {
  if (suffix.size() < 2 || (suffix.front() != '.' && suffix.front() != '-')) {
    value.fail(value.quoted() + " does not begin with . or -; write \"." + suffix + "\"");
  }
}

core::Driver read_driver(const Value& entry, Unique& unique) {
  const Object fields(entry, {"names", "suffixes", "variants"});
  core::Driver driver;
  for (const Value& name : fields.required("names").items()) {
    driver.names.push_back(name.text());
    unique.add(name);
  }
  if (const auto suffixes = fields.optional("suffixes")) {
    for (const Value& suffix : suffixes->items()) {
      driver.suffixes.push_back(suffix.text());
      check_suffix(suffix, driver.suffixes.back());
      unique.add(suffix);
    }
  }
  driver.variants = read_variants(fields.required("variants"));
  return driver;
}

}  // namespace

std::vector<core::Driver> read_drivers(std::string_view yaml, std::string_view file) {
  std::vector<core::Driver> drivers;
  Unique unique("driver");
  for (const Value& entry : read_entries(yaml, file, "drivers")) {
    drivers.push_back(read_driver(entry, unique));
  }
  return drivers;
}

}  // namespace walguard::knowledge
