#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"

namespace walguard::server {

/// Turns the bytes of one connection into requests, one after the other. The parsing is Boost.Beast's; the
/// limits on head and body (of every framing) are enforced as the bytes come, not once they are all there.
class RequestParser {
 public:
  enum class State { kIncomplete, kComplete, kRefused };

  struct Step {
    State state = State::kIncomplete;
    /// Of the input, from its start. The rest was not looked at or is not yet decidable: give it again, with
    /// more.
    std::size_t used = 0;
    /// With kRefused: the answer owed. The stream cannot be read further.
    int status = 0;
    std::string reason = {};
  };

  /// `limits` must outlive the parser.
  explicit RequestParser(const HttpLimits& limits);
  RequestParser(RequestParser&&) noexcept;
  ~RequestParser();

  /// Takes in the next bytes. After kComplete or kRefused, reset() comes first.
  Step feed(std::string_view input);
  /// True once for a request whose client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool take_expectation();
  /// After kComplete, until reset(). Pads the body.
  [[nodiscard]] HttpRequest request();
  /// After kComplete: whether the client wants the connection kept, and in which version it spoke (10 or 11).
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] int version() const;
  /// Forgets the request and frees its memory.
  void reset();

 private:
  struct Message;
  [[nodiscard]] Step refusal(std::size_t used, int status, std::string reason) const;

  const HttpLimits& limits_;
  std::unique_ptr<Message> message_;  // null between requests, so that an idle connection holds nothing
};

struct ResponseFraming {
  bool keep_alive = true;
  bool head_only = false;  ///< the answer to HEAD: announces the body's length without sending it
  int version = 11;        ///< of the request
};

/// Appends the whole answer, head and body, to `out`.
void append_response(std::string& out, const HttpResponse& response, const ResponseFraming& framing);

}  // namespace walguard::server
