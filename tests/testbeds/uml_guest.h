#ifndef WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_
#define WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Guests of user-mode Linux: what they need of this machine, and how to run the probe in them.
namespace walguard::testbeds {

/// Why there can be no guest here, or nullopt.
[[nodiscard]] std::optional<std::string> why_no_guest();
/// The same of two guests on a network.
[[nodiscard]] std::optional<std::string> why_no_two_guests();

/// The guest's root filesystem, of this machine's Debian release, so that its libraries are those the probe
/// was linked with. Made by debootstrap where there is none yet, which takes a minute or two, and kept
/// outside the tree. Throws std::runtime_error where that fails.
[[nodiscard]] std::filesystem::path guest_root();

/// The network filesystem that guests serve and mount.
struct GuestMounts {
  std::string server;        ///< "nfs" or "cifs"
  std::string one;           ///< mount options
  std::string two;           ///< of a second view in the same guest; empty: there is none
  bool second_host = false;  ///< the second view is another client's
};

/// Puts all that a guest is given into `exchange`, the directory that it shares with this machine. `node` is
/// "alone", or "one" or "two" of a pair; `strategy` is the probe's. Throws where that fails.
void give_to_guest(const std::filesystem::path& exchange, const std::string& node, const GuestMounts& mounts,
                   const std::string& strategy);

/// The command that runs `script` of uml/ on `exchange`. A guest is several processes that trace each other:
/// they end with the command and with the process that started it, however those end, and so does any network
/// that the script makes. May take as long as guest_root(), and throws as that does.
[[nodiscard]] std::vector<std::string> guest_command(const std::string& script,
                                                     const std::filesystem::path& exchange);

}  // namespace walguard::testbeds

#endif  // WALGUARD_TESTS_TESTBEDS_UML_GUEST_H_
