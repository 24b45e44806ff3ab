#include "operator/check/text_report.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/check/report.h"
#include "operator/core/decide.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"
#include "preflight/text/printable.h"
#include "preflight/text/terminal.h"

namespace walguard::check {
namespace {

using core::Severity;
using text::Paint;
using text::TextStyle;

std::string place(const std::string& file, int line) {
  return text::printable(file) + (line > 0 ? ":" + std::to_string(line) : "");
}

/// What a person looks for first: the worst word on the left edge.
struct Headline {
  std::string_view word;
  Paint paint;
};

Headline headline_of(Severity severity, bool safe) {
  switch (severity) {
    case Severity::kUnsafe:
      return {"UNSAFE", Paint::kRed};
    case Severity::kUnproven:
      return {"UNPROVEN", Paint::kYellow};
    case Severity::kWarning:
    case Severity::kInfo:
      break;
  }
  if (!safe) return {"ACCEPTED", Paint::kYellow};
  return {"SAFE", Paint::kGreen};
}

Severity worst_of(const CheckedObject& object) {
  Severity worst = Severity::kInfo;
  for (const CheckedVolume& volume : object.volumes) worst = std::max(worst, standing(volume));
  return worst;
}

std::string object_line(const CheckedObject& object, const TextStyle& style) {
  constexpr std::size_t kWordWidth = 10;
  const bool all_safe = std::ranges::all_of(
      object.volumes, [](const CheckedVolume& volume) { return volume.verdict == core::Verdict::kSafe; });
  // Of a workload without a volume to judge nothing is said but its notes.
  const Headline headline =
      object.volumes.empty() ? Headline{"NOTE", Paint::kYellow} : headline_of(worst_of(object), all_safe);
  const std::string name = text::printable(title_of(object));
  return text::painted(headline.word, headline.paint, style) +
         std::string(kWordWidth - headline.word.size(), ' ') + text::painted(name, Paint::kBold, style) +
         "  " + place(object.file, object.line) + "\n";
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all.append(all.empty() ? "" : ", ").append(part);
  return all;
}

/// "holds /data/db.sqlite3 (recognised: Vaultwarden), wal; shared as far as cluster; network-filesystem"
std::string facts_of(const core::VolumeFacts& facts) {
  std::string line = facts.databases.empty() ? "may hold a database" : "holds " + joined(facts.databases);
  line.append(" (").append(core::name(facts.certainty));
  if (!facts.usage.apps.empty()) line.append(": ").append(joined(facts.usage.apps));
  line.append("), ").append(core::name(facts.strategy));
  line.append("; scope ").append(facts.scope ? core::name(*facts.scope) : "not known");
  if (facts.transport) line.append("; ").append(core::name(*facts.transport));
  return text::printable(line);
}

Paint paint_of(const CheckedFinding& found) {
  if (found.finding.severity == Severity::kUnsafe && !found.accepted) return Paint::kRed;
  return found.finding.severity == Severity::kInfo ? Paint::kGreen : Paint::kYellow;
}

/// The word before a finding; what speaks for the volume is no finding against it.
std::string_view word_of(const CheckedFinding& found) {
  if (found.accepted) return "accepted";
  return found.finding.severity == Severity::kInfo ? "safe" : core::name(found.finding.severity);
}

std::string finding_line(const CheckedFinding& found, const TextStyle& style) {
  constexpr std::size_t kTextColumn = 14;
  const std::string word = text::padded(word_of(found), kTextColumn - 4);
  std::string sentence = std::string(found.finding.rule) + ": " + found.finding.reason;
  if (found.accepted) {
    sentence += found.accepted->by_policy ? " (exempt by policy: " : " (risk accepted: ";
    sentence += found.accepted->reason + ")";
  }
  return "    " + text::painted(word, paint_of(found), style) +
         text::wrapped(text::printable(sentence), kTextColumn, style.width);
}

std::string volume_lines(const CheckedObject& object, const CheckedVolume& volume, const TextStyle& style) {
  const core::VolumeFacts& facts = volume.facts;
  std::string head = "volume \"" + facts.volume + "\"";
  if (!facts.claim.empty()) head += ", claim \"" + facts.claim + "\"";
  std::string lines = "  " + text::printable(head) + "  " + place(object.file, volume.line) + "\n";
  lines += "    " + text::wrapped(facts_of(facts), 4, style.width);
  if (!facts.usage.seen_in.empty()) {
    const std::string where =
        "recognised by " + joined(facts.usage.seen_in) + ", which the webhook does not see";
    lines += "    " + text::wrapped(text::printable(where), 4, style.width);
  }
  for (const CheckedFinding& found : volume.findings) lines += finding_line(found, style);
  return lines;
}

/// What is to be pasted is not broken into lines.
std::string unwrapped(std::string_view rest) {
  std::string lines;
  for (std::size_t begin = 0; begin < rest.size();) {
    const std::size_t end = std::min(rest.find('\n', begin), rest.size());
    lines += "    " + text::printable(rest.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return lines;
}

/// Each way out once, with the rules that it answers: several findings often share one.
std::string remedies(const CheckedObject& object, const TextStyle& style) {
  std::vector<std::pair<std::string_view, std::vector<std::string>>> ways;
  for (const CheckedVolume& volume : object.volumes) {
    for (const CheckedFinding& found : volume.findings) {
      const core::Finding& finding = found.finding;
      if (found.accepted || finding.severity == Severity::kInfo || found.remedy().empty()) continue;
      auto way = std::ranges::find(ways, found.remedy(), [](const auto& entry) { return entry.first; });
      if (way == ways.end()) way = ways.insert(way, {found.remedy(), {}});
      const std::string rule(finding.rule);
      if (std::ranges::find(way->second, rule) == way->second.end()) way->second.push_back(rule);
    }
  }
  std::string lines;
  for (const auto& [remedy, rules] : ways) {
    const std::size_t first_end = remedy.find('\n');
    const std::string sentence =
        "Remedy for " + joined(rules) + ": " + std::string(remedy.substr(0, first_end));
    lines += "  " + text::wrapped(text::printable(sentence), 4, style.width);
    if (first_end != std::string_view::npos) lines += unwrapped(remedy.substr(first_end + 1));
  }
  return lines;
}

std::string object_lines(const CheckedObject& object, const TextStyle& style) {
  std::string lines = object_line(object, style);
  for (const CheckedVolume& volume : object.volumes) lines += volume_lines(object, volume, style);
  for (const std::string& note : object.notes) {
    lines += "  note: " + text::wrapped(text::printable(note), 8, style.width);
  }
  return lines + remedies(object, style) + "\n";
}

std::string counted(std::size_t count, std::string_view thing) {
  return text::human_count(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string summary_line(const CheckReport& report) {
  const Summary summary = summarise(report);
  std::size_t volumes = 0;
  for (const CheckedObject& object : report.objects) volumes += object.volumes.size();
  std::string line =
      counted(report.objects.size(), "workload") + " judged, " + counted(volumes, "volume") + " with SQLite";
  if (volumes == 0) return line + ".";
  line += ": " + text::human_count(summary.unsafe) + " unsafe, " + text::human_count(summary.unproven) +
          " unproven, " + text::human_count(summary.safe) + " safe";
  if (summary.accepted > 0) line += ", " + text::human_count(summary.accepted) + " accepted";
  return line + "; " + counted(summary.warnings, "warning") + ".";
}

/// Whether anything is unproven in compose files, or in all else.
bool unproven_in(const CheckReport& report, bool compose) {
  return std::ranges::any_of(report.objects, [compose](const CheckedObject& object) {
    return object.namespace_name.empty() == compose && worst_of(object) == Severity::kUnproven;
  });
}

std::string advice(const CheckReport& report, const TextStyle& style) {
  std::string lines;
  if (!report.not_judged.empty()) {
    std::string kinds;
    for (const auto& [kind, count] : report.not_judged) {
      kinds += (kinds.empty() ? "" : ", ") + text::human_count(count) + " " + text::printable(kind);
    }
    lines += text::wrapped("Not judged, as walguard does not know how these make pods: " + kinds +
                               ". Their pods are judged on their way into the cluster.",
                           0, style.width);
  }
  const bool of_a_cluster = unproven_in(report, /*compose=*/false);
  if (of_a_cluster && !report.cluster_in_view) {
    lines +=
        "More is decided with the cluster in view: kubectl get sc,pv,pvc,csidrivers,nodes,runtimeclasses,"
        "namespaces,pods,hpa -A -o yaml > state.yaml, then --cluster-state state.yaml\n";
  }
  if (unproven_in(report, /*compose=*/true) && !report.engine_in_view) {
    lines +=
        "More is decided with the engine in view: docker info --format '{{json .}}' > docker.json, then "
        "--docker-info docker.json\n";
  }
  return lines;
}

}  // namespace

void text_report(const CheckReport& report, const TextStyle& style, std::ostream& out) {
  for (const CheckedObject& object : report.objects) {
    if (!object.volumes.empty() || !object.notes.empty()) out << object_lines(object, style);
  }
  out << summary_line(report) << '\n' << advice(report, style);
}

}  // namespace walguard::check
