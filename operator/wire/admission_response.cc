#include "operator/wire/admission_response.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/wire/admission_review.h"
#include "operator/wire/json_patch.h"
#include "operator/wire/json_text.h"

namespace walguard::wire {
namespace {

constexpr std::size_t kWarningLimit = 255;
constexpr int kForbidden = 403;

void begin_response(std::string& out, std::string_view uid, bool allowed) {
  out += R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":)";
  append_json_string(out, uid);
  out += allowed ? R"(,"allowed":true)" : R"(,"allowed":false)";
}

void end_response(std::string& out) { out += "}}"; }

void append_status(std::string& out, int code, std::string_view message) {
  out += R"(,"status":{"code":)";
  out += std::to_string(code);
  out += R"(,"message":)";
  append_json_string(out, message);
  out += '}';
}

void append_warnings(std::string& out, const std::vector<std::string>& warnings) {
  if (warnings.empty()) {
    return;
  }
  out += R"(,"warnings":[)";
  for (const std::string& warning : warnings) {
    append_json_string(out, warning);
    out += ',';
  }
  out.back() = ']';
}

std::string joined(const std::vector<std::string_view>& rules) {
  std::string out;
  for (const std::string_view rule : rules) {
    out += out.empty() ? "" : ",";
    out += rule;
  }
  return out;
}

/// The API server puts the webhook's name before these keys.
void append_audit_annotations(std::string& out, const core::Answer& answer) {
  if (answer.verdict == core::Verdict::kNotApplicable) {
    return;
  }
  out += R"(,"auditAnnotations":{"verdict":)";
  append_json_string(out, core::name(answer.verdict));
  if (!answer.rules.empty()) {
    out += R"(,"rules":)";
    append_json_string(out, joined(answer.rules));
  }
  out += '}';
}

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + ((bytes.size() + 2) / 3 * 4) + 1);  // EVP_EncodeBlock also writes a NUL
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + begin),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(begin + static_cast<std::size_t>(length));
}

void append_patch(std::string& out, std::string_view patch) {
  if (patch.empty()) {
    return;
  }
  out += R"(,"patchType":"JSONPatch","patch":")";
  append_base64(out, patch);
  out += '"';
}

/// Never cuts a UTF-8 sequence in two.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) {
    return text;
  }
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) {
    --limit;
  }
  return text.substr(0, limit);
}

}  // namespace

std::string encode_response(const Request& request, const core::Answer& answer) {
  const bool allowed = answer.decision != core::Decision::kDeny;
  std::string out;
  out.reserve(512);
  begin_response(out, request.uid, allowed);
  if (!allowed) {
    append_status(out, kForbidden, answer.message);
  }
  append_warnings(out, answer.warnings);
  append_audit_annotations(out, answer);
  if (allowed) {
    append_patch(out, make_json_patch(request, answer));
  }
  end_response(out);
  return out;
}

std::string encode_refusal(std::string_view uid, int code, std::string_view message) {
  std::string out;
  begin_response(out, uid, false);
  append_status(out, code, message);
  end_response(out);
  return out;
}

std::string encode_warning(std::string_view uid, std::string_view warning) {
  std::string out;
  begin_response(out, uid, true);
  append_warnings(out, {std::string(cut(warning, kWarningLimit))});
  end_response(out);
  return out;
}

}  // namespace walguard::wire
