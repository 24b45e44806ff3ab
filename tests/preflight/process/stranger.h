#ifndef WALGUARD_TESTS_PREFLIGHT_PROCESS_STRANGER_H_
#define WALGUARD_TESTS_PREFLIGHT_PROCESS_STRANGER_H_

#include <optional>
#include <string>

#include "preflight/link/address.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/unique_fd.h"

/// The other end of a link between two hosts, played by a test over real TCP on loopback.
namespace walguard::testing_support {

/// A connection on which a test says what it likes.
class Stranger {
 public:
  explicit Stranger(preflight::UniqueFd socket);
  /// Connects to "127.0.0.1:PORT"; throws std::runtime_error where nobody listens.
  explicit Stranger(const std::string& address);

  /// Sends all of it. False where the other end hangs up before it has taken it.
  bool say(const std::string& bytes);
  /// The next line, or nullopt when the other end has hung up or 30 s have passed.
  [[nodiscard]] std::optional<std::string> hear();
  [[nodiscard]] bool has_been_hung_up_on();
  void hang_up() { channel_.close("the test hangs up"); }
  /// Goes through the handshake as somebody who knows the token. False where it is refused.
  [[nodiscard]] bool join(const std::string& token, const std::string& dir);
  /// The same as the side that listens.
  [[nodiscard]] bool welcome(const std::string& token);

 private:
  preflight::LineChannel channel_;
};

/// A port on loopback that listens and does nothing more.
class Door {
 public:
  Door();
  [[nodiscard]] std::string address() const;
  /// The next who comes; throws where nobody does within 30 s.
  [[nodiscard]] Stranger open();

 private:
  preflight::UniqueFd socket_;
};

}  // namespace walguard::testing_support

#endif  // WALGUARD_TESTS_PREFLIGHT_PROCESS_STRANGER_H_
