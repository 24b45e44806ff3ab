#include "operator/wire/admission_review.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/core/response.h"
#include "operator/core/workload.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/workload_reader.h"

namespace walguard::wire {
namespace {

using core::Operation;
using core::WorkloadKind;
using json::Keys;
using json::Path;
using json::Value;

/// What a kind's object holds for us.
struct Shape {
  enum class Form : std::uint8_t { kUnknown, kWorkload, kScale } form = Form::kUnknown;
  WorkloadKind workload = WorkloadKind::kPod;
};

struct KnownKind {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  std::string_view resource;
  Shape shape;
};

constexpr Shape workload_shape(WorkloadKind kind) {
  return {.form = Shape::Form::kWorkload, .workload = kind};
}

constexpr std::array kKinds = {
    KnownKind{"", "v1", "Pod", "pods", workload_shape(WorkloadKind::kPod)},
    KnownKind{"apps", "v1", "Deployment", "deployments", workload_shape(WorkloadKind::kDeployment)},
    KnownKind{"apps", "v1", "StatefulSet", "statefulsets", workload_shape(WorkloadKind::kStatefulSet)},
    KnownKind{"apps", "v1", "DaemonSet", "daemonsets", workload_shape(WorkloadKind::kDaemonSet)},
    KnownKind{"apps", "v1", "ReplicaSet", "replicasets", workload_shape(WorkloadKind::kReplicaSet)},
    KnownKind{"batch", "v1", "Job", "jobs", workload_shape(WorkloadKind::kJob)},
    KnownKind{"batch", "v1", "CronJob", "cronjobs", workload_shape(WorkloadKind::kCronJob)},
    KnownKind{"autoscaling", "v1", "Scale", "", {.form = Shape::Form::kScale}},
};

Shape shape_of(const GroupVersionName& kind) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), [&](const KnownKind& known) {
    return known.kind == kind.name && known.group == kind.group && known.version == kind.version;
  });
  return found == kKinds.end() ? Shape{} : found->shape;
}

/// A Scale does not say what it scales; the request's resource does.
std::optional<WorkloadKind> scaled_kind(const GroupVersionName& resource) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), [&](const KnownKind& known) {
    return !known.resource.empty() && known.resource == resource.name && known.group == resource.group;
  });
  return found == kKinds.end() ? std::nullopt : std::optional(found->shape.workload);
}

GroupVersionName read_group_version(Value& value, const Path& at) {
  static constexpr Keys kKeys{"group", "version", "kind", "resource"};
  GroupVersionName out;
  json::each_field<kKeys>(value, at, [&](std::size_t key, Value& field, const Path& here) {
    std::string& slot = key == kKeys["group"] ? out.group : key == kKeys["version"] ? out.version : out.name;
    slot = json::text_of(field, here);
  });
  return out;
}

Operation read_operation(Value& value, const Path& at) {
  const std::string_view text = json::text_of(value, at);
  if (text == "CREATE") return Operation::kCreate;
  if (text == "UPDATE") return Operation::kUpdate;
  if (text == "DELETE") return Operation::kDelete;
  if (text == "CONNECT") return Operation::kConnect;
  throw json::ReadError(
      at,
      std::string("unknown operation \"").append(text).append("\"; use CREATE, UPDATE, DELETE or CONNECT"));
}

/// Of a Scale no replicas means 0, which its JSON leaves out
/// (https://pkg.go.dev/k8s.io/api/autoscaling/v1#ScaleSpec).
std::int64_t read_scale(Value& value, const Path& at) {
  static constexpr Keys kObject{"spec"};
  static constexpr Keys kSpec{"replicas"};
  std::int64_t replicas = 0;
  json::each_field<kObject>(value, at, [&](std::size_t, Value& spec, const Path& here) {
    json::each_field<kSpec>(spec, here, [&](std::size_t, Value& field, const Path& field_at) {
      replicas = json::integer_of(field, field_at);
    });
  });
  return replicas;
}

/// Which part of a review one pass reads.
enum class Pass : std::uint8_t {
  kAll,       ///< hopes for the API server's order: kind and operation before object
  kEnvelope,  ///< all but the objects
  kObjects,   ///< the objects alone, once the envelope is known
};

bool nothing_to_judge(const Request& request) {
  return request.operation == Operation::kDelete || request.operation == Operation::kConnect ||
         request.sub_resource == "status";
}

class ReviewPass {
 public:
  ReviewPass(Pass pass, Request& out) : pass_(pass), out_(out) {}

  void read(Value& review) {
    static constexpr Keys kKeys{"kind", "apiVersion", "request"};
    std::string_view kind;
    std::string_view version;
    const Path root;
    json::each_field<kKeys>(review, root, [&](std::size_t key, Value& field, const Path& here) {
      switch (key) {
        case kKeys["kind"]:
          kind = json::text_of(field, here);
          break;
        case kKeys["apiVersion"]:
          version = json::text_of(field, here);
          break;
        case kKeys["request"]:
          read_request(field, here);
          break;
        default:
          break;
      }
    });
    if (kind != "AdmissionReview") {
      throw json::ReadError(root.child("kind"), "not AdmissionReview; send an AdmissionReview");
    }
    if (version != "admission.k8s.io/v1") {
      throw json::ReadError(root.child("apiVersion"),
                            "not admission.k8s.io/v1; list v1 in the webhook's admissionReviewVersions");
    }
    check_envelope(root.child("request"));
  }

  /// The objects came before what tells how to read them.
  [[nodiscard]] bool needs_another_pass() const { return deferred_; }

 private:
  void read_request(Value& request, const Path& at) {
    static constexpr Keys kKeys{"uid",       "kind",      "resource", "subResource", "name",
                                "namespace", "operation", "dryRun",   "object",      "oldObject"};
    json::each_field<kKeys>(request, at, [&](std::size_t key, Value& field, const Path& here) {
      if (key == kKeys["object"] || key == kKeys["oldObject"]) {
        read_object(field, here, key == kKeys["oldObject"]);
        return;
      }
      if (pass_ == Pass::kObjects) {
        return;
      }
      switch (key) {
        case kKeys["uid"]:
          out_.uid = json::text_of(field, here);
          break;
        case kKeys["kind"]:
          out_.kind = read_group_version(field, here);
          break;
        case kKeys["resource"]:
          out_.resource = read_group_version(field, here);
          break;
        case kKeys["subResource"]:
          out_.sub_resource = json::text_of(field, here);
          break;
        case kKeys["name"]:
          out_.name = json::text_of(field, here);
          break;
        case kKeys["namespace"]:
          out_.namespace_name = json::text_of(field, here);
          break;
        case kKeys["operation"]:
          out_.operation = read_operation(field, here);
          has_operation_ = true;
          break;
        case kKeys["dryRun"]:
          out_.dry_run = json::bool_of(field, here);
          break;
        default:
          break;
      }
    });
  }

  void check_envelope(const Path& request) const {
    if (pass_ == Pass::kObjects) {
      return;
    }
    if (out_.uid.empty()) {
      json::throw_missing(request.child("uid"), "the answer");
    }
    if (out_.kind.name.empty()) {
      json::throw_missing(request.child("kind"), "an AdmissionReview");
    }
    if (!has_operation_) {
      json::throw_missing(request.child("operation"), "an AdmissionReview");
    }
  }

  void read_object(Value& value, const Path& at, bool old) {
    if (pass_ == Pass::kEnvelope) {
      return;
    }
    if (pass_ == Pass::kAll && (!has_operation_ || out_.kind.name.empty() || out_.resource.name.empty())) {
      deferred_ = true;
      return;
    }
    const Shape shape = shape_of(out_.kind);
    if (shape.form == Shape::Form::kUnknown || nothing_to_judge(out_)) {
      return;
    }
    std::optional<core::Workload>& slot = old ? out_.old_object : out_.object;
    if (shape.form == Shape::Form::kScale) {
      const auto scaled = scaled_kind(out_.resource);
      if (!scaled) {
        return;
      }
      slot.emplace();
      slot->kind = *scaled;
      slot->replicas = read_scale(value, at);
      return;
    }
    WorkloadObject object = read_workload(value, at, shape.workload);
    if (!old) {
      out_.patch_target = {.has_metadata = object.has_metadata,
                           .has_annotations = object.metadata.has_annotations,
                           .annotations = std::move(object.metadata.annotations)};
    }
    slot = std::move(object.workload);
  }

  Pass pass_;
  Request& out_;
  bool has_operation_ = false;
  bool deferred_ = false;
};

/// Names are the request's, whatever the object says.
void set_names(std::optional<core::Workload>& workload, const Request& request) {
  if (workload) {
    workload->name = request.name;
    workload->namespace_name = request.namespace_name;
  }
}

DecodeError error_about(const Request& request, DecodeError::Kind kind, std::string message) {
  return {.kind = kind,
          .message = std::move(message),
          .uid = request.uid,
          .namespace_name = request.namespace_name,
          .name = request.name};
}

DecodeError not_a_review(std::string message) {
  DecodeError error;
  error.message = std::move(message);
  return error;
}

std::string not_json(const simdjson::simdjson_error& error) {
  return std::string("not valid JSON: ").append(error.what());
}

/// What is left to say once everything has been read.
std::optional<DecodeError> finish(Request& request) {
  if (nothing_to_judge(request)) {
    request.object.reset();
    request.old_object.reset();
    return std::nullopt;
  }
  const Shape::Form form = shape_of(request.kind).form;
  const bool unknown_scale = form == Shape::Form::kScale && !scaled_kind(request.resource);
  if (form == Shape::Form::kUnknown || unknown_scale) {
    return error_about(
        request, DecodeError::Kind::kUnknownKind,
        std::string("walguard does not judge ")
            .append(request.kind.text().substr(0, 80))
            .append(" objects; the pods they make are judged. Take the kind out of the webhook's rules."));
  }
  if (!request.object) {
    return error_about(request, DecodeError::Kind::kBadObject,
                       "request.object: missing; CREATE and UPDATE need it");
  }
  set_names(request.object, request);
  set_names(request.old_object, request);
  return std::nullopt;
}

}  // namespace

std::string GroupVersionName::text() const {
  std::string out = group;
  if (!group.empty()) {
    out += '/';
  }
  return out.append(version).append(" ").append(name);
}

struct AdmissionReader::Parser {
  simdjson::ondemand::parser parser;

  /// Throws as json_reader.h says.
  ReviewPass run(Pass pass, PaddedView body, Request& out) {
    simdjson::ondemand::document document =
        parser.iterate(simdjson::padded_string_view(body.text(), body.capacity()));
    ReviewPass review(pass, out);
    Value root = document.get_value();
    review.read(root);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {  // something follows the object
      throw simdjson::simdjson_error(simdjson::TRAILING_CONTENT);
    }
    return review;
  }

  /// The API server's order. False: something is out of order or wrong, and only a second look can tell.
  bool decode_fast(PaddedView body, Request& request) {
    try {
      return !run(Pass::kAll, body, request).needs_another_pass();
    } catch (const json::ReadError&) {
      return false;
    } catch (const simdjson::simdjson_error&) {
      return false;
    }
  }

  /// Envelope first, so that an error in an object can still be answered under its uid.
  std::optional<DecodeError> decode_carefully(PaddedView body, Request& request) {
    request = Request();
    try {
      run(Pass::kEnvelope, body, request);
    } catch (const json::ReadError& error) {
      return not_a_review(error.what());
    } catch (const simdjson::simdjson_error& error) {
      return not_a_review(not_json(error));
    }
    try {
      run(Pass::kObjects, body, request);
    } catch (const json::ReadError& error) {
      return error_about(request, DecodeError::Kind::kBadObject, error.what());
    } catch (const simdjson::simdjson_error& error) {
      return error_about(request, DecodeError::Kind::kBadObject, "request.object: " + not_json(error));
    }
    return std::nullopt;
  }

  /// simdjson keeps six times the largest body it has seen; one far beyond a pod must not stay for ever.
  void forget_large(std::size_t size) {
    constexpr std::size_t kLarge = std::size_t{1} << 20U;
    if (size > kLarge) {
      parser = simdjson::ondemand::parser();
    }
  }
};

AdmissionReader::AdmissionReader() : parser_(std::make_unique<Parser>()) {}
AdmissionReader::~AdmissionReader() = default;
AdmissionReader::AdmissionReader(AdmissionReader&&) noexcept = default;
AdmissionReader& AdmissionReader::operator=(AdmissionReader&&) noexcept = default;

tl::expected<Request, DecodeError> AdmissionReader::decode(PaddedView body) {
  if (json::nests_deeper_than(body.text(), json::kMaxDepth)) {
    return tl::unexpected(not_a_review("nested deeper than 1000 levels; no Kubernetes object is"));
  }
  tl::expected<Request, DecodeError> result;
  std::optional<DecodeError> error;
  if (!parser_->decode_fast(body, *result)) {
    error = parser_->decode_carefully(body, *result);
  }
  parser_->forget_large(body.text().size());
  if (!error) {
    error = finish(*result);
  }
  if (error) {
    result = tl::unexpected(*std::move(error));
  }
  return result;
}

}  // namespace walguard::wire
