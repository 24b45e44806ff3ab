#include "operator/wire/json_patch.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/response.h"
#include "operator/core/workload.h"
#include "operator/wire/admission_review.h"
#include "operator/wire/json_text.h"

namespace walguard::wire {
namespace {

using Annotation = std::pair<std::string_view, std::string>;

/// RFC 6901: '~' and '/' cannot stand for themselves in a path.
std::string pointer_token(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

/// Appends one operation; `value` is JSON. `add` also replaces what is there.
void append_add(std::string& patch, std::string_view path, std::string_view value) {
  patch += patch.empty() ? '[' : ',';
  patch += R"({"op":"add","path":)";
  append_json_string(patch, path);
  patch += R"(,"value":)";
  patch += value;
  patch += '}';
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string annotation_map(const std::vector<Annotation>& annotations) {
  std::string out = "{";
  for (const auto& [key, value] : annotations) {
    if (out.size() > 1) {
      out += ',';
    }
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  return out += '}';
}

bool has_annotation(const PatchTarget& target, const Annotation& wanted) {
  return std::any_of(target.annotations.begin(), target.annotations.end(), [&](const auto& have) {
    return have.first == wanted.first && have.second == wanted.second;
  });
}

void append_annotations(std::string& patch, const PatchTarget& target,
                        const std::vector<Annotation>& annotations) {
  if (annotations.empty()) {
    return;
  }
  if (!target.has_metadata) {
    append_add(patch, "/metadata", R"({"annotations":)" + annotation_map(annotations) + "}");
    return;
  }
  if (!target.has_annotations) {  // absent, null or empty: putting a new map there loses nothing
    append_add(patch, "/metadata/annotations", annotation_map(annotations));
    return;
  }
  for (const Annotation& wanted : annotations) {
    if (!has_annotation(target, wanted)) {
      append_add(patch, "/metadata/annotations/" + pointer_token(wanted.first), quoted(wanted.second));
    }
  }
}

void append_gate(std::string& patch, const core::Workload& pod) {
  const std::vector<std::string>& gates = pod.pod.scheduling_gates;
  if (std::find(gates.begin(), gates.end(), core::kGateName) != gates.end()) {
    return;
  }
  const std::string gate = R"({"name":)" + quoted(core::kGateName) + "}";
  if (gates.empty()) {  // absent, null or empty
    append_add(patch, "/spec/schedulingGates", "[" + gate + "]");
  } else {
    append_add(patch, "/spec/schedulingGates/-", gate);
  }
}

}  // namespace

std::string make_json_patch(const Request& request, const core::Answer& answer) {
  std::string patch;
  if (!request.object) {
    return patch;
  }
  append_annotations(patch, request.patch_target, answer.annotations);
  if (answer.add_gate && request.object->kind == core::WorkloadKind::kPod) {
    append_gate(patch, *request.object);
  }
  if (!patch.empty()) {
    patch += ']';
  }
  return patch;
}

}  // namespace walguard::wire
