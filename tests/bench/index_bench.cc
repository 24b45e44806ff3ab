// What 20,000 pods of 4.9 KB each cost the index: seconds and resident memory, for the first list. The
// seconds hold the making of the pods' text too, the memory one page of it. Argument N: one pod in N has a
// claim.
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <stop_token>
#include <string>

#include <tl/expected.hpp>

#include "operator/controller/cluster_index.h"
#include "operator/kube/client.h"
#include "operator/kube/http.h"

namespace {

using walguard::kube::BodySink;
using walguard::kube::HttpReply;
using walguard::kube::HttpRequest;
using walguard::kube::TransportError;

constexpr int kPods = 20'000;
constexpr int kPage = 500;
constexpr std::size_t kPodBytes = 4'900;

/// As an API server sends it: about a third of the bytes are managedFields, and most of the rest is status.
std::string pod(int number, bool with_claim) {
  const std::string n = std::to_string(number);
  const std::string claim =
      with_claim ? R"({"name":"data","persistentVolumeClaim":{"claimName":"data-)" + n + R"("}},)"
                 : R"({"name":"data","emptyDir":{}},)";
  std::string text =
      R"({"metadata":{"name":"app-7f9c6d5b8-)" + n + R"(","namespace":"team-)" +
      std::to_string(number % 200) + R"(","uid":"8d4f1f6e-3a55-4f0e-9c3b-)" +
      std::to_string(100000000000 + number) + R"(","resourceVersion":")" + n +
      R"(","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-7f9c6d5b8","controller":true}],)" +
      R"("managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":"@"}}]},"spec":{"volumes":[)" + claim +
      R"({"name":"kube-api-access-x","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}],)" +
      R"("containers":[{"name":"app","image":"registry.example.com/app:1","env":[{"name":"A","value":"b"}],)" +
      R"("volumeMounts":[{"name":"data","mountPath":"/data"},{"name":"kube-api-access-x","mountPath":"/var/run/secrets"}]}],)" +
      R"("nodeName":"node-)" + std::to_string(number % 500) + R"("},"status":{"phase":"Running"}})";
  const std::string::size_type filler = text.find('@');
  if (text.size() < kPodBytes) text.replace(filler, 1, kPodBytes - text.size() + 1, 'x');
  return text;
}

/// An API server in memory: pods in pages, everything else empty, watches that are silent until stopped.
class MemoryTransport : public walguard::kube::HttpTransport {
 public:
  explicit MemoryTransport(int claim_every) : claim_every_(claim_every) {}

  tl::expected<HttpReply, TransportError> exchange(const HttpRequest& request, const BodySink& sink,
                                                   const std::stop_token& stop) override {
    if (request.target.find("watch=") != std::string::npos) {
      (void)walguard::kube::sleeping_waiter()(std::chrono::hours(1), stop);
      return HttpReply{.status = 200, .retry_after = {}, .body = {}};
    }
    const bool pods = request.target.find("/pods?") != std::string::npos;
    std::string body = pods ? page(request.target) : R"({"metadata":{"resourceVersion":"1"},"items":[]})";
    if (!sink) return HttpReply{.status = 200, .retry_after = {}, .body = std::move(body)};
    (void)sink(body);
    return HttpReply{.status = 200, .retry_after = {}, .body = {}};
  }

 private:
  std::string page(const std::string& target) const {
    const auto at = target.find("continue=");
    const int begin = at == std::string::npos ? 0 : std::atoi(target.c_str() + at + 9);
    const int end = begin + kPage;
    std::string body = R"({"metadata":{"resourceVersion":"1","continue":")" +
                       (end < kPods ? std::to_string(end) : std::string()) + R"("},"items":[)";
    for (int i = begin; i < end; ++i) {
      if (i > begin) body += ',';
      body += pod(i, i % claim_every_ == 0);
    }
    return body + "]}";
  }

  const int claim_every_;
};

double resident_mib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

void measure(int claim_every) {
  const double before = resident_mib();
  MemoryTransport transport(claim_every);
  const walguard::kube::Client client(transport);
  walguard::controller::ClusterIndex index(client, {});
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  index.start();
  while (!walguard::controller::what_is_missing(index.status()).empty()) {
    (void)walguard::kube::sleeping_waiter()(std::chrono::milliseconds(5), {});
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << kPods << " pods, one in " << claim_every << " with a claim: " << took.count() << " s, "
            << static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC << " s of CPU, "
            << index.read()->size() << " held, " << resident_mib() - before << " MiB more resident (of "
            << resident_mib() << ")\n";
}

}  // namespace

int main(int argc, char** argv) {
  measure(argc > 1 ? std::atoi(argv[1]) : 1);
  return 0;
}
