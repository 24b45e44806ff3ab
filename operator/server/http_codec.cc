#include "operator/server/http_codec.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/string_type.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/optional/optional.hpp>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"

namespace walguard::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

/// Beast's body of a std::string, but with room for the padding from the start, so that a body of announced
/// length is copied once: from the TLS record to where it is parsed.
struct PaddedBody {
  using value_type = std::string;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>& /*head*/, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, beast::error_code& error) {
      error = {};
      if (length)
        body_.reserve(static_cast<std::size_t>(*length) + kBodyPadding);  // within body_limit by now
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& error) {
      error = {};
      const std::size_t before = body_.size();
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      return body_.size() - before;
    }
    void finish(beast::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::request_parser<PaddedBody>;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

int status_for(const beast::error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  if (error == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

struct RequestParser::Message {
  explicit Message(const HttpLimits& limits) {
    parser.eager(true);  // take in head and body in one call
    parser.body_limit(limits.body_bytes);
    parser.header_limit(static_cast<std::uint32_t>(
        std::min<std::size_t>(limits.head_bytes, std::numeric_limits<std::uint32_t>::max())));
  }

  Parser parser;
  bool expectation_taken = false;
};

RequestParser::RequestParser(const HttpLimits& limits) : limits_(limits) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

RequestParser::Step RequestParser::feed(std::string_view input) {
  if (!message_) message_ = std::make_unique<Message>(limits_);
  Parser& parser = message_->parser;
  beast::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(input.data(), input.size()), error);

  if (error && error != http::error::need_more) {
    if (error == http::error::body_limit) {
      return refusal(used, 413, "the body is longer than " + std::to_string(limits_.body_bytes) + " bytes");
    }
    return refusal(used, status_for(error), error.message());
  }
  // Beast limits what it holds back of a head, but not the extension of a chunk, which has no business being
  // long.
  if (!parser.is_done() && input.size() - used > limits_.head_bytes) {
    return refusal(used, 431,
                   "the head, of the request or of a chunk, is longer than " +
                       std::to_string(limits_.head_bytes) + " bytes");
  }
  if (!parser.is_done()) return {.state = State::kIncomplete, .used = used};
  const std::string_view encoding = view(parser.get()[http::field::content_encoding]);
  if (!encoding.empty() && encoding != "identity") {
    return refusal(used, 415, "a compressed body is not accepted: send it without Content-Encoding");
  }
  return {.state = State::kComplete, .used = used};
}

RequestParser::Step RequestParser::refusal(std::size_t used, int status, std::string reason) const {
  return {.state = State::kRefused, .used = used, .status = status, .reason = std::move(reason)};
}

bool RequestParser::take_expectation() {
  if (!message_ || message_->expectation_taken || !message_->parser.is_header_done()) return false;
  message_->expectation_taken = true;
  return beast::iequals(message_->parser.get()[http::field::expect], "100-continue");
}

HttpRequest RequestParser::request() {
  auto& message = message_->parser.get();
  std::string& body = message.body();
  body.reserve(body.size() + kBodyPadding);
  const std::string_view target = view(message.target());
  const std::size_t question = target.find('?');
  return {.method = view(message.method_string()),
          .path = target.substr(0, question),
          .query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1),
          .content_type = view(message[http::field::content_type]),
          .body = body};
}

bool RequestParser::keep_alive() const { return message_->parser.keep_alive(); }
int RequestParser::version() const { return static_cast<int>(message_->parser.get().version()); }
void RequestParser::reset() { message_.reset(); }

void append_response(std::string& out, const HttpResponse& response, const ResponseFraming& framing) {
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status))));
  out += "\r\nContent-Type: ";
  out += response.content_type;
  out += "\r\nContent-Length: ";
  out += std::to_string(response.body.size());
  for (const auto& [name, value] : response.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (!framing.keep_alive) {
    out += "\r\nConnection: close";
  } else if (framing.version == 10) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
  if (!framing.head_only) out += response.body;
}

}  // namespace walguard::server
