#include "preflight/render/plots.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "preflight/report/report.h"
#include "preflight/text/printable.h"

namespace walguard::preflight {
namespace {

// Units of both plots: those of the viewBox. Letters of 12 stay readable when it is shrunk to a telephone.
constexpr double kWidth = 440;
constexpr double kLetters = 12;

struct Known {
  std::string_view name;
  std::string_view label;
};
constexpr std::array<Known, 6> kLatencies = {{{"visibility", "Store in shared memory seen by the other side"},
                                              {"publication", "Appended data read after its announcement"},
                                              {"handover", "Lock handed over to the other side"},
                                              {"fsync", "fsync"},
                                              {"fdatasync", "fdatasync"},
                                              {"commit", "SQLite commit"}}};
constexpr std::array<int, 3> kWriters = {1, 2, 4};

std::optional<double> find_number(const report::Report& report, const std::string& name) {
  for (const report::Check& check : report.checks) {
    const auto found = check.numbers.find(name);
    if (found != check.numbers.end() && std::isfinite(found->second)) return std::max(0.0, found->second);
  }
  return std::nullopt;
}

std::optional<Latency> find_latency(const report::Report& report, const Known& known) {
  const auto number = [&](std::string_view figure) {
    return find_number(report, std::string(known.name) + "_" + std::string(figure) + "_seconds");
  };
  const auto p50 = number("p50");
  const auto p90 = number("p90");
  const auto p99 = number("p99");
  const auto max = number("max");
  if (!p50 || !p90 || !p99 || !max) return std::nullopt;
  return Latency{known.name, known.label, *p50, *p90, *p99, *max};
}

std::string fixed(double value) { return text::decimal(value, 1); }

using Attributes = std::vector<std::pair<std::string_view, std::string>>;

std::string element(std::string_view name, const Attributes& attributes, std::string_view content = "") {
  std::string text = "<" + std::string(name);
  for (const auto& [key, value] : attributes) text += " " + std::string(key) + "=\"" + value + "\"";
  if (content.empty()) return text + " />";
  return text + ">" + std::string(content) + "</" + std::string(name) + ">";
}

std::string label(double x, double y, std::string_view anchor, std::string_view style,
                  std::string_view text) {
  return element(
      "text",
      {{"x", fixed(x)}, {"y", fixed(y)}, {"text-anchor", std::string(anchor)}, {"class", std::string(style)}},
      html_escaped(text));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return element("line", {{"x1", fixed(x1)},
                          {"y1", fixed(y1)},
                          {"x2", fixed(x2)},
                          {"y2", fixed(y2)},
                          {"class", std::string(style)}});
}

std::string dot(double x, double y, double radius, std::string_view style) {
  return element("circle",
                 {{"cx", fixed(x)}, {"cy", fixed(y)}, {"r", fixed(radius)}, {"class", std::string(style)}});
}

// The picture, with its title and description for those who do not see it.
std::string picture(std::string_view id, double height, std::string_view title, std::string_view description,
                    const std::string& content) {
  const std::string name(id);
  return "<svg viewBox=\"0 0 " + fixed(kWidth) + " " + fixed(height) + "\" role=\"img\" aria-labelledby=\"" +
         name + "-title " + name + "-desc\">\n<title id=\"" + name + "-title\">" + html_escaped(title) +
         "</title>\n<desc id=\"" + name + "-desc\">" + html_escaped(description) + "</desc>\n" + content +
         "</svg>\n";
}

// Powers of ten from the first below everything to the first above.
class LogAxis {
 public:
  explicit LogAxis(const std::vector<Latency>& latencies) {
    double least = 1e9;
    double most = kLeast;
    for (const Latency& latency : latencies) {
      least = std::min({least, latency.p50, latency.p90, latency.p99, latency.max});
      most = std::max({most, latency.p50, latency.p90, latency.p99, latency.max});
    }
    first_ = static_cast<int>(std::floor(std::log10(std::clamp(least, kLeast, kMost))));
    last_ = std::max(first_ + 2, static_cast<int>(std::ceil(std::log10(std::min(most, kMost)))));
  }
  [[nodiscard]] int first() const { return first_; }
  [[nodiscard]] int last() const { return last_; }
  [[nodiscard]] double at(double seconds) const {
    const double decades = std::log10(std::clamp(seconds, kLeast, kMost)) - first_;
    return kMargin + (kWidth - 2 * kMargin) * decades / (last_ - first_);
  }

 private:
  static constexpr double kLeast = 1e-9;
  static constexpr double kMost = 1e5;
  static constexpr double kMargin = 22;

  int first_;
  int last_;
};

std::string power_of_ten(int exponent) {
  constexpr std::array<std::string_view, 4> kUnits = {"ns", "µs", "ms", "s"};
  const int third = std::clamp((exponent + 9) / 3, 0, 3);
  const int zeros = std::max(0, exponent + 9 - 3 * third);
  return "1" + std::string(static_cast<std::size_t>(zeros), '0') + " " +
         std::string(kUnits.at(static_cast<std::size_t>(third)));
}

std::string latency_row(const Latency& latency, const LogAxis& axis, double top) {
  const double y = top + 30;
  const std::string figures = "p50 " + text::human_seconds(latency.p50) + "   p99 " +
                              text::human_seconds(latency.p99) + "   max " + text::human_seconds(latency.max);
  return label(0, top + kLetters, "start", "strong", latency.label) + "\n" +
         line(axis.at(latency.p50), y, axis.at(latency.max), y, "range thin") +
         line(axis.at(latency.p50), y, axis.at(latency.p99), y, "range thick") +
         dot(axis.at(latency.max), y, 3.5, "max") +
         line(axis.at(latency.p99), y - 6, axis.at(latency.p99), y + 6, "tick") +
         line(axis.at(latency.p90), y - 6, axis.at(latency.p90), y + 6, "tick") +
         dot(axis.at(latency.p50), y, 5, "p50") + "\n" + label(0, y + 19, "start", "muted", figures) + "\n";
}

// What the largest bar is measured against: the next of a few round shares.
double full_share(const std::vector<BusyRate>& rates) {
  double most = 0;
  for (const BusyRate& rate : rates) most = std::max(most, rate.rate);
  for (const double full : {0.02, 0.1, 0.2, 0.5}) {
    if (most <= full) return full;
  }
  return 1;
}

std::string percent(double share) {
  const bool small = share > 0 && share < 0.0995;
  return text::decimal(share * 100, small ? 1 : 0) + " %";
}

std::string writers_text(int writers) {
  return std::to_string(writers) + (writers == 1 ? " writer" : " writers");
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string safe;
  for (const char c : text::printable(text)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

Latencies latencies_of(const report::Report& report) {
  Latencies latencies;
  for (const Known& known : kLatencies) {
    if (const auto found = find_latency(report, known)) {
      latencies.measured.push_back(*found);
    } else {
      latencies.missing.push_back(known.label);
    }
  }
  return latencies;
}

std::vector<BusyRate> busy_rates_of(const report::Report& report) {
  std::vector<BusyRate> rates;
  for (const int writers : kWriters) {
    const auto rate = find_number(report, "busy_rate_writers_" + std::to_string(writers));
    if (rate) rates.push_back({.writers = writers, .rate = std::min(1.0, *rate)});
  }
  return rates;
}

std::string latency_plot(const std::vector<Latency>& latencies) {
  constexpr double kRow = 68;
  const LogAxis axis(latencies);
  const double bottom = kRow * static_cast<double>(latencies.size());
  std::string content;
  for (int exponent = axis.first(); exponent <= axis.last(); ++exponent) {
    const double x = axis.at(std::pow(10.0, exponent));
    content += line(x, 0, x, bottom, "grid");
    content += label(x, bottom + 16, "middle", "muted", power_of_ten(exponent)) + "\n";
  }
  std::string description;
  double top = 2;
  for (const Latency& latency : latencies) {
    content += latency_row(latency, axis, top);
    description += std::string(latency.label) + ": median " + text::human_seconds(latency.p50) +
                   ", 90th percentile " + text::human_seconds(latency.p90) + ", 99th " +
                   text::human_seconds(latency.p99) + ", longest " + text::human_seconds(latency.max) + ". ";
    top += kRow;
  }
  return picture("latency", bottom + 22, "Latencies, on a logarithmic axis", description, content);
}

std::string busy_plot(const std::vector<BusyRate>& rates) {
  constexpr double kTop = 22;
  constexpr double kBottom = 190;
  constexpr double kLeft = 48;
  const double full = full_share(rates);
  const auto height = [&](double share) { return (kBottom - kTop) * share / full; };
  std::string content;
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = kBottom - height(full * part);
    content += line(kLeft, y, kWidth, y, "grid");
    content += label(kLeft - 6, y + 4, "end", "muted", percent(full * part)) + "\n";
  }
  std::string description;
  const double step = (kWidth - kLeft) / static_cast<double>(rates.size());
  double middle = kLeft + step / 2;
  for (const BusyRate& rate : rates) {
    const double bar = std::max(1.0, height(rate.rate));
    content += element("rect", {{"x", fixed(middle - 30)},
                                {"y", fixed(kBottom - bar)},
                                {"width", "60"},
                                {"height", fixed(bar)},
                                {"class", "bar"}});
    content += label(middle, kBottom - bar - 6, "middle", "strong", percent(rate.rate));
    content += label(middle, kBottom + 18, "middle", "muted", writers_text(rate.writers)) + "\n";
    description += writers_text(rate.writers) + ": " + percent(rate.rate) + ". ";
    middle += step;
  }
  return picture("busy", kBottom + 26, "Share of attempts to write that were refused as BUSY", description,
                 content);
}

}  // namespace walguard::preflight
