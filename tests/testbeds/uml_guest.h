#ifndef WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_
#define WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_

#include <filesystem>
#include <optional>
#include <string>

/// What every guest of user-mode Linux needs of this machine.
namespace walguard::testbeds {

/// Why there can be no guest here, or nullopt.
[[nodiscard]] std::optional<std::string> why_no_guest();

/// The guest's root filesystem, of this machine's Debian release, so that its libraries are those the probe
/// was linked with. Made by debootstrap where there is none yet, which takes a minute or two, and kept
/// outside the tree. Throws std::runtime_error where that fails.
[[nodiscard]] std::filesystem::path guest_root();

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_
