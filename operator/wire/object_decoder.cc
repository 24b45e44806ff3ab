#include "operator/wire/object_decoder.h"

#include <memory>
#include <optional>
#include <string>

#include <simdjson.h>
#include <tl/expected.hpp>

#include "operator/core/cluster_objects.h"
#include "operator/wire/admission_review.h"
#include "operator/wire/json_reader.h"
#include "operator/wire/kube_kinds.h"

namespace walguard::wire {

struct ObjectDecoder::Parser {
  simdjson::ondemand::parser parser;
};

ObjectDecoder::ObjectDecoder() : parser_(std::make_unique<Parser>()) {}
ObjectDecoder::~ObjectDecoder() = default;
ObjectDecoder::ObjectDecoder(ObjectDecoder&&) noexcept = default;
ObjectDecoder& ObjectDecoder::operator=(ObjectDecoder&&) noexcept = default;

tl::expected<std::optional<core::ClusterObject>, std::string> ObjectDecoder::decode(core::ClusterKind kind,
                                                                                    PaddedView json) {
  const KindReader reader = find_kind_reader(kind);
  try {
    simdjson::ondemand::document document =
        parser_->parser.iterate(simdjson::padded_string_view(json.text(), json.capacity()));
    json::Value root = document.get_value();
    return reader(root, json::Path());
  } catch (const json::ReadError& error) {
    return tl::unexpected(std::string(error.what()));
  } catch (const simdjson::simdjson_error& error) {
    return tl::unexpected(std::string("not valid JSON: ").append(error.what()));
  }
}

}  // namespace walguard::wire
