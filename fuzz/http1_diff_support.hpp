/// What both comparisons with http_parser (docs/adr/0046) have in common: a message as a parser
/// reads it, and how the other parser is asked.
#pragma once

#include "wire/http1/body.hpp"
#include "wire/http1/syntax.hpp"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::wire::http1 {

using Lines = std::vector<std::pair<std::string, std::string>>;

/// What a parser makes of one message.
struct Message {
  enum class State : std::uint8_t { Partial, Whole, Refused } state = State::Partial;
  bool has_head = false;
  unsigned status = 0;  ///< of a response
  Lines fields;
  bool is_chunked = false;
  std::uint64_t length = 0;  ///< stated; 0 if it is not
  bool keep_alive = false;
  std::string body;
  std::size_t end = 0;      ///< with Whole: how many bytes it has
  std::string_view reason;  ///< with Refused
  http_errno error = HPE_OK;
};

inline std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

/// Reads a body behind a head that ends at `at`, by our own decoder.
inline void read_body(std::string_view input, std::size_t at, BodyDecoder decoder, Message& out) {
  while (true) {
    const auto step = decoder.decode(input.substr(at), input.size());
    at += step.consumed;
    out.body += step.data;
    switch (step.state) {
      case BodyDecoder::State::Data:
        break;
      case BodyDecoder::State::End:
        out.state = Message::State::Whole;
        out.end = at;
        return;
      case BodyDecoder::State::Bad:
        out.state = Message::State::Refused;
        out.reason = decoder.reason();
        return;
      case BodyDecoder::State::NeedMore:
      case BodyDecoder::State::Full:
        return;
    }
  }
}

/// The other parser's run over one message.
class Theirs {
 public:
  /// @param is_response  else a request
  /// @param is_to_head   a response to HEAD
  Theirs(bool is_response, bool is_to_head) : is_response_(is_response), is_to_head_(is_to_head) {}

  Message read(std::string_view input) {
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_end;
    http_parser parser;
    http_parser_init(&parser, is_response_ ? HTTP_RESPONSE : HTTP_REQUEST);
    parser.data = this;
    const std::size_t used = http_parser_execute(&parser, &settings, input.data(), input.size());
    if (is_response_ && message_.has_head && message_.state == Message::State::Partial &&
        HTTP_PARSER_ERRNO(&parser) == HPE_OK) {
      // The connection was closed: that ends a body of unknown length, and no other.
      (void)http_parser_execute(&parser, &settings, nullptr, 0);
      if (message_.state == Message::State::Partial) {
        return std::move(message_);
      }
    }
    message_.error = HTTP_PARSER_ERRNO(&parser);
    if (message_.state == Message::State::Whole) {
      message_.end = used;
    } else if (message_.error != HPE_OK) {
      message_.state = Message::State::Refused;
      message_.reason = http_errno_name(message_.error);
    }
    return std::move(message_);
  }

 private:
  static Theirs& of(http_parser* parser) { return *static_cast<Theirs*>(parser->data); }
  static int on_field(http_parser* parser, const char* data, std::size_t size) {
    Theirs& self = of(parser);
    if (self.message_.has_head) {
      return 0;  // trailers
    }
    if (self.in_value_ || self.message_.fields.empty()) {
      self.message_.fields.emplace_back();
      self.in_value_ = false;
    }
    self.message_.fields.back().first.append(lower({data, size}));
    return 0;
  }
  static int on_value(http_parser* parser, const char* data, std::size_t size) {
    Theirs& self = of(parser);
    if (!self.message_.has_head) {
      self.in_value_ = true;
      self.message_.fields.back().second.append(data, size);
    }
    return 0;
  }
  /// @return whether there is no body, whatever the head says
  static int on_head(http_parser* parser) {
    const Theirs& self = of(parser);
    Message& message = of(parser).message_;
    message.has_head = true;
    for (auto& [name, value] : message.fields) {
      // It keeps blanks behind a value (RFC 9112 §5.1 has them belong to the line).
      value.erase(value.find_last_not_of(" \t") + 1);
    }
    message.is_chunked = (parser->flags & F_CHUNKED) != 0;
    message.length = (parser->flags & F_CONTENTLENGTH) != 0 ? parser->content_length : 0;
    parser->upgrade = 0;  // nobody upgrades: what follows is HTTP/1.1
    message.status = self.is_response_ ? parser->status_code : 0;
    // Who uses it is to know what has no content (RFC 9112 §6.3, 1 and 2).
    return self.is_response_ && (self.is_to_head_ || message.status / 100 == 1 ||
                                 message.status == 204 || message.status == 304)
               ? 1
               : 0;
  }
  static int on_body(http_parser* parser, const char* data, std::size_t size) {
    of(parser).message_.body.append(data, size);
    return 0;
  }
  static int on_end(http_parser* parser) {
    Message& message = of(parser).message_;
    message.state = Message::State::Whole;
    message.keep_alive = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
  }

  bool is_response_;
  bool is_to_head_;
  bool in_value_ = false;
  Message message_;
};

[[noreturn]] inline void report(std::string_view what, const Message& ours, const Message& theirs) {
  const auto print = [](const char* who, const Message& message) {
    std::fprintf(
        stderr,
        " %s state %d end %zu status %u fields %zu body %zu length %llu chunked %d '%.*s'\n",
        who,
        static_cast<int>(message.state),
        message.end,
        message.status,
        message.fields.size(),
        message.body.size(),
        static_cast<unsigned long long>(message.length),
        message.is_chunked,
        static_cast<int>(message.reason.size()),
        message.reason.data()
    );
  };
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  print("ours:  ", ours);
  print("theirs:", theirs);
  std::abort();
}

/// The other parser takes a field whose name only begins with this one for it: what it refuses such
/// a message for is its own mistake.
inline bool has_lookalike(const Lines& fields) {
  return std::ranges::any_of(fields, [](const auto& field) {
    return field.first.starts_with("transfer-encoding") && field.first != "transfer-encoding";
  });
}

/// Behind a length or the name of a coding it takes blanks but no tabs (RFC 9110 §5.6.3 has both).
/// It sees the end of such a head before it refuses it.
inline bool is_about_tab(std::string_view input, http_errno error) {
  return (error == HPE_INVALID_CONTENT_LENGTH || error == HPE_INVALID_TRANSFER_ENCODING) &&
         input.find('\t') != std::string_view::npos;
}

/// Fields of framing among the trailers, which ours drops unread (RFC 9110 §6.5.1) and the other
/// reads as if they stood in the head.
inline bool has_framing_trailers(std::string_view input) {
  const std::size_t head_end = std::min(input.find("\n\r\n"), input.find("\n\n"));
  const std::string text = lower(input.substr(std::min(input.size(), head_end)));
  return text.find("\ncontent-length") != std::string::npos ||
         text.find("\ntransfer-encoding") != std::string::npos;
}

inline bool is_on(std::span<const std::string_view> list, std::string_view reason) {
  return std::ranges::find(list, reason) != list.end();
}

}  // namespace whorl::wire::http1
