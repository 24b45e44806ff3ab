#include "operator/controller/gate_opener.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "operator/core/workload.h"
#include "operator/kube/api_error.h"
#include "operator/kube/client.h"
#include "operator/kube/object_reader.h"
#include "operator/kube/resource.h"

namespace walguard::controller {
namespace {

using nlohmann::json;

/// Pods that no node has yet; no other holds a gate. The API server indexes neither, but filters before it
/// sends.
constexpr std::string_view kUnscheduled = "spec.nodeName=,status.phase=Pending";

kube::ResourceType pods_type() { return {"", "v1", "pods", true}; }

json part_of(const json& object, const char* key) {
  return object.is_object() ? object.value(key, json()) : json();
}

std::string text_in(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The pod has changed or gone since it was looked at.
bool is_out_of_date(const kube::ApiError& error) { return error.is(404) || error.is(409) || error.is(422); }

tl::expected<std::vector<GateHolder>, kube::ApiError> list_holders(const kube::Client& client,
                                                                   const std::string& namespace_name,
                                                                   const std::stop_token& stop) {
  std::vector<GateHolder> holders;
  const kube::ListReceiver receiver{.restart = [&] { holders.clear(); },
                                    .item =
                                        [&](const kube::ObjectView& pod) {
                                          if (auto holder = read_gate_holder(pod.json))
                                            holders.push_back(*std::move(holder));
                                        }};
  const auto listed = client.list(
      pods_type(),
      {.namespace_name = namespace_name, .label_selector = "", .field_selector = std::string(kUnscheduled)},
      receiver, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return holders;
}

}  // namespace

std::optional<GateHolder> read_gate_holder(std::string_view text) {
  const json pod = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json gates = part_of(part_of(pod, "spec"), "schedulingGates");
  const json metadata = part_of(pod, "metadata");
  GateHolder holder{.namespace_name = text_in(metadata, "namespace"),
                    .name = text_in(metadata, "name"),
                    .uid = text_in(metadata, "uid"),
                    .gates = {}};
  for (const json& gate : gates) holder.gates.push_back(text_in(gate, "name"));
  if (std::ranges::find(holder.gates, core::kGateName) == holder.gates.end()) return std::nullopt;
  return holder;
}

std::string open_gate_patch(const GateHolder& pod) {
  const auto gate = std::ranges::find(pod.gates, core::kGateName);
  if (gate == pod.gates.end()) return "";
  const std::string path = "/spec/schedulingGates/" + std::to_string(gate - pod.gates.begin());
  const json patch = {{{"op", "test"}, {"path", "/metadata/uid"}, {"value", pod.uid}},
                      {{"op", "test"}, {"path", path + "/name"}, {"value", core::kGateName}},
                      {{"op", "remove"}, {"path", path}}};
  return patch.dump();
}

tl::expected<bool, kube::ApiError> open_gate(const kube::Client& client, const GateHolder& pod,
                                             const std::stop_token& stop) {
  const std::string patch = open_gate_patch(pod);
  if (patch.empty()) return false;
  const auto patched =
      client.patch({pods_type(), pod.namespace_name, pod.name, ""}, kube::PatchKind::kJson, patch, {}, stop);
  if (patched) return true;
  if (is_out_of_date(patched.error())) return false;
  return tl::make_unexpected(patched.error());
}

void open_gates(
    const kube::Client& client, const std::vector<GateHolder>& pods, int parallel,
    const std::function<void(const GateHolder&, const tl::expected<bool, kube::ApiError>&)>& on_result,
    const std::stop_token& stop) {
  std::atomic<std::size_t> next{0};
  std::mutex one_at_a_time;
  const auto work = [&] {
    for (std::size_t i = next++; i < pods.size() && !stop.stop_requested(); i = next++) {
      const auto result = open_gate(client, pods[i], stop);
      const std::lock_guard lock(one_at_a_time);
      on_result(pods[i], result);
    }
  };
  std::vector<std::jthread> helpers;
  const auto wanted = std::min(pods.size(), static_cast<std::size_t>(std::max(parallel, 1)));
  for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  work();
}

tl::expected<OpenedGates, kube::ApiError> open_all_gates(const kube::Client& client,
                                                         const OpenAllOptions& options,
                                                         const std::stop_token& stop) {
  OpenedGates total;
  for (int round = 0; round < options.rounds; ++round) {
    const auto holders = list_holders(client, options.namespace_name, stop);
    if (!holders) return tl::make_unexpected(holders.error());
    total.left = holders->size();
    total.errors.clear();
    if (holders->empty()) break;
    const auto on_result = [&](const GateHolder& pod, const tl::expected<bool, kube::ApiError>& result) {
      if (!result) {
        total.errors.push_back(pod.namespace_name + "/" + pod.name + ": " + result.error().text());
      } else if (*result) {
        ++total.opened;
        --total.left;
      }
    };
    open_gates(client, *holders, options.parallel, on_result, stop);
    if (stop.stop_requested()) break;
  }
  return total;
}

}  // namespace walguard::controller
