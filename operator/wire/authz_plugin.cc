#include "operator/wire/authz_plugin.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/wire/json_reader.h"
#include "operator/wire/json_text.h"
#include "operator/wire/strict_json.h"
#include "operator/wire/text_forms.h"

namespace walguard::wire {
namespace {

using Json = nlohmann::json;
using json::Path;

void read_headers(const Json& headers, const Path& at, AuthzRequest& out) {
  const StrictObject object(headers, at, {"Content-Type"});
  if (object.find("Content-Type") != nullptr) out.content_type = object.text("Content-Type");
}

std::string decoded(const StrictObject& object, std::string_view key, const Path& at) {
  auto bytes = decode_base64(object.text(key));
  if (!bytes) throw json::ReadError(at.child(key), "expected base64");
  return *std::move(bytes);
}

AuthzRequest read_call(const Json& call) {
  const Path root;
  const StrictObject object(call, root,
                            {"RequestMethod", "RequestUri", "RequestBody", "RequestHeaders", "User"});
  AuthzRequest out;
  out.method = object.text("RequestMethod");
  out.uri = object.text("RequestUri");
  if (out.method.empty()) json::throw_missing(root.child("RequestMethod"), "an authorization");
  if (out.uri.empty()) json::throw_missing(root.child("RequestUri"), "an authorization");
  out.user = object.text("User");
  object.inside("RequestHeaders",
                [&](const Json& headers, const Path& at) { read_headers(headers, at, out); });
  out.body = decoded(object, "RequestBody", root);
  out.body_present = !out.body.empty();
  return out;
}

AuthzResponse read_answer(const Json& call) {
  const Path root;
  const StrictObject object(call, root, {"ResponseBody", "ResponseStatusCode"});
  return {.request = read_call(call),
          .status = object.integer("ResponseStatusCode").value_or(0),
          .body = decoded(object, "ResponseBody", root)};
}

template <typename Read>
auto read_strictly(std::string_view bytes, Read read) -> tl::expected<decltype(read(Json())), std::string> {
  if (bytes.size() > kMaxAuthzBytes) {
    return tl::make_unexpected("the engine's call has more than " + std::to_string(kMaxAuthzBytes) +
                               " bytes; no engine sends that");
  }
  try {
    return read(parse_strictly(bytes));
  } catch (const json::ReadError& error) {
    return tl::make_unexpected(std::string("the engine's call cannot be read: ").append(error.what()));
  }
}

}  // namespace

PluginCall plugin_call(std::string_view path) {
  if (path == "/Plugin.Activate") return PluginCall::kActivate;
  if (path == "/AuthZPlugin.AuthZReq") return PluginCall::kRequest;
  return path == "/AuthZPlugin.AuthZRes" ? PluginCall::kResponse : PluginCall::kUnknown;
}

tl::expected<AuthzRequest, std::string> read_authz_request(std::string_view bytes) {
  return read_strictly(bytes, read_call);
}

tl::expected<AuthzResponse, std::string> read_authz_response(std::string_view bytes) {
  return read_strictly(bytes, read_answer);
}

std::string activation() { return R"({"Implements":["authz"]})"; }

std::string allow_answer() { return R"({"Allow":true})"; }

std::string deny_answer(std::string_view message) {
  std::string out = R"({"Allow":false,"Msg":)";
  append_json_string(out, message);
  return out += '}';
}

std::string error_answer(std::string_view message) {
  std::string out = R"({"Allow":false,"Err":)";
  append_json_string(out, message);
  return out += '}';
}

}  // namespace walguard::wire
