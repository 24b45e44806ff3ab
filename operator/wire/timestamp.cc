#include "operator/wire/timestamp.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace walguard::wire {
namespace {

std::string text_of(std::chrono::sys_seconds time, const std::string& fraction) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text.data() + fraction + "Z";
}

}  // namespace

std::string time_text(std::chrono::sys_seconds time) { return text_of(time, ""); }

std::string micro_time_text(std::chrono::sys_time<std::chrono::microseconds> time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::array<char, 8> fraction{};
  (void)std::snprintf(fraction.data(), fraction.size(), ".%06d", static_cast<int>((time - seconds).count()));
  return text_of(seconds, fraction.data());
}

}  // namespace walguard::wire
