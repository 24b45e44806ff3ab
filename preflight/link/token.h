#ifndef WALGUARD_PREFLIGHT_LINK_TOKEN_H_
#define WALGUARD_PREFLIGHT_LINK_TOKEN_H_

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace walguard::preflight {

/// The secret that the two hosts of a run share. It is never sent and never printed: each side proves that it
/// knows it by an HMAC-SHA256 (RFC 2104, OpenSSL's) over what both have just made up.
class Token {
 public:
  static constexpr std::size_t kMinBytes = 16;
  static constexpr std::size_t kMaxBytes = 4096;

  /// The error is the end of a sentence about where the text came from; it never repeats the text.
  [[nodiscard]] static tl::expected<Token, std::string> from(std::string_view text);

  /// 64 hex digits; empty where OpenSSL has no SHA-256, which nobody takes for a proof.
  [[nodiscard]] std::string prove(std::string_view statement) const;
  /// In a time that does not depend on where a wrong proof differs.
  [[nodiscard]] bool is_proof(std::string_view proof, std::string_view statement) const;

 private:
  explicit Token(std::string_view text) : secret_(text) {}

  std::string secret_;
};

/// 32 hex digits from the kernel's random source. Blocks only before that is seeded, early at boot.
[[nodiscard]] std::string make_nonce();

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_LINK_TOKEN_H_
