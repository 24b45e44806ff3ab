#include "operator/wire/event.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/timestamp.h"

namespace walguard::wire {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestMessage = 1024;  // noteLengthLimit of the API server's validation
constexpr std::size_t kLongestName = 253;      // of a DNS subdomain

std::string text_of(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Cuts at a character, not inside one.
std::string within(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  constexpr std::string_view kMark = "...";
  std::size_t end = limit - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)).append(kMark);
}

/// FNV-1a, 64 bits: stable across builds and machines, which std::hash is not.
class StableHash {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    value_ = (value_ ^ 0xffU) * 0x100000001b3U;  // no text holds 0xff: "ab","c" differs from "a","bc"
  }
  [[nodiscard]] std::string text() const {
    std::array<char, 17> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(value_));
    return digits.data();
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace

std::string event_namespace(const ObjectReference& object) {
  return object.namespace_name.empty() ? "default" : object.namespace_name;
}

std::string event_name(const EventNote& note) {
  StableHash hash;
  for (const std::string_view part : {std::string_view(note.object.kind), std::string_view(note.object.uid),
                                      std::string_view(note.reason), std::string_view(note.message)}) {
    hash.add(part);
  }
  const std::string end = "." + hash.text();
  return note.object.name.substr(0, kLongestName - end.size()) + end;
}

std::string event_object(const EventNote& note, std::string_view reporter, std::chrono::sys_seconds now) {
  const std::string time = time_text(now);
  json involved = {{"apiVersion", note.object.api_version},
                   {"kind", note.object.kind},
                   {"name", note.object.name},
                   {"uid", note.object.uid}};
  if (!note.object.namespace_name.empty()) involved["namespace"] = note.object.namespace_name;
  return text_of({{"apiVersion", "v1"},
                  {"kind", "Event"},
                  {"metadata",
                   {{"namespace", event_namespace(note.object)},
                    {"name", event_name(note)},
                    {"labels", {{"app.kubernetes.io/managed-by", "walguard"}}}}},
                  {"involvedObject", std::move(involved)},
                  {"type", note.type == EventNote::Type::kWarning ? "Warning" : "Normal"},
                  {"reason", note.reason},
                  {"message", within(note.message, kLongestMessage)},
                  {"source", {{"component", "walguard"}}},
                  {"reportingComponent", "walguard"},
                  {"reportingInstance", reporter},
                  {"firstTimestamp", time},
                  {"lastTimestamp", time},
                  {"count", 1}});
}

tl::expected<std::int64_t, std::string> read_event_count(std::string_view text) {
  const json event = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) return tl::make_unexpected("not an Event: " + std::string(text.substr(0, 100)));
  const auto count = event.find("count");
  if (count == event.end() || !count->is_number_integer()) return 1;
  return std::max<std::int64_t>(count->get<std::int64_t>(), 1);
}

std::string event_count_patch(std::int64_t count, std::chrono::sys_seconds now) {
  return text_of({{"count", count}, {"lastTimestamp", time_text(now)}});
}

}  // namespace walguard::wire
