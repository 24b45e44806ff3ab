#include "operator/server/authz_metrics.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "operator/core/rules.h"

namespace walguard::server {
namespace {

constexpr std::array kRequestKinds = {AuthzRequestKind::kNoStorage,      AuthzRequestKind::kCreateContainer,
                                      AuthzRequestKind::kStartContainer, AuthzRequestKind::kCreateVolume,
                                      AuthzRequestKind::kRunService,     AuthzRequestKind::kUnreadable};
constexpr std::array kAuthzOutcomes = {AuthzOutcome::kAllow, AuthzOutcome::kWarn, AuthzOutcome::kDeny,
                                       AuthzOutcome::kFailed};

prometheus::Gauge& docker_gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Counter& docker_counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

std::string_view name_of(AuthzRequestKind kind) {
  switch (kind) {
    case AuthzRequestKind::kNoStorage:
      return "no-storage";
    case AuthzRequestKind::kCreateContainer:
      return "create-container";
    case AuthzRequestKind::kStartContainer:
      return "start-container";
    case AuthzRequestKind::kCreateVolume:
      return "create-volume";
    case AuthzRequestKind::kRunService:
      return "run-service";
    case AuthzRequestKind::kUnreadable:
      break;
  }
  return "unreadable";
}

std::string_view name_of(AuthzOutcome outcome) {
  switch (outcome) {
    case AuthzOutcome::kAllow:
      return "allow";
    case AuthzOutcome::kWarn:
      return "warn";
    case AuthzOutcome::kDeny:
      return "deny";
    case AuthzOutcome::kFailed:
      break;
  }
  return "failed";
}

// Every counter is made at the start: answering only looks it up, and a scrape shows zeros from the first on.
struct AuthzMetrics::Families {
  prometheus::Registry registry;
  std::array<std::array<prometheus::Counter*, kAuthzOutcomes.size()>, kRequestKinds.size()> answers{};
  std::map<std::string_view, prometheus::Counter*> rules;
  // The aim is 5 ms for 99 of 100, and a second is the most.
  prometheus::Histogram& duration =
      prometheus::BuildHistogram()
          .Name("walguard_docker_duration_seconds")
          .Help("From the whole question of the engine to the encoded answer, without the transport.")
          .Register(registry)
          .Add({},
               prometheus::Histogram::BucketBoundaries{1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 1e-1, 1.0});
  prometheus::Gauge& current =
      docker_gauge(registry, "walguard_docker_engine_current",
                   "1 when what is known of the engine is what it has: listed, and its events followed.");
  prometheus::Gauge& containers =
      docker_gauge(registry, "walguard_docker_containers", "Containers of the engine that are known.");
  prometheus::Gauge& volumes =
      docker_gauge(registry, "walguard_docker_volumes", "Volumes of the engine that are known.");
  prometheus::Gauge& evidence =
      docker_gauge(registry, "walguard_docker_evidence_reports", "Reports of preflights that are held.");
  prometheus::Gauge& stuck =
      docker_gauge(registry, "walguard_docker_judgements_overdue", "Judgements that hang now.");
  prometheus::Counter& lists =
      docker_counter(registry, "walguard_docker_engine_lists_total", "Times the whole engine was listed.");
  prometheus::Counter& events =
      docker_counter(registry, "walguard_docker_engine_events_total", "Events of the engine that were read.");

  Families() {
    add_answers();
    auto& found = prometheus::BuildCounter()
                      .Name("walguard_docker_findings_total")
                      .Help("Worst findings of answers, by rule.")
                      .Register(registry);
    for (const core::Rule& rule : core::rules())
      rules.emplace(rule.id, &found.Add({{"rule", std::string(rule.id)}}));
    prometheus::BuildGauge()
        .Name("walguard_build_info")
        .Help("Always 1; the version is the label.")
        .Register(registry)
        .Add({{"version", WALGUARD_VERSION}})
        .Set(1);
  }

  void add_answers() {
    auto& family = prometheus::BuildCounter()
                       .Name("walguard_docker_answers_total")
                       .Help("Requests to the engine that were answered, by kind and decision.")
                       .Register(registry);
    for (const AuthzRequestKind kind : kRequestKinds) {
      for (const AuthzOutcome outcome : kAuthzOutcomes) {
        answers[static_cast<std::size_t>(kind)][static_cast<std::size_t>(outcome)] =
            &family.Add({{"kind", std::string(name_of(kind))}, {"decision", std::string(name_of(outcome))}});
      }
    }
  }

  std::mutex of_render;  // two scrapes at once would both raise a counter

  /// Of a number that somebody else counts.
  static void raise_to(prometheus::Counter& counter, std::uint64_t value) {
    counter.Increment(static_cast<double>(value) - counter.Value());
  }
};

AuthzMetrics::AuthzMetrics() : families_(std::make_unique<Families>()) {}
AuthzMetrics::~AuthzMetrics() = default;

void AuthzMetrics::count(AuthzRequestKind kind, AuthzOutcome outcome, std::chrono::nanoseconds took) {
  families_->answers[static_cast<std::size_t>(kind)][static_cast<std::size_t>(outcome)]->Increment();
  families_->duration.Observe(std::chrono::duration<double>(took).count());
}

void AuthzMetrics::count_rule(std::string_view rule) {
  if (const auto it = families_->rules.find(rule); it != families_->rules.end()) it->second->Increment();
}

std::string AuthzMetrics::render(const AuthzSample& sample) {
  Families& all = *families_;
  const std::lock_guard lock(all.of_render);
  all.current.Set(sample.engine_current ? 1 : 0);
  all.containers.Set(static_cast<double>(sample.containers));
  all.volumes.Set(static_cast<double>(sample.volumes));
  all.evidence.Set(static_cast<double>(sample.evidence_reports));
  all.stuck.Set(static_cast<double>(sample.stuck));
  Families::raise_to(all.lists, sample.engine_lists);
  Families::raise_to(all.events, sample.engine_events);
  return prometheus::TextSerializer{}.Serialize(all.registry.Collect());
}

}  // namespace walguard::server
