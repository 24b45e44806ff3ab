// libFuzzer entry for the lines between two hosts. The first byte says who receives the rest: a listener or a
// connecting host before the other has proved anything, a listener about to be joined, or a conductor's
// session with its agent.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "preflight/conductor/session.h"
#include "preflight/link/address.h"
#include "preflight/link/frame.h"
#include "preflight/link/handshake.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/token.h"
#include "preflight/link/unique_fd.h"

namespace {

using namespace walguard::preflight;  // NOLINT(google-build-using-namespace)

constexpr std::chrono::seconds kRunAtMost{60};
constexpr Seconds kPatience{1};

const Token& token() {
  static const Token shared = Token::from("0123456789abcdef").value();
  return shared;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

void require(bool condition) {
  if (!condition) std::abort();
}

void speak_to_listener(std::string_view text) {
  ListeningHandshake listening(token(), make_nonce(), kRunAtMost);
  for (const std::string& line : lines_of(text)) {
    if (!listening.take(line).problem.empty()) break;
  }
  require(!listening.done());  // nobody guesses a proof
}

void speak_to_connecting(std::string_view text) {
  ConnectingHandshake connecting(token(), make_nonce(), {.dir = "/secret/place", .node = ""});
  for (const std::string& line : lines_of(text)) {
    const HandshakeStep step = connecting.take(line);
    require(step.send.find("/secret/place") == std::string::npos);
    if (!step.problem.empty()) break;
  }
  require(!connecting.done());
}

void join_listener(std::string_view text) {
  ListeningHandshake listening(token(), make_nonce(), kRunAtMost);
  ConnectingHandshake connecting(token(), make_nonce(), {.dir = "/data", .node = ""});
  const HandshakeStep proof = connecting.take(listening.take(connecting.first_line()).send);
  require(connecting.take(listening.take(proof.send).send).problem.empty());
  const HandshakeStep step = listening.take(text);
  require(step.problem.empty() == listening.done());
  if (listening.done()) require(listening.peer().dir.starts_with('/'));
}

// One end of a socket pair, whose other end has said this and will say no more; `others` keeps it from
// breaking.
LineChannel channel_that_says(const std::string& words, std::vector<UniqueFd>& others) {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  others.emplace_back(ends[1]);
  (void)::send(ends[1], words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)::shutdown(ends[1], SHUT_WR);
  return LineChannel(UniqueFd(ends[0]));
}

void speak_to_session(std::string_view text) {
  const std::string ready =
      encode_frame({.verb = Verb::kReady, .number = kProtocolVersion, .payload = {}}) + "\n";
  std::vector<UniqueFd> others;
  LineChannel a = channel_that_says(ready, others);
  LineChannel b = channel_that_says(ready + std::string(text), others);
  Session session(std::move(a), std::move(b), -1);
  session.on_note([](const Worker&, const Json& note) {
    (void)note.at("commit").get<std::vector<std::int64_t>>();  // what the workloads make of one
  });
  const Worker worker = session.start_worker(Side::kB);
  const Call first = session.send(worker, "read", Json::object());
  const Call second = session.send(worker, "read", Json::object());
  (void)session.await_agents(kPatience);
  (void)session.wait(first, kPatience);
  (void)session.wait(second, kPatience);
  (void)session.kill_and_wait(worker, kPatience);
  session.hand_over(Side::kB, "{}", kPatience);
}

void come_back_the_same(std::string_view text) {
  for (const std::string& line : lines_of(text)) {
    if (const auto frame = parse_frame(line)) require(parse_frame(encode_frame(*frame)) == frame);
  }
  (void)parse_host_port(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'l':
      speak_to_listener(text);
      break;
    case 'c':
      speak_to_connecting(text);
      break;
    case 'j':
      join_listener(text);
      break;
    case 's':
      speak_to_session(text);
      break;
    default:
      come_back_the_same(text);
  }
  return 0;
}
