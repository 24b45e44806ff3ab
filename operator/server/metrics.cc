#include "operator/server/metrics.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "operator/core/response.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"

namespace walguard::server {
namespace {

using core::Decision;
using core::Mode;

constexpr std::array kDecisions = {Decision::kAllow, Decision::kWarn, Decision::kGate, Decision::kDeny};
constexpr std::array kModes = {Mode::kOff, Mode::kAudit, Mode::kWarn, Mode::kGate, Mode::kEnforce};
constexpr std::array<std::string_view, 3> kUnreadable = {"not-a-review", "bad-object", "unknown-kind"};
constexpr std::array<std::string_view, 4> kOutcomes = {"safe", "unsafe", "inconclusive", "failed"};

using CounterTable = std::map<std::string_view, prometheus::Counter*>;

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

// Every counter is made at the start: the admission path only looks it up, and a scrape shows zeros from the
// first on.
struct Metrics::Families {
  prometheus::Registry registry;
  std::array<std::array<prometheus::Counter*, kModes.size()>, kDecisions.size()> answers{};
  CounterTable findings;
  CounterTable unreadable;
  CounterTable preflights;
  prometheus::Histogram& duration =
      prometheus::BuildHistogram()
          .Name("walguard_admission_duration_seconds")
          .Help("From the whole request to its encoded answer, without the network.")
          .Register(registry)
          .Add({},
               prometheus::Histogram::BucketBoundaries{2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1});

  prometheus::Gauge& ready = gauge(registry, "walguard_ready", "1 when /readyz answers 200.");
  prometheus::Gauge& objects =
      gauge(registry, "walguard_state_objects", "Objects of the cluster state in force.");
  prometheus::Gauge& files = gauge(registry, "walguard_state_files", "Files of the cluster state in force.");
  prometheus::Gauge& loaded_at =
      gauge(registry, "walguard_state_loaded_timestamp_seconds",
            "When the cluster state in force was read, in seconds since the epoch.");
  prometheus::Gauge& broken =
      gauge(registry, "walguard_state_broken",
            "1 while the newest cluster state cannot be read and the last good one is in force.");
  prometheus::Gauge& failed_reloads = gauge(registry, "walguard_state_failed_reloads",
                                            "Reloads of the cluster state that failed since the start.");
  prometheus::Gauge& evidence = gauge(registry, "walguard_evidence_reports", "Preflight reports in force.");
  prometheus::Gauge& running = gauge(registry, "walguard_preflights_running", "Preflights that run now.");
  prometheus::Gauge& waiting =
      gauge(registry, "walguard_preflights_waiting", "Preflights that are wanted and do not run.");
  prometheus::Gauge& connections =
      gauge(registry, "walguard_http_open_connections", "Open webhook connections.");

  // By kind, which only the index knows: added when it is first read off.
  prometheus::Family<prometheus::Gauge>& index_stale =
      prometheus::BuildGauge()
          .Name("walguard_index_stale")
          .Help("1 while a resource of the cluster was not listed yet, or not heard of lately.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& index_objects = prometheus::BuildGauge()
                                                             .Name("walguard_index_objects")
                                                             .Help("Objects of the cluster that are held.")
                                                             .Register(registry);
  prometheus::Family<prometheus::Counter>& index_unreadable =
      prometheus::BuildCounter()
          .Name("walguard_index_unreadable_total")
          .Help("Objects of the cluster that could not be read, and so are not in view.")
          .Register(registry);

  Families() {
    add_answers();
    add_table(findings, "walguard_findings_total", "Findings in answers, by rule.", "rule", rule_ids());
    add_table(unreadable, "walguard_admission_unreadable_total", "Requests that could not be judged.",
              "reason", kUnreadable);
    add_table(preflights, "walguard_preflight_runs_total", "Preflights that have ended.", "outcome",
              kOutcomes);
    prometheus::BuildGauge()
        .Name("walguard_build_info")
        .Help("Always 1; the version is the label.")
        .Register(registry)
        .Add({{"version", WALGUARD_VERSION}})
        .Set(1);
  }

  static std::map<std::string_view, int> rule_ids() {
    std::map<std::string_view, int> ids;
    for (const core::Rule& rule : core::rules()) ids.emplace(rule.id, 0);
    return ids;
  }

  void add_answers() {
    auto& family = prometheus::BuildCounter()
                       .Name("walguard_admission_answers_total")
                       .Help("Admission requests answered, by decision and mode in force.")
                       .Register(registry);
    for (const Decision decision : kDecisions) {
      for (const Mode mode : kModes) {
        answers[static_cast<std::size_t>(decision)][static_cast<std::size_t>(mode)] = &family.Add(
            {{"decision", std::string(core::name(decision))}, {"mode", std::string(core::name(mode))}});
      }
    }
  }

  static std::string_view label_of(std::string_view value) { return value; }
  static std::string_view label_of(const std::pair<const std::string_view, int>& entry) {
    return entry.first;
  }

  template <typename Values>
  void add_table(CounterTable& table, const char* name, const char* help, const char* label,
                 const Values& values) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    for (const auto& value : values) {
      table.emplace(label_of(value), &family.Add({{label, std::string(label_of(value))}}));
    }
  }

  void set_index(const IndexSample& sample) {
    const prometheus::Labels labels = {{"kind", sample.kind}};
    index_stale.Add(labels).Set(sample.stale ? 1 : 0);
    index_objects.Add(labels).Set(static_cast<double>(sample.objects));
    prometheus::Counter& counter = index_unreadable.Add(labels);
    counter.Increment(static_cast<double>(sample.unreadable) - counter.Value());
  }

  static void increment(const CounterTable& table, std::string_view label) {
    if (const auto it = table.find(label); it != table.end()) it->second->Increment();
  }
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::count_answer(const core::Answer& answer, std::chrono::nanoseconds took) {
  families_->answers[static_cast<std::size_t>(answer.decision)][static_cast<std::size_t>(answer.mode)]
      ->Increment();
  for (const std::string_view rule : answer.rules) Families::increment(families_->findings, rule);
  families_->duration.Observe(std::chrono::duration<double>(took).count());
}

void Metrics::count_unreadable(std::string_view reason) {
  Families::increment(families_->unreadable, reason);
}

void Metrics::count_preflight(std::string_view outcome) {
  Families::increment(families_->preflights, outcome);
}

std::string Metrics::render(const MetricsSample& sample) {
  Families& all = *families_;
  all.ready.Set(sample.ready ? 1 : 0);
  all.objects.Set(static_cast<double>(sample.state_objects));
  all.files.Set(static_cast<double>(sample.state_files));
  all.loaded_at.Set(static_cast<double>(sample.state_loaded_at));
  all.broken.Set(sample.state_broken ? 1 : 0);
  all.failed_reloads.Set(static_cast<double>(sample.state_failed_reloads));
  all.evidence.Set(static_cast<double>(sample.evidence_reports));
  all.running.Set(static_cast<double>(sample.preflights_running));
  all.waiting.Set(static_cast<double>(sample.preflights_waiting));
  all.connections.Set(static_cast<double>(sample.open_connections));
  for (const IndexSample& kind : sample.index) all.set_index(kind);
  return prometheus::TextSerializer{}.Serialize(all.registry.Collect());
}

}  // namespace walguard::server
