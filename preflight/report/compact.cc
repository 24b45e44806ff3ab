#include "preflight/report/compact.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "preflight/report/grade.h"
#include "preflight/report/report.h"
#include "preflight/report/report_json.h"
#include "preflight/text/utf8.h"

namespace walguard::report {
namespace {

// How much of each part is kept. Sizes are bytes as JSON writes them.
struct Room {
  std::size_t detail;   // of a check's detail, and of a reason
  std::size_t reasons;  // how many, worst first
  std::size_t text;     // of a view's texts and of the versions
  bool numbers;
  bool needed_checks_only;
};

constexpr std::size_t kEvery = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMaxViews = 4;  // a run has two

// Tried one after the other. The last one fits whatever the report holds: a test tries.
constexpr std::array<Room, 10> kRooms = {{{600, kEvery, 256, true, false},
                                          {300, kEvery, 256, true, false},
                                          {150, kEvery, 256, true, false},
                                          {80, kEvery, 256, true, false},
                                          {300, kEvery, 256, false, false},
                                          {150, kEvery, 128, false, false},
                                          {80, 6, 64, false, false},
                                          {40, 4, 48, false, false},
                                          {0, 4, 48, false, false},
                                          {0, 3, 48, false, true}}};
constexpr std::size_t kLeastReason = 60;  // a reason says nothing below this

constexpr std::string_view kEllipsis = "…";

// RFC 8259, section 7, as nlohmann-json writes it: short escapes for seven characters, \u00XX for the other
// control characters.
std::size_t json_size(std::string_view character) {
  constexpr std::string_view kShortEscapes = "\"\\\b\f\n\r\t";
  if (kShortEscapes.find(character.front()) != std::string_view::npos) return 2;
  const bool control = static_cast<unsigned char>(character.front()) < 0x20;
  return control ? 6 : character.size();
}

// As many whole characters of valid UTF-8 as `room` bytes of JSON hold.
std::string_view prefix(std::string_view text, std::size_t room) {
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = text::utf8_length(text.substr(end));
    used += json_size(text.substr(end, length));
    if (used > room) break;
    end += length;
  }
  return text.substr(0, end);
}

std::string cut(const std::string& text, std::size_t room) {
  std::string valid = text::to_utf8(text);
  if (prefix(valid, room).size() == valid.size()) return valid;
  if (room <= kEllipsis.size()) return {};
  return std::string(prefix(valid, room - kEllipsis.size())) + std::string(kEllipsis);
}

// FNV-1a, 32 bits: tells names apart, protects nothing.
std::string digest(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  std::string hex;
  for (int shift = 28; shift >= 0; shift -= 4) hex += "0123456789abcdef"[(hash >> shift) & 0xFU];
  return hex;
}

std::string cut_identity(const std::string& text, std::size_t room) {
  std::string whole = cut(text, room);
  if (whole == text) return whole;
  const std::string mark = digest(text);
  return cut(text, room - mark.size()) + mark;
}

// Four significant digits: what a person compares.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value) || value == std::trunc(value)) return value;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::abs(value))));
  return std::isfinite(scale) && scale > 0 ? std::round(value * scale) / scale : value;
}

bool is_needed(const Check& check) {
  return std::ranges::find(needs(), check.id, &Need::check) != needs().end();
}

std::vector<Check> shorten_checks(const std::vector<Check>& checks, const Room& room) {
  std::vector<Check> kept;
  for (Check check : checks) {
    if (room.needed_checks_only && !is_needed(check)) continue;
    check.detail = cut(check.detail, room.detail);
    check.seconds = rounded(check.seconds);
    if (!room.numbers) check.numbers.clear();
    for (auto& [name, value] : check.numbers) value = rounded(value);
    kept.push_back(std::move(check));
  }
  return kept;
}

View shorten(const View& view, std::size_t room) {
  return {.path = cut(view.path, room),
          .fstype = cut(view.fstype, room),
          .magic = cut(view.magic, room),
          .device = cut_identity(view.device, room),
          .kernel = cut(view.kernel, room),
          .boot_id = cut_identity(view.boot_id, room),
          .sandbox = cut(view.sandbox, room),
          .node = cut_identity(view.node, room)};
}

Report shorten(const Report& report, const Room& room) {
  Report result;
  result.verdict = report.verdict;
  result.scope = report.scope;
  for (const std::string& reason : report.reasons) {
    if (result.reasons.size() == room.reasons) break;
    result.reasons.push_back(cut(reason, std::max(room.detail, kLeastReason)));
  }
  result.checks = shorten_checks(report.checks, room);
  for (const View& view : report.views) {
    if (result.views.size() == kMaxViews) break;
    result.views.push_back(shorten(view, room.text));
  }
  result.node_names_trusted = report.node_names_trusted;
  result.sqlite_version = cut(report.sqlite_version, room.text);
  result.probe_version = cut(report.probe_version, room.text);
  result.started = cut(report.started, room.text);
  result.seconds = rounded(report.seconds);
  return result;
}

}  // namespace

std::string encode_compact(const Report& report) {
  std::string json = encode_report(report);
  for (const Room& room : kRooms) {
    if (json.size() <= kCompactBytes) break;
    json = encode_report(shorten(report, room));
  }
  return json;
}

}  // namespace walguard::report
