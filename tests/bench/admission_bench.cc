/// The CPU time of one whole answer, from the bytes of the request to the bytes of the response: parse,
/// resolve, decide, respond, encode. No network, no lock: what is left is what the admission path itself
/// costs.

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "operator/core/catalog.h"
#include "operator/core/cluster_state.h"
#include "operator/core/evidence.h"
#include "operator/core/probe_plan.h"
#include "operator/core/response.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/catalog_loader.h"
#include "operator/server/admission_handler.h"
#include "operator/server/http_message.h"
#include "operator/server/metrics.h"

namespace walguard::server {
namespace {

/// The 6 KB pod of the wire tests, on a claim of the given provisioner.
class Bench {
 public:
  explicit Bench(const char* provisioner)
      : catalog_(std::make_shared<const core::Catalog>(knowledge::load_embedded_catalog().value())) {
    auto cluster = std::make_shared<core::ClusterState>();
    core::StorageClass storage_class;
    storage_class.name = "class";
    storage_class.provisioner = provisioner;
    cluster->add(std::move(storage_class));
    cluster->add(core::CsiDriver{.name = provisioner, .attach_required = true});
    for (const char* claim_name : {"notes-data"}) {
      core::PersistentVolumeClaim claim;
      claim.namespace_name = "team-a";
      claim.name = claim_name;
      claim.spec.storage_class = "class";
      claim.spec.access_modes = {core::AccessMode::kReadWriteOnce};
      cluster->add(std::move(claim));
    }
    cluster_ = std::move(cluster);
    std::ifstream file(WALGUARD_SOURCE_DIR "/tests/wire/testdata/pod_review.json");
    body_.assign(std::istreambuf_iterator<char>(file), {});
    size_ = body_.size();
    body_.resize(size_ + kBodyPadding);
  }

  AdmissionHandler handler() {
    AdmissionParts parts;
    parts.catalog = [this] { return catalog_; };
    parts.policy = [policy = std::make_shared<const core::Policy>()] { return policy; };
    parts.metrics = &metrics_;
    parts.read_cluster = [this](const auto& use) { use(*cluster_); };
    parts.evidence = [this] { return evidence_; };
    parts.want = [](const core::ProbeRequest&) {};
    parts.now = [] { return core::UtcSeconds{1'800'000'000}; };
    parts.log = [](const AnswerRecord&) {};
    return AdmissionHandler(std::move(parts));
  }

  [[nodiscard]] HttpRequest request() const {
    HttpRequest request;
    request.content_type = "application/json";
    request.body = std::string_view(body_).substr(0, size_);
    return request;
  }

 private:
  std::shared_ptr<const core::Catalog> catalog_;
  Metrics metrics_;
  std::shared_ptr<const core::ClusterState> cluster_;
  std::shared_ptr<const core::EvidenceBook> evidence_ = std::make_shared<core::EvidenceBook>();
  std::string body_;
  std::size_t size_ = 0;
};

void answer(benchmark::State& state, const char* provisioner, bool mutating) {
  Bench bench(provisioner);
  const AdmissionHandler handler = bench.handler();
  const HttpRequest request = bench.request();
  for (auto _ : state) {
    HttpResponse response;
    mutating ? handler.mutate(request, response) : handler.validate(request, response);
    if (response.status != 200) state.SkipWithError("the sample was not answered");
    benchmark::DoNotOptimize(response.body.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(request.body.size()));
}

BENCHMARK_CAPTURE(answer, validate_safe_block_volume, "ebs.csi.aws.com", false);
BENCHMARK_CAPTURE(answer, mutate_safe_block_volume, "ebs.csi.aws.com", true);
BENCHMARK_CAPTURE(answer, validate_network_filesystem, "nfs.csi.k8s.io", false);
BENCHMARK_CAPTURE(answer, validate_unknown_driver, "disk.nobody-knows.example", false);

}  // namespace
}  // namespace walguard::server
