// What keeps a volume unproven.
#include <string>

#include "operator/core/evidence.h"
#include "operator/core/rule_bodies.h"
#include "operator/core/rules.h"
#include "operator/core/verdict.h"
#include "operator/core/volume.h"

namespace walguard::core {
namespace {

bool binding_tells_nothing(const VolumeFacts& facts) {
  return facts.binding == Binding::kUndecided || facts.binding == Binding::kMissing ||
         facts.binding == Binding::kVolumeMissing;
}

Match unknown_driver(const RuleInput& input, Strategy) {
  if (binding_tells_nothing(input.facts)) return Match::kNo;  // claim-unbound says it better
  return input.facts.transport ? Match::kNo : Match::kYes;
}

std::string unknown_driver_reason(const RuleInput& input) {
  if (input.facts.driver.empty()) return "the volume's source is not one that walguard knows";
  return "driver " + input.facts.driver +
         " is not known, or its parameters in view do not tell how it stores bytes";
}

Match claim_unbound(const RuleInput& input, Strategy) {
  return binding_tells_nothing(input.facts) ? Match::kYes : Match::kNo;
}

std::string claim_unbound_reason(const RuleInput& input) {
  if (input.facts.binding == Binding::kUndecided) {
    return "claim " + input.facts.claim + " is not bound and no class decides what it will be";
  }
  if (input.facts.binding == Binding::kVolumeMissing) {
    return "the PersistentVolume of claim " + input.facts.claim + " is not in view";
  }
  if (!input.facts.storage_class.empty())
    return "StorageClass " + input.facts.storage_class + " is not in view";
  return "claim " + input.facts.claim + " is not in view";
}

Match scope_unknown(const RuleInput& input, Strategy) { return input.facts.scope ? Match::kNo : Match::kYes; }

std::string scope_unknown_reason(const RuleInput& input) {
  if (!input.facts.cluster_is_current) {
    return "walguard's view of the cluster is incomplete or out of date, so it cannot be told who else has "
           "it "
           "mounted";
  }
  return "it cannot be told whether two nodes may have it mounted at once (" + driver_words(input.facts) +
         ")";
}

/// Storage whose kind alone makes it unsafe: to ask for a measurement of it would be no help.
bool unsafe_by_kind(const VolumeFacts& facts) {
  return facts.transport == Transport::kNetworkFilesystem || facts.transport == Transport::kObjectFuse ||
         facts.transport == Transport::kVmShare;
}

/// Where the driver is known, nothing documents it as safe, and nobody has measured it.
Match evidence_missing(const RuleInput& input, Strategy strategy) {
  if (!input.facts.transport || unsafe_by_kind(input.facts) || documented_safe(input)) return Match::kNo;
  const EvidenceAnswer& answer = input.evidence[strategy];
  return answer.evidence == nullptr && answer.inconclusive == nullptr ? Match::kYes : Match::kNo;
}

std::string evidence_missing_reason(const RuleInput& input) {
  const std::string key = input.facts.key.text();
  return "no preflight has measured it as far as this workload shares it" +
         (key.empty() ? "" : " (" + key + ")");
}

/// A document does not age: to have measured once leaves a volume no worse off than never to have measured.
Match evidence_stale(const RuleInput& input, Strategy strategy) {
  if (documented_safe(input)) return Match::kNo;
  return input.evidence[strategy].age == EvidenceAnswer::Age::kFresh ? Match::kNo : Match::kYes;
}

std::string evidence_stale_reason(const RuleInput& input) {
  const Evidence* evidence = input.evidence[input.facts.strategy].evidence;
  if (evidence == nullptr) return "the preflight that passed is too old";
  constexpr UtcSeconds kDay = UtcSeconds{24} * 3600;
  return "the preflight that passed is " + std::to_string((input.now - evidence->measured_at) / kDay) +
         " days old (report " + evidence->digest + ")";
}

/// Somebody looked and could not say. What is documented needs no measurement, and what is unsafe by its kind
/// is not helped by one.
Match evidence_inconclusive(const RuleInput& input, Strategy strategy) {
  if (unsafe_by_kind(input.facts) || documented_safe(input)) return Match::kNo;
  const EvidenceAnswer& answer = input.evidence[strategy];
  return answer.verdict == Verdict::kUnproven && answer.inconclusive != nullptr ? Match::kYes : Match::kNo;
}

std::string evidence_inconclusive_reason(const RuleInput& input) {
  const Evidence* evidence = input.evidence[input.facts.strategy].inconclusive;
  std::string text = "a preflight looked and gives no verdict for " + std::string(name(input.facts.strategy));
  if (evidence == nullptr) return text;
  for (const std::string& reason : evidence->reasons)
    text += (&reason == evidence->reasons.data() ? ": " : "; ") + reason;
  return text + " (report " + evidence->digest + ")";
}

Match windows_node(const RuleInput& input, Strategy) {
  return input.facts.windows ? Match::kYes : Match::kNo;
}

std::string windows_node_reason(const RuleInput&) {
  return "the pod is for a Windows node, of whose locks and caches walguard knows nothing";
}

bool still_in_grace(const RuleInput& input) {
  return input.evidence[input.facts.strategy].age == EvidenceAnswer::Age::kInGrace;
}

}  // namespace

constinit const RuleBody kUnknownDriverRule = {
    .match = unknown_driver,
    .reason = unknown_driver_reason,
    .summary = "nobody has told walguard how this driver stores bytes",
    .detail =
        "The driver is not in walguard's catalog, or its parameters in view do not decide between its "
        "variants. It may be safe; nothing says so.",
    .remedy =
        "Let it be measured: kubectl label namespace NAMESPACE walguard/mode=gate holds the pod until a "
        "preflight has spoken, or {apiVersion: walguard.dev/v1alpha1, kind: VolumePreflight, metadata: "
        "{name: fast}, spec: {storageClassName: fast, accessMode: ReadWriteOnce, scope: node}}; outside of "
        "a cluster walguard-preflight run DIR. Or use a class whose driver is known.",
    .source = "docs/knowledge.md",
};

constinit const RuleBody kClaimUnboundRule = {
    .match = claim_unbound,
    .reason = claim_unbound_reason,
    .summary = "the claim has no volume yet, and nothing decides what it will get",
    .detail =
        "The claim, its class or its PersistentVolume is not there (yet), so that any volume may end up "
        "behind it.",
    .remedy =
        "Name a class with a provisioner in the claim: {apiVersion: v1, kind: PersistentVolumeClaim, "
        "metadata: {name: app-data}, spec: {storageClassName: A-LOCAL-OR-BLOCK-CLASS, accessModes: "
        "[ReadWriteOncePod], resources: {requests: {storage: 10Gi}}}}. Or create the PersistentVolume and "
        "the claim before the workload. To walguard check, show the cluster: --cluster-state state.yaml.",
    .source = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding",
};

constinit const RuleBody kScopeUnknownRule = {
    .match = scope_unknown,
    .reason = scope_unknown_reason,
    .summary = "how far the volume is shared cannot be told",
    .detail =
        "Kubernetes enforces ReadWriteOnce by attaching alone. Without the driver's CSIDriver object it is "
        "not known whether this driver attaches at all.",
    .remedy =
        "Use a new claim with spec: {accessModes: [ReadWriteOncePod]}, which Kubernetes itself keeps to "
        "one pod. Or create the driver's object, if it attaches: {apiVersion: storage.k8s.io/v1, kind: "
        "CSIDriver, metadata: {name: DRIVER}, spec: {attachRequired: true}}. Or pin the PersistentVolume "
        "to its node: spec: {nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: "
        "kubernetes.io/hostname, operator: In, values: [NODE]}]}]}}}.",
    .source = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes",
};

constinit const RuleBody kEvidenceMissingRule = {
    .match = evidence_missing,
    .reason = evidence_missing_reason,
    .summary = "nothing documents this volume as safe, and nobody has measured it",
    .detail =
        "The default of walguard. Neither a guarantee that can be cited nor a preflight speaks for this "
        "volume as far as it is shared.",
    .remedy =
        "Let it be measured: kubectl label namespace NAMESPACE walguard/mode=gate holds the pod until a "
        "preflight of its class has spoken, or {apiVersion: walguard.dev/v1alpha1, kind: VolumePreflight, "
        "metadata: {name: fast}, spec: {storageClassName: fast, accessMode: ReadWriteOnce, scope: node}}; "
        "a volume that no class makes by {apiVersion: walguard.dev/v1alpha1, kind: ClaimPreflight, "
        "metadata: {name: app-data, namespace: NAMESPACE}, spec: {claimName: app-data}}; outside of a "
        "cluster walguard-preflight run DIR.",
    .source = "docs/preflight.md",
};

constinit const RuleBody kEvidenceStaleRule = {
    .match = evidence_stale,
    .reason = evidence_stale_reason,
    .summary = "the preflight that passed is too old",
    .detail =
        "Drivers, kernels and servers change. A pass counts for evidenceMaxAge, warns for staleGrace more, "
        "and then proves nothing.",
    .remedy =
        "Run the preflight again; walguard does so by itself where automatic preflights are possible for "
        "the class. By hand: kubectl delete volumepreflight NAME, and create it anew; outside of a cluster "
        "walguard-preflight run DIR --report report.json.",
    .source = "docs/preflight.md",
    .only_warns = still_in_grace,
};

constinit const RuleBody kEvidenceInconclusiveRule = {
    .match = evidence_inconclusive,
    .reason = evidence_inconclusive_reason,
    .summary = "a preflight looked, and could not say",
    .detail =
        "A preflight of this storage has run, and for the journal strategy that is used here it says "
        "neither safe nor unsafe: a check that the strategy needs could not run, the probe may not write "
        "there, or an agent was lost. Nothing was found against the volume, and nothing that speaks for "
        "it.",
    .remedy =
        "Mend what the reasons name, and measure again. A volume that the probe may not write to: let it "
        "run as its owner, spec: {runAsUser: 1000, runAsGroup: 1000} of the VolumePreflight or "
        "ClaimPreflight. Two nodes were needed and one was there: free a second one, or narrow the "
        "workload. Too short a look: {apiVersion: walguard.dev/v1alpha1, kind: VolumePreflight, metadata: "
        "{name: fast-standard}, spec: {storageClassName: fast, accessMode: ReadWriteOnce, scope: node, "
        "profile: standard}}. kubectl get volumepreflight NAME -o yaml shows every check.",
    .source = "docs/preflight.md",
};

constinit const RuleBody kWindowsNodeRule = {
    .match = windows_node,
    .reason = windows_node_reason,
    .summary = "the pod runs on a Windows node",
    .detail =
        "What walguard knows of page caches and byte-range locks is Linux, and its preflight is a Linux "
        "program: nothing that it has read or measured speaks for a volume of a Windows pod. SQLite there "
        "uses other locks and other shared memory.",
    .remedy =
        "Run the app on Linux: remove os: {name: windows} and nodeSelector: {kubernetes.io/os: windows} "
        "from the pod template, with an image for Linux. Else test the database there by other means and "
        "take the risk on record: annotation walguard/accept-risk: \"windows-node: REASON\", where the "
        "policy lets the namespace.",
    .source = "https://kubernetes.io/docs/concepts/windows/intro/; https://sqlite.org/vfs.html",
};

}  // namespace walguard::core
