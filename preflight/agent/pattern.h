#ifndef WALGUARD_PREFLIGHT_AGENT_PATTERN_H_
#define WALGUARD_PREFLIGHT_AGENT_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Test data that can be told apart by a number: writer and judge make the same bytes from the same seed.
/// Pure.
namespace walguard::preflight {

/// Mixes two numbers into one that depends on every bit of both (the finaliser of splitmix64).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
  std::uint64_t value = left ^ (right + 0x9e3779b97f4a7c15ULL + (left << 6U) + (left >> 2U));
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

/// `length` bytes, different in every part for every seed. Seed 0 gives zeros, as a hole in a file does.
[[nodiscard]] inline std::vector<std::uint8_t> pattern(std::uint64_t seed, std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  for (std::size_t i = 0; seed != 0 && i < length; ++i) bytes[i] = static_cast<std::uint8_t>(mix(seed, i));
  return bytes;
}

/// FNV-1a, 64 bits.
[[nodiscard]] constexpr std::uint64_t fingerprint(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_PATTERN_H_
