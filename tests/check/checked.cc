#include "tests/check/checked.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/check/check.h"
#include "operator/check/manifests.h"
#include "operator/check/report.h"
#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/wire/compose.h"
#include "operator/wire/manifest.h"

namespace walguard::check::testing {
namespace {

constexpr core::UtcSeconds kNow = 1'800'000'000;

std::vector<ReadFile> read(const Files& files) {
  std::vector<ReadFile> all;
  for (const auto& [name, text] : files) {
    ReadFile file{
        .path = name, .content = wire::read_manifest(text, name), .compose = {}, .folder = "/srv/app"};
    for (const wire::OtherDocument& other : file.content.others) {
      if (wire::is_compose(other)) file.compose.push_back(wire::read_compose(other, name).value());
    }
    all.push_back(std::move(file));
  }
  return all;
}

const core::Catalog& catalog() {
  static const core::Catalog kCatalog = knowledge::load_embedded_catalog().value();
  return kCatalog;
}

}  // namespace

CheckReport checked(const Given& given) {
  return check(read(given.input), read(given.cluster),
               {.catalog = catalog(),
                .evidence = given.evidence,
                .policy = given.policy,
                .mode = given.mode,
                .now = kNow,
                .host = given.host});
}

CheckReport checked(std::string_view yaml) {
  return checked(Given{.input = {{"input.yaml", std::string(yaml)}}});
}

std::vector<std::string> findings_of(const CheckedObject& object) {
  std::vector<std::string> all;
  for (const CheckedFinding& found : object.volumes.at(0).findings) {
    all.push_back(std::string(core::name(found.finding.severity)) + " " + std::string(found.finding.rule));
  }
  return all;
}

std::string claim_of(std::string_view storage_class, std::string_view access_mode) {
  return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  storageClassName: " +
         std::string(storage_class) + "\n  accessModes: [" + std::string(access_mode) + "]\n---\n";
}

std::string web(std::string_view annotations) {
  return R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  strategy: {type: Recreate}
  template:
    metadata:
      annotations: {walguard/databases: /data/app.db)" +
         std::string(annotations) + R"(}
    spec:
      containers:
      - name: web
        volumeMounts:
        - {name: data, mountPath: /data}
      volumes:
      - name: tmp
        emptyDir: {}
      - name: data
        persistentVolumeClaim: {claimName: data}
)";
}

std::string web_on(std::string_view storage_class, std::string_view access_mode,
                   std::string_view annotations) {
  return std::string(kClasses) + claim_of(storage_class, access_mode) + web(annotations);
}

}  // namespace walguard::check::testing
