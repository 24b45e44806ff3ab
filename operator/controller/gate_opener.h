/// Takes walguard's scheduling gate off pods.
/// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "operator/kube/api_error.h"
#include "operator/kube/client.h"

namespace walguard::controller {

/// What is needed of a pod to take its gate off.
struct GateHolder {
  std::string namespace_name;
  std::string name;
  std::string uid;
  std::vector<std::string> gates;  ///< of spec.schedulingGates, in order
};

/// Reads the pod's JSON; nullopt where it does not hold walguard's gate.
[[nodiscard]] std::optional<GateHolder> read_gate_holder(std::string_view pod);

/// The JSON patch (RFC 6902) that takes the gate off this very pod, and off no other pod or place in the
/// list. Pure. Empty where the pod does not hold the gate.
[[nodiscard]] std::string open_gate_patch(const GateHolder& pod);

/// True: the gate is off. False: the pod is gone or not as it was (404, 409, 422): look again.
[[nodiscard]] tl::expected<bool, kube::ApiError> open_gate(const kube::Client& client, const GateHolder& pod,
                                                           const std::stop_token& stop);

/// Opens the gates of `pods`, `parallel` requests at a time. `on_result` is called for each, one call at a
/// time. Blocks until all are done or `stop` is requested. Thread-safe.
void open_gates(
    const kube::Client& client, const std::vector<GateHolder>& pods, int parallel,
    const std::function<void(const GateHolder&, const tl::expected<bool, kube::ApiError>&)>& on_result,
    const std::stop_token& stop);

struct OpenedGates {
  std::size_t opened = 0;
  std::size_t left = 0;             ///< pods that still hold the gate
  std::vector<std::string> errors;  ///< one line for each pod that is left, and why
};

struct OpenAllOptions {
  std::string namespace_name;  ///< "": the whole cluster
  int parallel = 8;
  int rounds = 5;  ///< of listing and opening, as pods are made and changed meanwhile
};

/// Opens every gate that there is, for an uninstall. Needs nothing of walguard running. The error is that of
/// the list.
[[nodiscard]] tl::expected<OpenedGates, kube::ApiError> open_all_gates(const kube::Client& client,
                                                                       const OpenAllOptions& options,
                                                                       const std::stop_token& stop);

}  // namespace walguard::controller
