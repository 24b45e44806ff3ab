#include "operator/check/manifests.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "operator/check/input.h"
#include "operator/wire/compose.h"
#include "operator/wire/manifest.h"
#include "operator/wire/yaml_to_json.h"

namespace walguard::check {
namespace {

/// Go's template actions, as Helm charts are written with: {{ .Values.x }}, {{- if, {{ include.
bool holds_template_actions(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t opened = line.find("{{");
    if (opened != std::string_view::npos && line.find("}}", opened) != std::string_view::npos) return true;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return false;
}

/// The folder of the chart that a template lies in, as far as its path tells; else a word for it.
std::string chart_of(const std::string& path) {
  if (path.starts_with("templates/")) return ".";
  const std::size_t folder = path.rfind("/templates/");
  return folder == std::string::npos || folder == 0 ? "CHART" : path.substr(0, folder);
}

/// What describes a chart has an apiVersion and no kind, and is nothing to judge.
void pass_over_chart(const InputFile& file, wire::Manifest& manifest) {
  const std::filesystem::path path(file.path);
  if (path.filename() != "Chart.yaml" || manifest.errors.empty()) return;
  if (!file.named) return manifest.errors.clear();
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  manifest.errors.front().message =
      "a Helm chart's description; render the chart: helm template " + folder + " | walguard check -";
}

void explain_templates(std::string_view text, const std::string& path, wire::Manifest& manifest) {
  const bool is_yaml = manifest.errors.empty() || manifest.errors.front().document != 0;
  if (is_yaml || !holds_template_actions(text)) return;
  std::string& message = manifest.errors.front().message;
  message = "a Helm template, which is no YAML yet; render it first: helm template " + chart_of(path) +
            " | walguard check - (as YAML: " + message + ")";
}

/// Compose files, and what is neither: an error only where somebody has named the file.
void sort_others(const InputFile& file, ReadFile& read) {
  std::vector<wire::LoadError>& errors = read.content.errors;
  for (const wire::OtherDocument& other : read.content.others) {
    if (wire::is_compose(other)) {
      auto compose = wire::read_compose(other, file.path);
      if (compose) {
        read.compose.push_back(*std::move(compose));
      } else {
        errors.push_back(std::move(compose).error());
      }
    } else if (file.named) {
      errors.push_back({.file = file.path,
                        .document = other.number,
                        .line = other.content.line,
                        .object = {},
                        .message = "neither a Kubernetes object nor a compose file: " + other.why});
    }
  }
  read.content.others.clear();
}

std::string folder_of(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path == kStdin ? "file" : path, error);
  return error ? std::string(".") : full.parent_path().string();
}

ReadFile read_one(const InputFile& file) {
  ReadFile read{.path = file.path, .content = {}, .compose = {}, .folder = folder_of(file.path)};
  const auto text = read_input(file.path, wire::YamlLimits().max_bytes);
  if (!text) {
    read.content.errors.push_back(
        {.file = file.path, .document = 0, .line = 0, .object = {}, .message = text.error()});
    return read;
  }
  read.content = wire::read_manifest(*text, file.path);
  explain_templates(*text, file.path, read.content);
  pass_over_chart(file, read.content);
  sort_others(file, read);
  return read;
}

}  // namespace

std::vector<ReadFile> read_files(const std::vector<InputFile>& files) {
  constexpr std::size_t kWorthAThread = 16;
  std::vector<ReadFile> read(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) read[i] = read_one(files[i]);
  };
  const std::size_t cpus = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(cpus, files.size() / kWorthAThread); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();  // waits for them
  return read;
}

}  // namespace walguard::check
