#include "tests/cluster/varied_objects.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace walguard::cluster::testing {
namespace {

using nlohmann::json;

std::string own_name(const std::string& name, const std::string& space) {
  return name + "." + space + ".example";
}

json metadata(const std::string& name, const json& annotations = json::object()) {
  return {{"name", name}, {"annotations", annotations}};
}

/// One container that mounts `volume` at /data. It never runs: it waits at a gate of its own.
json pod_spec(const json& volume) {
  json data = volume;
  data["name"] = "data";
  const json mount = {{"name", "data"}, {"mountPath", "/data"}};
  const json container = {
      {"name", "app"}, {"image", "example.com/app:1"}, {"volumeMounts", json::array({mount})}};
  json spec;
  spec["schedulingGates"] = json::array({json{{"name", "example.com/never"}}});
  spec["terminationGracePeriodSeconds"] = 0;
  spec["containers"] = json::array({container});
  spec["volumes"] = json::array({data});
  return spec;
}

json workload(const std::string& kind, const std::string& name, json pod, const json& annotations) {
  if (kind == "Pod") {
    return {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", metadata(name, annotations)}, {"spec", pod}};
  }
  const bool is_job = kind == "Job" || kind == "CronJob";
  if (is_job) pod["restartPolicy"] = "Never";
  json spec = {{"template", {{"metadata", {{"annotations", annotations}}}, {"spec", pod}}}};
  if (kind == "CronJob") {
    spec = {{"schedule", "0 0 1 1 *"}, {"suspend", true}, {"jobTemplate", {{"spec", spec}}}};
  }
  if (!is_job) {
    spec["template"]["metadata"]["labels"] = {{"app", name}};
    spec["selector"] = {{"matchLabels", {{"app", name}}}};
  }
  if (kind == "StatefulSet") spec["serviceName"] = name;
  return {{"apiVersion", is_job ? "batch/v1" : "apps/v1"},
          {"kind", kind},
          {"metadata", {{"name", name}}},
          {"spec", spec}};
}

json claim_source(const std::string& name) { return {{"persistentVolumeClaim", {{"claimName", name}}}}; }

json claim_spec(const std::string& storage_class, const std::string& mode) {
  return {{"storageClassName", storage_class},
          {"accessModes", {mode}},
          {"resources", {{"requests", {{"storage", "64Mi"}}}}}};
}

json claim(const std::string& name, const std::string& storage_class, const std::string& mode) {
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", {{"name", name}}},
          {"spec", claim_spec(storage_class, mode)}};
}

json storage_class(const std::string& name, const std::string& driver) {
  return {{"apiVersion", "storage.k8s.io/v1"},
          {"kind", "StorageClass"},
          {"metadata", {{"name", name}}},
          {"provisioner", driver},
          {"volumeBindingMode", "WaitForFirstConsumer"}};
}

/// A PersistentVolume made by hand, and the claim that it is for.
void add_static(json& items, const std::string& name, const std::string& space, const json& source,
                const std::string& mode) {
  json spec = source;
  spec["capacity"] = {{"storage", "64Mi"}};
  spec["accessModes"] = {mode};
  spec["persistentVolumeReclaimPolicy"] = "Retain";
  spec["claimRef"] = {{"namespace", space}, {"name", name}};
  items.push_back({{"apiVersion", "v1"},
                   {"kind", "PersistentVolume"},
                   {"metadata", {{"name", own_name(name, space)}}},
                   {"spec", spec}});
  json bound = claim(name, "", mode);
  bound["spec"]["volumeName"] = own_name(name, space);
  items.push_back(bound);
}

void add_runtime(json& items, const std::string& name, const std::string& handler) {
  items.push_back({{"apiVersion", "node.k8s.io/v1"},
                   {"kind", "RuntimeClass"},
                   {"metadata", {{"name", name}}},
                   {"handler", handler}});
}

json storage(const std::string& space) {
  const auto own = [&](const std::string& name) { return own_name(name, space); };
  json items = json::array();
  items.push_back(storage_class(own("nfs"), "nfs.csi.k8s.io"));
  items.push_back(storage_class(own("smb"), "smb.csi.k8s.io"));
  items.push_back(storage_class(own("ceph"), "rook-ceph.cephfs.csi.ceph.com"));
  items.push_back(storage_class(own("s3"), "ru.yandex.s3.csi"));
  items.push_back(storage_class(own("block"), "ebs.csi.aws.com"));
  items.push_back(storage_class(own("paths"), "rancher.io/local-path"));
  items.push_back(storage_class(own("unknown"), own("unknown")));
  items.push_back({{"apiVersion", "storage.k8s.io/v1"},
                   {"kind", "CSIDriver"},
                   {"metadata", {{"name", "ebs.csi.aws.com"}}},
                   {"spec", {{"attachRequired", true}}}});
  add_runtime(items, own("kata"), "kata-qemu");
  add_runtime(items, own("gvisor"), "runsc");
  for (const char* const kind : {"nfs", "smb", "ceph", "s3", "unknown"}) {
    items.push_back(claim(kind, own(kind), "ReadWriteMany"));
  }
  items.push_back(claim("block", own("block"), "ReadWriteOnce"));
  items.push_back(claim("single", own("block"), "ReadWriteOncePod"));
  items.push_back(claim("guarded", own("block"), "ReadWriteOncePod"));
  items.push_back(claim("shared", own("block"), "ReadWriteOnce"));
  items.push_back(claim("paths", own("paths"), "ReadWriteOnce"));
  items.push_back(claim("by-hand", "", "ReadWriteMany"));
  add_static(items, "static-nfs", space, {{"nfs", {{"server", "files.example.com"}, {"path", "/srv"}}}},
             "ReadWriteMany");
  const json disk = {{"csi", {{"driver", "ebs.csi.aws.com"}, {"volumeHandle", own("disk")}}}};
  add_static(items, "disk-a", space, disk, "ReadWriteOnce");
  add_static(items, "disk-b", space, disk, "ReadWriteOnce");
  const json on_one_node = {{"key", "kubernetes.io/hostname"}, {"operator", "In"}, {"values", {"node-1"}}};
  json local = {{"local", {{"path", "/mnt/disk"}}}};
  local["nodeAffinity"]["required"]["nodeSelectorTerms"] =
      json::array({json{{"matchExpressions", json::array({on_one_node})}}});
  add_static(items, "local", space, local, "ReadWriteOnce");
  return items;
}

json workloads(const std::string& space) {
  const auto own = [&](const std::string& name) { return own_name(name, space); };
  const json declared = {{"walguard/databases", "/data/app.db"}};
  const auto with = [&](const std::string& key, const std::string& value) {
    json annotations = declared;
    annotations["walguard/" + key] = value;
    return annotations;
  };
  json items = json::array();
  const auto add = [&](const std::string& kind, const std::string& name, const json& pod,
                       const json& annotations) { items.push_back(workload(kind, name, pod, annotations)); };

  // Each storage under a pod and, in turns, under what makes pods.
  const std::map<std::string, json> sources = {
      {"nfs", claim_source("nfs")},
      {"smb", claim_source("smb")},
      {"ceph", claim_source("ceph")},
      {"s3", claim_source("s3")},
      {"unknown", claim_source("unknown")},
      {"block", claim_source("block")},
      {"single", claim_source("single")},
      {"paths", claim_source("paths")},
      {"by-hand", claim_source("by-hand")},
      {"missing", claim_source("missing")},
      {"static-nfs", claim_source("static-nfs")},
      {"disk-a", claim_source("disk-a")},
      {"disk-b", claim_source("disk-b")},
      {"local", claim_source("local")},
      {"host", {{"hostPath", {{"path", "/srv/data"}}}}},
      {"empty", {{"emptyDir", json::object()}}},
      {"memory", {{"emptyDir", {{"medium", "Memory"}}}}},
      {"inline-nfs", {{"nfs", {{"server", "files.example.com"}, {"path", "/srv"}}}}},
      {"inline-csi", {{"csi", {{"driver", "smb.csi.k8s.io"}}}}},
      {"ephemeral",
       {{"ephemeral", {{"volumeClaimTemplate", {{"spec", claim_spec(own("nfs"), "ReadWriteMany")}}}}}}},
  };
  const std::vector<std::string> makers = {"Deployment", "StatefulSet", "DaemonSet",
                                           "ReplicaSet", "Job",         "CronJob"};
  std::size_t turn = 0;
  for (const auto& [name, source] : sources) {
    add("Pod", "pod-" + name, pod_spec(source), declared);
    add(makers[turn++ % makers.size()], "made-" + name, pod_spec(source), declared);
  }

  // Annotations.
  const json nfs = pod_spec(claim_source("nfs"));
  add("Pod", "rollback", nfs, with("journal-mode", "rollback"));
  add("Pod", "exclusive", nfs, with("journal-mode", "wal-exclusive"));
  add("Pod", "accepted", nfs, with("accept-risk", "network-filesystem: a demo"));
  add("Pod", "wrong-words", nfs, with("journal-mode", "fast"));
  add("Pod", "audited", nfs, with("mode", "audit"));
  add("Pod", "undeclared", nfs, json::object());
  add("Pod", "guarded", pod_spec(claim_source("guarded")), with("require-local", "true"));

  // What else changes the answer.
  for (const char* const runtime : {"kata", "gvisor"}) {
    json pod = pod_spec(claim_source("block"));
    pod["runtimeClassName"] = own(runtime);
    add("Pod", runtime, pod, declared);
  }
  json windows = pod_spec(claim_source("single"));
  windows["os"] = {{"name", "windows"}};
  add("Pod", "windows", windows, declared);
  json pinned = pod_spec(claim_source("unknown"));
  pinned["nodeSelector"] = {{"kubernetes.io/hostname", "node-1"}};
  add("Deployment", "pinned", pinned, declared);
  json file = pod_spec(claim_source("block"));
  file["containers"][0]["volumeMounts"][0] = {
      {"name", "data"}, {"mountPath", "/data/app.db"}, {"subPath", "app.db"}};
  add("Pod", "single-file", file, declared);
  json reader = nfs;
  reader["containers"][0]["volumeMounts"][0]["readOnly"] = true;
  add("Pod", "reader", reader, declared);
  json vaultwarden = nfs;
  vaultwarden["containers"][0]["image"] = "registry.example.com/vaultwarden/server:1.32.0";
  add("Deployment", "recognised", vaultwarden, json::object());
  json sidecar = pod_spec(json{{"emptyDir", json::object()}});
  json native = sidecar["containers"][0];
  native["name"] = "litestream";
  native["image"] = "litestream/litestream:0.3.13";
  native["restartPolicy"] = "Always";
  sidecar["initContainers"] = json::array({native});
  add("Pod", "sidecar", sidecar, declared);

  // Sharing.
  add("StatefulSet", "one", pod_spec(claim_source("shared")), declared);
  add("Pod", "guest", pod_spec(claim_source("shared")), declared);
  json per_replica = pod_spec(json::object());
  per_replica.erase("volumes");
  json set = workload("StatefulSet", "set", per_replica, declared);
  set["spec"]["replicas"] = 2;
  set["spec"]["podManagementPolicy"] = "Parallel";  // none of them is ever ready
  set["spec"]["volumeClaimTemplates"] = json::array(
      {json{{"metadata", {{"name", "data"}}}, {"spec", claim_spec(own("block"), "ReadWriteOnce")}}});
  items.push_back(set);
  json scaled = workload("Deployment", "scaled", pod_spec(claim_source("block")), declared);
  scaled["spec"]["replicas"] = 2;
  items.push_back(scaled);
  items.push_back(
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "made-block"}}},
       {"spec",
        {{"minReplicas", 1},
         {"maxReplicas", 5},
         {"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "made-block"}}}}}});
  return items;
}

}  // namespace

json varied_objects(const std::string& space) {
  json items = storage(space);
  for (const json& item : workloads(space)) items.push_back(item);
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}};
}

}  // namespace walguard::cluster::testing
