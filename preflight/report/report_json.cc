#include "preflight/report/report_json.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "preflight/report/grade.h"
#include "preflight/report/report.h"

namespace walguard::report {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // writes fields in the order in which people read them

constexpr std::size_t kMaxItems = 128;                // in any one array or object of a report
constexpr std::size_t kMaxDepth = 16;                 // v1 needs 4
constexpr std::size_t kMaxText = 8192;                // bytes of any one text
constexpr std::size_t kMaxQuoted = 60;                // bytes of input that an error message repeats
constexpr double kExactInteger = 9007199254740992.0;  // 2^53: up to here a double holds every whole number

// Whole numbers are written without a fraction, as counts are read and compared as integers elsewhere.
OrderedJson number_json(double value) {
  if (std::isfinite(value) && std::trunc(value) == value && std::abs(value) < kExactInteger) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

OrderedJson check_json(const Check& check) {
  OrderedJson numbers = OrderedJson::object();
  for (const auto& [name, value] : check.numbers) numbers[name] = number_json(value);
  return {{"id", check.id},
          {"result", to_string(check.result)},
          {"detail", check.detail},
          {"seconds", number_json(check.seconds)},
          {"numbers", std::move(numbers)}};
}

OrderedJson view_json(const View& view) {
  OrderedJson json = {{"path", view.path},      {"fstype", view.fstype}, {"magic", view.magic},
                      {"device", view.device},  {"kernel", view.kernel}, {"boot_id", view.boot_id},
                      {"sandbox", view.sandbox}};
  if (!view.node.empty()) json["node"] = view.node;
  return json;
}

// Everything below reads input that nobody vouches for. The first problem found is kept and ends the reading.
class Reader {
 public:
  /// Empty while nothing is wrong.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  void refuse(std::string_view field, std::string_view what) {
    if (problem_.empty()) problem_ = std::string(field) + ": " + std::string(what);
  }

  const Json* member(const Json& object, const std::string& path, const std::string& name) {
    const auto found = object.find(name);
    if (found == object.end()) {
      refuse(join(path, name), "is missing");
      return nullptr;
    }
    return &*found;
  }

  const Json* object(const Json& parent, const std::string& path, const std::string& name) {
    return container(parent, path, name, Json::value_t::object, "must be an object");
  }

  const Json* array(const Json& parent, const std::string& path, const std::string& name) {
    return container(parent, path, name, Json::value_t::array, "must be an array");
  }

  std::string text(const Json& object, const std::string& path, const std::string& name) {
    const Json* value = member(object, path, name);
    if (value == nullptr) return {};
    return text_value(*value, join(path, name));
  }

  std::string text_value(const Json& value, const std::string& path) {
    const auto* const text = value.get_ptr<const Json::string_t*>();
    if (text == nullptr) {
      refuse(path, "must be a string");
      return {};
    }
    if (text->size() > kMaxText) {
      refuse(path, "is too long");
      return {};
    }
    return *text;
  }

  double number_value(const Json& value, const std::string& path) {
    if (!value.is_number()) {
      refuse(path, "must be a number");
      return 0;
    }
    const auto number = value.get<double>();
    if (!std::isfinite(number)) refuse(path, "must be finite");
    return number;
  }

  double seconds(const Json& object, const std::string& path) {
    const Json* value = member(object, path, "seconds");
    if (value == nullptr) return 0;
    const double number = number_value(*value, join(path, "seconds"));
    if (number < 0) refuse(join(path, "seconds"), "must not be negative");
    return number;
  }

  /// Where it is missing, it is false.
  bool flag(const Json& object, const std::string& name) {
    const auto found = object.find(name);
    if (found == object.end()) return false;
    if (!found->is_boolean()) refuse(name, "must be true or false");
    return found->is_boolean() && found->get<bool>();
  }

  template <typename Enum>
  Enum word(const Json& object, const std::string& path, const std::string& name,
            std::optional<Enum> (*parse)(std::string_view)) {
    const std::string text_found = text(object, path, name);
    const std::optional<Enum> value = parse(text_found);
    if (!value)
      refuse(join(path, name), "has the unknown value \"" + text_found.substr(0, kMaxQuoted) + "\"");
    return value.value_or(Enum{});
  }

  static std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

 private:
  const Json* container(const Json& parent, const std::string& path, const std::string& name,
                        Json::value_t type, std::string_view complaint) {
    const Json* value = member(parent, path, name);
    if (value == nullptr) return nullptr;
    if (value->type() != type) {
      refuse(join(path, name), complaint);
      return nullptr;
    }
    if (value->size() > kMaxItems) {
      refuse(join(path, name), "has too many entries");
      return nullptr;
    }
    return value;
  }

  std::string problem_;
};

std::string indexed(std::string_view name, std::size_t index) {
  return std::string(name) + "[" + std::to_string(index) + "]";
}

Check read_check(Reader& reader, const Json& json, const std::string& path) {
  Check check;
  check.id = reader.text(json, path, "id");
  check.result = reader.word(json, path, "result", parse_check_result);
  check.detail = reader.text(json, path, "detail");
  check.seconds = reader.seconds(json, path);
  if (const Json* numbers = reader.object(json, path, "numbers")) {
    for (const auto& [name, value] : numbers->items()) {
      check.numbers[name] = reader.number_value(value, path + ".numbers." + name.substr(0, kMaxQuoted));
    }
  }
  return check;
}

View read_view(Reader& reader, const Json& json, const std::string& path) {
  View view;
  view.path = reader.text(json, path, "path");
  view.fstype = reader.text(json, path, "fstype");
  view.magic = reader.text(json, path, "magic");
  view.device = reader.text(json, path, "device");
  view.kernel = reader.text(json, path, "kernel");
  view.boot_id = reader.text(json, path, "boot_id");
  view.sandbox = reader.text(json, path, "sandbox");
  if (json.contains("node")) view.node = reader.text(json, path, "node");
  return view;
}

template <typename Item>
std::vector<Item> read_objects(Reader& reader, const Json& json, const std::string& name,
                               Item (*read)(Reader&, const Json&, const std::string&)) {
  std::vector<Item> items;
  const Json* array = reader.array(json, "", name);
  if (array == nullptr) return items;
  for (std::size_t i = 0; i < array->size() && reader.problem().empty(); ++i) {
    if (!(*array)[i].is_object()) {
      reader.refuse(indexed(name, i), "must be an object");
      break;
    }
    items.push_back(read(reader, (*array)[i], indexed(name, i)));
  }
  return items;
}

std::vector<std::string> read_reasons(Reader& reader, const Json& json) {
  std::vector<std::string> reasons;
  if (const Json* array = reader.array(json, "", "reasons")) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      reasons.push_back(reader.text_value((*array)[i], indexed("reasons", i)));
    }
  }
  return reasons;
}

std::string read_version(Reader& reader, const Json& json, const std::string& name) {
  const Json* object = reader.object(json, "", name);
  return object == nullptr ? std::string{} : reader.text(*object, name, "version");
}

Report read_report(Reader& reader, const Json& json) {
  Report report;
  const std::string schema = reader.text(json, "", "schema");
  if (schema != kReportSchema) {
    reader.refuse("schema", "is \"" + schema.substr(0, kMaxQuoted) + "\", expected \"" +
                                std::string(kReportSchema) + "\"");
    return report;
  }
  if (const Json* verdict = reader.object(json, "", "verdict")) {
    for (const Strategy strategy : kAllStrategies) {
      report.verdict[strategy] =
          reader.word(*verdict, "verdict", std::string(to_string(strategy)), parse_verdict);
    }
  }
  report.scope = reader.word(json, "", "scope", parse_scope);
  report.reasons = read_reasons(reader, json);
  report.checks = read_objects<Check>(reader, json, "checks", read_check);
  report.views = read_objects<View>(reader, json, "views", read_view);
  report.node_names_trusted = reader.flag(json, "node_names_trusted");
  report.sqlite_version = read_version(reader, json, "sqlite");
  report.probe_version = read_version(reader, json, "probe");
  report.started = reader.text(json, "", "started");
  report.seconds = reader.seconds(json, "");
  return report;
}

// A report is evidence: one that contradicts itself is none.
void refuse_unfounded_claims(Reader& reader, const Report& report) {
  std::set<std::string_view> ids;
  for (const Check& check : report.checks) {
    if (!ids.insert(check.id).second) reader.refuse("checks", "hold the same id twice");
  }
  if (report.scope > measured_scope(report.views, report.node_names_trusted)) {
    reader.refuse("scope", "claims more than the views show");
  }
  // `--scope node` is not recorded, so the mildest reading of the request decides what may be claimed.
  const GradeRequest mildest{.strategies = {kAllStrategies.begin(), kAllStrategies.end()},
                             .node_scope_asked = true};
  const Grade deserved = grade(report, mildest);
  for (const Strategy strategy : kAllStrategies) {
    const bool unfounded =
        report.verdict[strategy] == Verdict::kSafe && deserved.verdict[strategy] != Verdict::kSafe;
    if (unfounded) {
      reader.refuse("verdict." + std::string(to_string(strategy)), "says safe, which its checks do not show");
    }
  }
}

// Watches the parse for what a finished document no longer shows: duplicate keys and depth.
class ParseGuard {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (static_cast<std::size_t>(depth) > kMaxDepth && problem_.empty()) problem_ = "nested too deeply";
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end && !keys_.empty()) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key && !keys_.empty()) {
      note_key(parsed.get_ref<const Json::string_t&>());
    }
    return problem_.empty();
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void note_key(const std::string& key) {
    const bool is_new = keys_.back().insert(key).second;
    if (!is_new && problem_.empty()) problem_ = "duplicate key \"" + key.substr(0, kMaxQuoted) + "\"";
  }

  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

}  // namespace

std::string encode_report(const Report& report, int indent) {
  OrderedJson verdict = OrderedJson::object();
  for (const Strategy strategy : kAllStrategies) {
    verdict[std::string(to_string(strategy))] = to_string(report.verdict[strategy]);
  }
  OrderedJson checks = OrderedJson::array();
  for (const Check& check : report.checks) checks.push_back(check_json(check));
  OrderedJson views = OrderedJson::array();
  for (const View& view : report.views) views.push_back(view_json(view));
  OrderedJson json = {{"schema", kReportSchema},
                      {"verdict", std::move(verdict)},
                      {"scope", to_string(report.scope)},
                      {"reasons", report.reasons},
                      {"checks", std::move(checks)},
                      {"views", std::move(views)},
                      {"sqlite", {{"version", report.sqlite_version}}},
                      {"probe", {{"version", report.probe_version}}},
                      {"started", report.started},
                      {"seconds", number_json(report.seconds)}};
  if (report.node_names_trusted) json["node_names_trusted"] = true;
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

tl::expected<Report, std::string> parse_report(std::string_view json) {
  if (json.size() > kMaxReportBytes) {
    return tl::unexpected("the report has " + std::to_string(json.size()) + " bytes, at most " +
                          std::to_string(kMaxReportBytes) + " are read");
  }
  ParseGuard guard;
  const auto watch = [&guard](int depth, Json::parse_event_t event, const Json& parsed) {
    return guard(depth, event, parsed);
  };
  const Json document = Json::parse(json.begin(), json.end(), watch, /*allow_exceptions=*/false);
  if (!guard.problem().empty()) return tl::unexpected("the report is refused: " + guard.problem());
  if (document.is_discarded()) return tl::unexpected<std::string>("the report is not valid JSON");
  if (!document.is_object()) return tl::unexpected<std::string>("the report must be a JSON object");

  Reader reader;
  Report report = read_report(reader, document);
  if (reader.problem().empty()) refuse_unfounded_claims(reader, report);
  if (!reader.problem().empty()) return tl::unexpected("the report is refused: " + reader.problem());
  return report;
}

}  // namespace walguard::report
