/// Files as text, checked as `walguard check` does it.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/check/report.h"
#include "operator/core/evidence.h"
#include "operator/core/policy.h"
#include "operator/core/verdict.h"
#include "operator/engine/docker_host.h"

namespace walguard::check::testing {

using Files = std::vector<std::pair<std::string, std::string>>;  ///< name and text

struct Given {
  Files input;
  Files cluster = {};
  core::Policy policy = {};
  core::EvidenceBook evidence = {};
  core::Mode mode = core::Mode::kEnforce;
  engine::DockerHost host = {};
};

[[nodiscard]] CheckReport checked(const Given& given);
/// Of one file, "input.yaml".
[[nodiscard]] CheckReport checked(std::string_view yaml);

/// What a form of report writes: text_of(json_report, report).
template <typename Report, typename... Arguments>
std::string text_of(Report&& report, const Arguments&... arguments) {
  std::ostringstream out;
  report(arguments..., out);
  return out.str();
}

/// "unsafe network-filesystem", "warning scale-out", ... of the object's only volume.
[[nodiscard]] std::vector<std::string> findings_of(const CheckedObject& object);

/// A class behind NFS and one of block devices, with its CSIDriver.
inline constexpr std::string_view kClasses = R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: nfs}
provisioner: nfs.csi.k8s.io
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk}
provisioner: ebs.csi.aws.com
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: ebs.csi.aws.com}
spec: {attachRequired: true}
---
)";

/// A claim "data" of a class, in namespace default, with its "---".
[[nodiscard]] std::string claim_of(std::string_view storage_class, std::string_view access_mode);

/// A Deployment "web" whose database /data/app.db is on that claim. `annotations`: further ones, as
/// `, key: "value"`.
[[nodiscard]] std::string web(std::string_view annotations = "");

/// The classes, the claim and the Deployment.
[[nodiscard]] std::string web_on(std::string_view storage_class, std::string_view access_mode,
                                 std::string_view annotations = "");

}  // namespace walguard::check::testing
