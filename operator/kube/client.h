/// Requests to a Kubernetes API server. Objects go in and come out as JSON bytes; what they mean is `wire`'s.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/http.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"
#include "operator/kube/retry.h"

namespace walguard::kube {

/// Sleeps for so long, or until `stop` is requested, which makes it return false.
using Waiter = std::function<bool(std::chrono::milliseconds, const std::stop_token& stop)>;
[[nodiscard]] Waiter sleeping_waiter();

struct ClientOptions {
  RetryPolicy retry;
  std::chrono::milliseconds request_deadline{60'000};  ///< of one attempt; watches have their own bounds
  std::string field_manager = "walguard";
  int list_page = 500;    ///< objects asked for at once, as kubectl does
  int list_restarts = 3;  ///< after a 410 in the middle
  std::size_t longest_line = std::size_t{32}
                             << 20U;  ///< bytes of one watch event; etcd holds objects of 1.5 MB
  Waiter wait = sleeping_waiter();
};

/// What of a resource: everything where nothing is set.
struct Selection {
  std::string namespace_name;
  std::string label_selector;
  std::string field_selector;
};

/// Takes a list. `restart` is called before the first item, and again whenever a list that ran into a 410
/// begins anew: what came before no longer counts.
struct ListReceiver {
  std::function<void()> restart;
  std::function<void(const ObjectView&)> item;
};

enum class DryRun : std::uint8_t { kNo, kAll };

enum class PatchKind : std::uint8_t {
  kMerge,  ///< RFC 7386. With metadata.resourceVersion in it, 409 where the object has changed since
  kJson,   ///< RFC 6902
  kApply,  ///< server-side apply; the body is the object with apiVersion and kind
};

struct PatchOptions {
  bool force = false;  ///< kApply: take fields over from other managers
  DryRun dry_run = DryRun::kNo;
};

enum class Propagation : std::uint8_t { kBackground, kForeground, kOrphan };

struct DeleteOptions {
  std::string uid;                         ///< only this very object: 409 where the name is another's by now
  std::string resource_version;            ///< only in this version
  std::optional<Propagation> propagation;  ///< nullopt: the type's default
  std::optional<int> grace_seconds;        ///< 0 ends a pod on a dead node
  DryRun dry_run = DryRun::kNo;
};

struct WatchOptions {
  std::string resource_version;               ///< of the list or the last event
  std::chrono::seconds server_timeout{30};    ///< then the server ends the watch in good order
  std::chrono::milliseconds silence{90'000};  ///< no byte for so long: a dead one
};

/// Thread-safe; every call blocks until it has its answer or `stop` is requested. A 429, and a 5xx that names
/// a time, are waited for and sent again within `ClientOptions::retry`; nothing else is sent twice.
class Client {
 public:
  /// `transport` must outlive the client.
  explicit Client(HttpTransport& transport, ClientOptions options = {});

  /// The object's JSON.
  using Object = tl::expected<std::string, ApiError>;

  [[nodiscard]] Object get(const ObjectName& object, const std::stop_token& stop) const;
  [[nodiscard]] Object create(const ResourceType& type, const std::string& namespace_name, std::string json,
                              DryRun dry_run, const std::stop_token& stop) const;
  [[nodiscard]] Object patch(const ObjectName& object, PatchKind kind, std::string body,
                             const PatchOptions& options, const std::stop_token& stop) const;
  /// Returns once the server has accepted it; finalizers and grace may keep the object for longer.
  [[nodiscard]] tl::expected<void, ApiError> remove(const ObjectName& object, const DeleteOptions& options,
                                                    const std::stop_token& stop) const;

  /// Reads a consistent list page by page. Returns its resourceVersion, from which a watch may begin.
  [[nodiscard]] tl::expected<std::string, ApiError> list(const ResourceType& type, const Selection& selection,
                                                         const ListReceiver& receiver,
                                                         const std::stop_token& stop) const;

  /// Hands on events, bookmarks too, until the server ends the watch (a value), or something goes wrong: an
  /// ERROR event, a line that cannot be read, a cut or silent connection. Sends nothing twice.
  [[nodiscard]] tl::expected<void, ApiError> watch(const ResourceType& type, const Selection& selection,
                                                   const WatchOptions& options,
                                                   const std::function<void(const WatchEvent&)>& on_event,
                                                   const std::stop_token& stop) const;

 private:
  [[nodiscard]] Object send(HttpRequest request, const std::stop_token& stop) const;
  [[nodiscard]] Object send_once(const HttpRequest& request, const std::stop_token& stop) const;
  [[nodiscard]] tl::expected<std::string, ApiError> list_once(const ResourceType& type,
                                                              const Selection& selection,
                                                              const ListReceiver& receiver,
                                                              const std::stop_token& stop) const;

  HttpTransport& transport_;
  const ClientOptions options_;
};

}  // namespace walguard::kube
