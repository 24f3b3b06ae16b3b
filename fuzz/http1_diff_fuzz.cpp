// The same bytes before two parsers of requests: ours and http_parser, which others have written
// (docs/adr/0046). What ours accepts the other must read as the same messages: the same fields, the
// same framing, the same bodies, ends at the same byte. What ours refuses and the other accepts
// must be refused for a reason of the list below: a new one is a finding.
#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/syntax.hpp"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::wire::http1 {
namespace {

using namespace std::string_view_literals;

/// Where ours is stricter, by the words of its refusal.
constexpr std::array kStricter = {
    // Lines end in CR LF, always (RFC 9112 §2.2 lets a recipient take a bare LF).
    "a line ends in a bare LF"sv,
    "a trailer ends in a bare LF"sv,
    "a trailer contains a bare CR"sv,
    // A request line has its parts and one space between them; a few empty lines may stand before
    // it.
    "empty lines instead of a request"sv,
    "malformed request line"sv,
    "malformed method"sv,
    "malformed HTTP version"sv,
    "HTTP version not supported"sv,
    // A target is what RFC 9112 §3.2 says for its method; nobody is asked to be a proxy.
    "malformed request target"sv,
    "\"*\" is a target of OPTIONS only"sv,
    "the target has a query but no path"sv,
    "malformed authority in the target"sv,
    "the target's scheme is not http"sv,
    "CONNECT is not offered"sv,
    // One host, and the same everywhere (§3.2).
    "no host field"sv,
    "more than one host field"sv,
    "malformed host field"sv,
    "host field and target disagree"sv,
    // Field lines are lines of a field: no blank before the colon, no folding, no control bytes
    // (§5).
    "malformed field line"sv,
    "malformed trailer"sv,
    // Transfer codings: chunked, once, last, and not in HTTP/1.0 (§6.1).
    "transfer-encoding does not end in one chunked"sv,
    "transfer-encoding in HTTP/1.0"sv,
    "unknown transfer coding"sv,
    // A length stands once, in at most 19 digits (§6.3).
    "malformed or repeated content-length"sv,
    // Chunks (§7.1).
    "a chunk has no size"sv,
    "malformed chunk size"sv,
    "malformed chunk extension"sv,
    "a chunk size ends in a bare CR"sv,
    "a chunk is longer than its size"sv,
    "a chunk ends in a bare CR"sv,
    "the last chunk ends in a bare CR"sv,
    // Limits, which the other has one of, for the whole head (RFC 9110 §15.5.15, RFC 6585 §5).
    "too many field lines"sv,
    "the field lines are too long"sv,
    "the request line is too long"sv,
    "the request target is too long"sv,
    "a chunk size is too long"sv,
    "chunk extensions too long"sv,
    "the trailers are too long"sv,
    "too many trailers"sv,
    // What cannot be met is said at once (RFC 9110 §10.1.1).
    "unknown expectation"sv,
};

/// Errors of the other parser that are not about framing: it knows a list of methods, where any
/// token is one (RFC 9110 §9.1), and has its own idea of URLs.
constexpr std::array kNoFraming = {HPE_INVALID_METHOD, HPE_INVALID_URL};

using Lines = std::vector<std::pair<std::string, std::string>>;

/// What a parser makes of one request.
struct Message {
  enum class State : std::uint8_t { Partial, Whole, Refused } state = State::Partial;
  bool has_head = false;
  Lines fields;
  bool is_chunked = false;
  std::uint64_t length = 0;  ///< stated; 0 if it is not
  bool keep_alive = false;
  std::string body;
  std::size_t end = 0;      ///< with Whole: how many bytes it has
  std::string_view reason;  ///< with Refused
  http_errno error = HPE_OK;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

Message read_ours(std::string_view input) {
  Message out;
  constexpr HeadLimits kLimits{};
  const auto refused = [&](std::string_view why) {
    out.state = Message::State::Refused;
    out.reason = why;
    return out;
  };
  HeadScanner scanner;
  switch (scanner.scan(input, kLimits)) {
    case HeadScanner::State::NeedMore:
      return out;
    case HeadScanner::State::Refused:
      return refused(scanner.refusal().reason);
    case HeadScanner::State::Complete:
      break;
  }
  RequestHead head;
  if (const auto why = parse_request_head(
          input.substr(scanner.begin(), scanner.end() - scanner.begin()), kLimits, head
      )) {
    return refused(why->reason);
  }
  out.has_head = true;
  for (const FieldView& field : head.fields) {
    out.fields.emplace_back(lower(field.name), std::string(field.value));
  }
  out.is_chunked = head.framing == Framing::Chunked;
  out.length = head.framing == Framing::Length ? head.content_length : 0;
  out.keep_alive = head.keep_alive;
  BodyDecoder decoder(head.framing, head.content_length);
  std::size_t at = scanner.end();
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
        return out;
      case BodyDecoder::State::Bad:
        return refused(decoder.reason());
      case BodyDecoder::State::NeedMore:
      case BodyDecoder::State::Full:
        return out;
    }
  }
}

/// The other parser's run over one message.
struct Theirs {
  Message message;
  bool in_value = false;

  static Theirs& of(http_parser* parser) { return *static_cast<Theirs*>(parser->data); }
  static int on_field(http_parser* parser, const char* data, std::size_t size) {
    Theirs& self = of(parser);
    if (self.message.has_head) {
      return 0;  // trailers
    }
    if (self.in_value || self.message.fields.empty()) {
      self.message.fields.emplace_back();
      self.in_value = false;
    }
    self.message.fields.back().first.append(lower({data, size}));
    return 0;
  }
  static int on_value(http_parser* parser, const char* data, std::size_t size) {
    Theirs& self = of(parser);
    if (!self.message.has_head) {
      self.in_value = true;
      self.message.fields.back().second.append(data, size);
    }
    return 0;
  }
  static int on_head(http_parser* parser) {
    Message& message = of(parser).message;
    message.has_head = true;
    for (auto& [name, value] : message.fields) {
      // It keeps blanks behind a value (RFC 9112 §5.1 has them belong to the line).
      value.erase(value.find_last_not_of(" \t") + 1);
    }
    message.is_chunked = (parser->flags & F_CHUNKED) != 0;
    message.length = (parser->flags & F_CONTENTLENGTH) != 0 ? parser->content_length : 0;
    parser->upgrade = 0;  // nobody upgrades: what follows is HTTP/1.1
    return 0;
  }
  static int on_body(http_parser* parser, const char* data, std::size_t size) {
    of(parser).message.body.append(data, size);
    return 0;
  }
  static int on_end(http_parser* parser) {
    of(parser).message.state = Message::State::Whole;
    http_parser_pause(parser, 1);
    return 0;
  }
};

Message read_theirs(std::string_view input) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_header_field = Theirs::on_field;
  settings.on_header_value = Theirs::on_value;
  settings.on_headers_complete = Theirs::on_head;
  settings.on_body = Theirs::on_body;
  settings.on_message_complete = Theirs::on_end;
  Theirs theirs;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &theirs;
  const std::size_t used = http_parser_execute(&parser, &settings, input.data(), input.size());
  Message& message = theirs.message;
  message.error = HTTP_PARSER_ERRNO(&parser);
  if (message.state == Message::State::Whole) {
    message.end = used;
  } else if (message.error != HPE_OK) {
    message.state = Message::State::Refused;
    message.reason = http_errno_name(message.error);
  }
  return std::move(message);
}

[[noreturn]] void report(std::string_view what, const Message& ours, const Message& theirs) {
  std::fprintf(
      stderr,
      "%.*s\n ours:   state %d end %zu body %zu length %llu chunked %d '%.*s'\n"
      " theirs: state %d end %zu body %zu length %llu chunked %d '%.*s'\n",
      static_cast<int>(what.size()),
      what.data(),
      static_cast<int>(ours.state),
      ours.end,
      ours.body.size(),
      static_cast<unsigned long long>(ours.length),
      ours.is_chunked,
      static_cast<int>(ours.reason.size()),
      ours.reason.data(),
      static_cast<int>(theirs.state),
      theirs.end,
      theirs.body.size(),
      static_cast<unsigned long long>(theirs.length),
      theirs.is_chunked,
      static_cast<int>(theirs.reason.size()),
      theirs.reason.data()
  );
  std::abort();
}

/// The other parser takes a field whose name only begins with this one for it: what it refuses such
/// a message for is its own mistake.
bool has_lookalike(const Lines& fields) {
  return std::ranges::any_of(fields, [](const auto& field) {
    return field.first.starts_with("transfer-encoding") && field.first != "transfer-encoding";
  });
}

/// Fields of framing among the trailers, which ours drops unread (RFC 9110 §6.5.1) and the other
/// reads as if they stood in the head.
bool has_framing_trailers(std::string_view input) {
  const std::string text = lower(input.substr(std::min(input.size(), input.find("\r\n\r\n"))));
  return text.find("\ncontent-length") != std::string::npos ||
         text.find("\ntransfer-encoding") != std::string::npos;
}

/// Ours waits for more: whatever comes, it must not take for a request what the other has not.
void compare_partial(std::string_view input, const Message& ours, const Message& theirs) {
  if (!ours.has_head && theirs.has_head) {
    // It saw the end of a head in a bare CR or LF; ours refuses that as soon as its line ends.
    if (read_ours(std::string(input) + "\r\n\r\n").state != Message::State::Refused) {
      report("a head that ours does not see the end of", ours, theirs);
    }
  } else if (ours.has_head && theirs.has_head && !theirs.body.starts_with(ours.body)) {
    report("another body so far", ours, theirs);
  }
}

/// @return whether there may be another message behind this one
bool compare(std::string_view input, const Message& ours, const Message& theirs) {
  using State = Message::State;
  if (ours.state == State::Refused) {
    // Only who read a whole message took something for a request.
    if (theirs.state == State::Whole &&
        std::ranges::find(kStricter, ours.reason) == kStricter.end()) {
      report("refused for a reason that is not on the list", ours, theirs);
    }
    return false;
  }
  if (ours.state == State::Partial) {
    compare_partial(input, ours, theirs);
  }
  if (!ours.has_head) {
    return false;
  }
  if (theirs.state == State::Refused && !theirs.has_head) {
    const bool is_framing = std::ranges::find(kNoFraming, theirs.error) == kNoFraming.end();
    // Behind a length it takes blanks but no tabs (RFC 9110 §5.6.3 has both).
    const bool is_tab =
        theirs.error == HPE_INVALID_CONTENT_LENGTH && input.find('\t') != std::string_view::npos;
    if (is_framing && !is_tab && !has_lookalike(ours.fields)) {
      report("ours accepts a head that the other refuses", ours, theirs);
    }
    return false;
  }
  if (!theirs.has_head || ours.fields != theirs.fields || ours.is_chunked != theirs.is_chunked ||
      ours.length != theirs.length) {
    report("another head", ours, theirs);
  }
  if (ours.state == State::Partial) {
    return false;
  }
  const bool is_their_mistake =
      has_lookalike(ours.fields) ||
      (ours.is_chunked && ours.body == theirs.body && has_framing_trailers(input));
  if (theirs.state == State::Refused && is_their_mistake) {
    return false;
  }
  if (theirs.state != State::Whole || ours.body != theirs.body || ours.end != theirs.end) {
    report("another message", ours, theirs);
  }
  return ours.keep_alive;
}

}  // namespace
}  // namespace whorl::wire::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl::wire::http1;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    // Copies of exactly these bytes, so that the sanitizer sees every byte beyond.
    const std::string input(rest);
    const Message ours = read_ours(input);
    if (!compare(input, ours, read_theirs(input))) {
      break;
    }
    rest.remove_prefix(ours.end);
  }
  return 0;
}
