/// What it costs to read an AdmissionReview and to write its answer.

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>

#include "operator/core/response.h"
#include "operator/wire/admission_response.h"
#include "operator/wire/admission_review.h"

namespace walguard::wire {
namespace {

/// A pod of 6 KB with two containers, four volumes and managedFields, as an API server sends it.
std::string pod_review() {
  std::ifstream file(WALGUARD_SOURCE_DIR "/tests/wire/testdata/pod_review.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

void decode_pod(benchmark::State& state) {
  std::string body = pod_review();
  AdmissionReader reader;
  if (!reader.decode(PaddedView::of(body))) {
    state.SkipWithError("the sample does not decode");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.decode(PaddedView::of(body)));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(decode_pod);

/// The slow lane: a sample that is refused, with the second and third look that name the fault.
void refuse_pod(benchmark::State& state) {
  std::string body = pod_review();
  body.replace(body.find("\"mountPath\":\"/data\""), 19, "\"mountPath\":       5");
  AdmissionReader reader;
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.decode(PaddedView::of(body)));
  }
}
BENCHMARK(refuse_pod);

void encode_plain_allow(benchmark::State& state) {
  Request request;
  request.uid = "705ab4f5-6393-11e8-b7cc-42010a800002";
  const core::Answer answer;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode_response(request, answer));
  }
}
BENCHMARK(encode_plain_allow);

void encode_warnings_and_patch(benchmark::State& state) {
  Request request;
  request.uid = "705ab4f5-6393-11e8-b7cc-42010a800002";
  request.object.emplace();
  request.patch_target = {.has_metadata = true, .has_annotations = true, .annotations = {}};
  core::Answer answer;
  answer.decision = core::Decision::kWarn;
  answer.verdict = core::Verdict::kUnproven;
  answer.rules = {"evidence-missing", "rollout-overlap"};
  answer.warnings = {"walguard: volume \"data\": evidence-missing: nothing has measured class \"fast\" yet"};
  answer.annotations = {{"walguard/verdict", "unproven"}, {"walguard/findings", "evidence-missing"}};
  answer.add_gate = true;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode_response(request, answer));
  }
}
BENCHMARK(encode_warnings_and_patch);

}  // namespace
}  // namespace walguard::wire
