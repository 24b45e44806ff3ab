#pragma once

#include <string>

#include "operator/server/tls_identity.h"

namespace walguard::server::testing {

/// A folder with a self-signed certificate for 127.0.0.1 and its key, removed at the end.
class TestCertificate {
 public:
  TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate();

  [[nodiscard]] const TlsFiles& files() const { return files_; }
  /// Puts a new pair into the same files; `common_name` tells them apart. `valid_for`: a subjectAltName.
  void renew(const std::string& common_name, const std::string& valid_for = "IP:127.0.0.1") const;

 private:
  std::string folder_;
  TlsFiles files_;
};

}  // namespace walguard::server::testing
