#pragma once

#include <string_view>

namespace walguard::bench {

/// An allowing AdmissionReview: what the servers that are compared all answer.
inline constexpr std::string_view kCannedAnswer =
    R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",)"
    R"("response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}})";

}  // namespace walguard::bench
