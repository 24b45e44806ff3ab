#include "preflight/link/token.h"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/random.h>
#include <tl/expected.hpp>
#include <unistd.h>

namespace walguard::preflight {
namespace {

constexpr std::size_t kNonceBytes = 16;

std::string hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

}  // namespace

tl::expected<Token, std::string> Token::from(std::string_view text) {
  if (text.empty()) return tl::unexpected<std::string>("is not set");
  if (text.size() < kMinBytes) {
    return tl::unexpected("has fewer than " + std::to_string(kMinBytes) + " characters");
  }
  if (text.size() > kMaxBytes) {
    return tl::unexpected("has more than " + std::to_string(kMaxBytes) + " characters");
  }
  return Token(text);
}

std::string Token::prove(std::string_view statement) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(statement.data());
  const unsigned char* const done = ::HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                                           bytes, statement.size(), digest.data(), &size);
  if (done == nullptr) return {};
  return hex({digest.data(), size});
}

bool Token::is_proof(std::string_view proof, std::string_view statement) const {
  const std::string expected = prove(statement);
  return !expected.empty() && proof.size() == expected.size() &&
         ::CRYPTO_memcmp(proof.data(), expected.data(), expected.size()) == 0;
}

std::string make_nonce() {
  std::array<unsigned char, kNonceBytes> bytes{};
  // So few bytes come whole or, in a kernel without them, not at all: then there is nothing to be done
  // safely.
  if (::getentropy(bytes.data(), bytes.size()) != 0) ::abort();
  return hex(bytes);
}

}  // namespace walguard::preflight
