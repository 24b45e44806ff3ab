#include "operator/kube/client.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/http.h"
#include "operator/kube/line_splitter.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"
#include "operator/kube/retry.h"

namespace walguard::kube {
namespace {

bool is_success(int status) { return status >= 200 && status < 300; }

std::string name_of(const HttpRequest& request) {
  return request.method + " " + request.target.substr(0, request.target.find('?'));
}

ApiError named(ApiError error, const HttpRequest& request) {
  error.request = name_of(request);
  return error;
}

ApiError malformed(std::string message, const HttpRequest& request) {
  return {ApiError::Kind::kMalformed, 0, {}, std::move(message), std::nullopt, name_of(request)};
}

std::string_view dry_run_value(DryRun dry_run) { return dry_run == DryRun::kAll ? "All" : ""; }

std::string_view content_type_of(PatchKind kind) {
  switch (kind) {
    case PatchKind::kMerge:
      return "application/merge-patch+json";
    case PatchKind::kJson:
      return "application/json-patch+json";
    case PatchKind::kApply:
      return "application/apply-patch+yaml";  // of which JSON is a part
  }
  return {};
}

std::string_view text_of(Propagation propagation) {
  switch (propagation) {
    case Propagation::kBackground:
      return "Background";
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
  }
  return {};
}

/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
std::string delete_body(const DeleteOptions& options) {
  nlohmann::json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (options.propagation) body["propagationPolicy"] = text_of(*options.propagation);
  if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
  if (options.dry_run == DryRun::kAll) body["dryRun"] = {"All"};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Query selectors(const Selection& selection) {
  Query query;
  query.add("labelSelector", selection.label_selector).add("fieldSelector", selection.field_selector);
  return query;
}

}  // namespace

Waiter sleeping_waiter() {
  return [](std::chrono::milliseconds duration, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    return !woken.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
  };
}

Client::Client(HttpTransport& transport, ClientOptions options)
    : transport_(transport), options_(std::move(options)) {}

Client::Object Client::send_once(const HttpRequest& request, const std::stop_token& stop) const {
  auto reply = transport_.exchange(request, {}, stop);
  if (!reply) return tl::unexpected(named(error_of(std::move(reply.error())), request));
  if (!is_success(reply->status)) return tl::unexpected(named(error_of(*reply), request));
  return std::move(reply->body);
}

Client::Object Client::send(HttpRequest request, const std::stop_token& stop) const {
  request.deadline = options_.request_deadline;
  request.silence = options_.request_deadline;  // a server may think for long and then answer at once
  std::chrono::milliseconds waited{0};
  for (int attempts = 1;; ++attempts) {
    Object result = send_once(request, stop);
    if (result) return result;
    const auto wait = wait_before_retry(options_.retry, result.error(), attempts, waited);
    if (!wait || !options_.wait(*wait, stop)) return result;
    waited += *wait;
  }
}

Client::Object Client::get(const ObjectName& object, const std::stop_token& stop) const {
  return send({.target = object_path(object)}, stop);
}

Client::Object Client::create(const ResourceType& type, const std::string& namespace_name, std::string json,
                              DryRun dry_run, const std::stop_token& stop) const {
  Query query;
  query.add("fieldManager", options_.field_manager).add("dryRun", dry_run_value(dry_run));
  return send({.method = "POST",
               .target = collection_path(type, namespace_name) + query.text(),
               .body = std::move(json)},
              stop);
}

Client::Object Client::patch(const ObjectName& object, PatchKind kind, std::string body,
                             const PatchOptions& options, const std::stop_token& stop) const {
  Query query;
  query.add("fieldManager", options_.field_manager).add("dryRun", dry_run_value(options.dry_run));
  if (kind == PatchKind::kApply && options.force) query.add("force", "true");
  return send({.method = "PATCH",
               .target = object_path(object) + query.text(),
               .content_type = std::string(content_type_of(kind)),
               .body = std::move(body)},
              stop);
}

tl::expected<void, ApiError> Client::remove(const ObjectName& object, const DeleteOptions& options,
                                            const std::stop_token& stop) const {
  const Object answer =
      send({.method = "DELETE", .target = object_path(object), .body = delete_body(options)}, stop);
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

tl::expected<std::string, ApiError> Client::list(const ResourceType& type, const Selection& selection,
                                                 const ListReceiver& receiver,
                                                 const std::stop_token& stop) const {
  for (int restarts = 0;; ++restarts) {
    receiver.restart();
    auto result = list_once(type, selection, receiver, stop);
    if (result || !result.error().is_expired() || restarts >= options_.list_restarts) return result;
  }
}

/// No resourceVersion is asked for: the server then answers with what etcd holds now, never with an old
/// cache.
tl::expected<std::string, ApiError> Client::list_once(const ResourceType& type, const Selection& selection,
                                                      const ListReceiver& receiver,
                                                      const std::stop_token& stop) const {
  ObjectReader reader;
  std::string continue_token;
  while (true) {
    Query query = selectors(selection);
    query.add("limit", std::to_string(options_.list_page)).add("continue", continue_token);
    const HttpRequest request{.target = collection_path(type, selection.namespace_name) + query.text()};
    Object page = send(request, stop);
    if (!page) return tl::unexpected(page.error());
    auto end = reader.read_list(*page, receiver.item);
    if (!end) return tl::unexpected(malformed(end.error(), request));
    if (end->continue_token.empty()) return std::move(end->resource_version);
    continue_token = std::move(end->continue_token);
  }
}

tl::expected<void, ApiError> Client::watch(const ResourceType& type, const Selection& selection,
                                           const WatchOptions& options,
                                           const std::function<void(const WatchEvent&)>& on_event,
                                           const std::stop_token& stop) const {
  Query query = selectors(selection);
  query.add("watch", "true")
      .add("allowWatchBookmarks", "true")
      .add("resourceVersion", options.resource_version)
      .add("timeoutSeconds", std::to_string(options.server_timeout.count()));
  const HttpRequest request{.target = collection_path(type, selection.namespace_name) + query.text(),
                            .silence = options.silence,
                            .deadline = std::nullopt};

  ObjectReader reader;
  LineSplitter lines(options_.longest_line);
  std::optional<ApiError> problem;
  const auto on_line = [&](std::string_view line) {
    const auto event = reader.read_event(line);
    if (!event) {
      problem = malformed(event.error(), request);
    } else if (event->type == WatchEventType::kError) {
      problem = named(parse_status(event->object.json), request);
    } else {
      on_event(*event);
    }
    return !problem.has_value();
  };
  const auto reply =
      transport_.exchange(request, [&](std::string_view piece) { return lines.add(piece, on_line); }, stop);

  if (problem) return tl::unexpected(std::move(*problem));
  if (lines.is_too_long()) {
    ApiError error =
        malformed("an event is longer than " + std::to_string(options_.longest_line) + " bytes", request);
    error.kind = ApiError::Kind::kTooLarge;
    return tl::unexpected(std::move(error));
  }
  if (!reply) return tl::unexpected(named(error_of(reply.error()), request));
  if (!is_success(reply->status)) return tl::unexpected(named(error_of(*reply), request));
  if (lines.unfinished_bytes() != 0) {
    ApiError error = malformed("the watch ended in the middle of an event", request);
    error.kind = ApiError::Kind::kCut;
    return tl::unexpected(std::move(error));
  }
  return {};
}

}  // namespace walguard::kube
