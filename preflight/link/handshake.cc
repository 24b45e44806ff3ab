#include "preflight/link/handshake.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "preflight/link/bounded_json.h"
#include "preflight/link/frame.h"
#include "preflight/link/token.h"

namespace walguard::preflight {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kNonceDigits = 32;
constexpr std::size_t kMaxVersionBytes = 64;
constexpr std::size_t kMaxDirBytes = 4096;
constexpr std::size_t kMaxNodeBytes = 253;  // of a DNS name, which a node's name is
constexpr long kMaxRunSeconds = 30L * 86400;
constexpr std::size_t kMaxQuotedBytes = 80;

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> list;
  while (true) {
    const std::size_t space = line.find(' ');
    list.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return list;
    line.remove_prefix(space + 1);
  }
}

bool is_nonce(std::string_view text) {
  return text.size() == kNonceDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// What a stranger says is shown to a person, and maybe on a terminal.
std::string in_quotes(std::string_view text) {
  std::string plain(text.substr(0, kMaxQuotedBytes));
  std::ranges::replace_if(plain, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return '"' + plain + '"';
}

std::optional<long> whole_number(std::string_view text, long most) {
  long number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || number < 0 || number > most) return std::nullopt;
  return number;
}

std::string connecting_statement(std::string_view connecting_nonce, std::string_view listening_nonce) {
  return "walguard-preflight connecting " + std::string(connecting_nonce) + " " +
         std::string(listening_nonce);
}

std::string listening_statement(std::string_view connecting_nonce, std::string_view listening_nonce,
                                std::string_view seconds) {
  return "walguard-preflight listening " + std::string(connecting_nonce) + " " +
         std::string(listening_nonce) + " " + std::string(seconds);
}

HandshakeStep go_on(std::string line) { return {.send = std::move(line), .problem = {}}; }
HandshakeStep refuse(const std::string& why, std::string problem) {
  return {.send = "refused " + why, .problem = std::move(problem)};
}
HandshakeStep give_up(std::string problem) { return {.send = {}, .problem = std::move(problem)}; }

std::string name_of(const Release& release) {
  return release.version + " (protocol " + std::to_string(release.protocol) + ")";
}

// A text from the peer's `join`; nullopt where it must not come near a report.
std::optional<std::string> text_of(const Json& object, const char* name, std::size_t most) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  std::string text = found->get<std::string>();
  if (text.size() > most || !is_printable(text)) return std::nullopt;
  return text;
}

}  // namespace

Release Release::own() { return {.protocol = kProtocolVersion, .version = WALGUARD_VERSION}; }

ListeningHandshake::ListeningHandshake(const Token& token, std::string nonce,
                                       std::chrono::seconds run_at_most)
    : token_(&token), nonce_(std::move(nonce)), seconds_(static_cast<long>(run_at_most.count())) {}

HandshakeStep ListeningHandshake::take(std::string_view line) {
  switch (state_) {
    case State::kHello:
      return take_hello(line);
    case State::kProof:
      return take_proof(line);
    case State::kJoin:
      return take_join(line);
    case State::kDone:
      break;
  }
  return give_up("spoke after the handshake");
}

HandshakeStep ListeningHandshake::take_hello(std::string_view line) {
  const std::vector<std::string_view> parts = words(line);
  const bool shaped = parts.size() == 4 && parts[0] == "hello" && is_nonce(parts[3]);
  const std::optional<long> protocol = shaped ? whole_number(parts[1], 1'000'000) : std::nullopt;
  if (!protocol || parts[2].size() > kMaxVersionBytes) return give_up("is no walguard-preflight");
  const Release release{.protocol = static_cast<int>(*protocol), .version = std::string(parts[2])};
  if (release != Release::own()) {
    return refuse("version", "has another version: " + in_quotes(name_of(release)) + ", this is " +
                                 name_of(Release::own()));
  }
  peer_nonce_ = parts[3];
  state_ = State::kProof;
  return go_on("challenge " + nonce_);
}

HandshakeStep ListeningHandshake::take_proof(std::string_view line) {
  const std::vector<std::string_view> parts = words(line);
  if (parts.size() != 2 || parts[0] != "proof") return give_up("is no walguard-preflight");
  if (!token_->is_proof(parts[1], connecting_statement(peer_nonce_, nonce_))) {
    return refuse("token", "has another token");
  }
  state_ = State::kJoin;
  const std::string seconds = std::to_string(seconds_);
  return go_on("welcome " + seconds + " " + token_->prove(listening_statement(peer_nonce_, nonce_, seconds)));
}

HandshakeStep ListeningHandshake::take_join(std::string_view line) {
  constexpr std::string_view kJoin = "join ";
  if (!line.starts_with(kJoin)) return give_up("did not join");
  line.remove_prefix(kJoin.size());
  const std::optional<Json> json = parse_bounded_json(line);
  if (!json || !json->is_object()) return give_up("did not join");
  const auto dir = text_of(*json, "dir", kMaxDirBytes);
  const auto node = text_of(*json, "node", kMaxNodeBytes);
  if (!dir || !dir->starts_with('/') || !node) return give_up("joined with nonsense");
  peer_ = {.dir = *dir, .node = *node};
  state_ = State::kDone;
  return go_on({});
}

ConnectingHandshake::ConnectingHandshake(const Token& token, std::string nonce, PeerInfo own)
    : token_(&token), nonce_(std::move(nonce)), own_(std::move(own)) {}

std::string ConnectingHandshake::first_line() const {
  const Release own = Release::own();
  return "hello " + std::to_string(own.protocol) + " " + own.version + " " + nonce_;
}

HandshakeStep ConnectingHandshake::take(std::string_view line) {
  if (line == "refused token") return give_up("has another token");
  if (line == "refused version") return give_up("has another version than " + name_of(Release::own()));
  if (line.starts_with("refused ")) return give_up("refused: " + in_quotes(line.substr(8)));
  switch (state_) {
    case State::kChallenge:
      return take_challenge(line);
    case State::kWelcome:
      return take_welcome(line);
    case State::kDone:
      break;
  }
  return give_up("spoke after the handshake");
}

HandshakeStep ConnectingHandshake::take_challenge(std::string_view line) {
  const std::vector<std::string_view> parts = words(line);
  if (parts.size() != 2 || parts[0] != "challenge" || !is_nonce(parts[1])) {
    return give_up("is no walguard-preflight");
  }
  peer_nonce_ = parts[1];
  state_ = State::kWelcome;
  return go_on("proof " + token_->prove(connecting_statement(nonce_, peer_nonce_)));
}

HandshakeStep ConnectingHandshake::take_welcome(std::string_view line) {
  const std::vector<std::string_view> parts = words(line);
  const bool shaped = parts.size() == 3 && parts[0] == "welcome";
  const std::optional<long> seconds = shaped ? whole_number(parts[1], kMaxRunSeconds) : std::nullopt;
  if (!seconds) return give_up("is no walguard-preflight");
  if (!token_->is_proof(parts[2], listening_statement(nonce_, peer_nonce_, parts[1]))) {
    return give_up("has another token");
  }
  run_at_most_ = std::chrono::seconds(*seconds);
  state_ = State::kDone;
  return go_on("join " + Json{{"dir", own_.dir}, {"node", own_.node}}.dump());
}

}  // namespace walguard::preflight
