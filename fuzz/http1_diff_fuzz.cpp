// The same bytes before two parsers of requests: ours and http_parser, which others have written
// (docs/adr/0046). What ours accepts the other must read as the same messages: the same fields, the
// same framing, the same bodies, ends at the same byte. What ours refuses and the other accepts
// must be refused for a reason of the list below: a new one is a finding.
#include "http1_diff_support.hpp"

#include "wire/http1/request.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

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
  read_body(input, scanner.end(), BodyDecoder(head.framing, head.content_length), out);
  return out;
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
    if (theirs.state == State::Whole && !is_on(kStricter, ours.reason)) {
      report("refused for a reason that is not on the list", ours, theirs);
    }
    return false;
  }
  if (ours.has_head && theirs.state == State::Refused &&
      (has_lookalike(ours.fields) || is_about_tab(input, theirs.error))) {
    return false;
  }
  if (ours.state == State::Partial) {
    compare_partial(input, ours, theirs);
  }
  if (!ours.has_head) {
    return false;
  }
  if (theirs.state == State::Refused && !theirs.has_head) {
    if (std::ranges::find(kNoFraming, theirs.error) == kNoFraming.end()) {
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
  if (theirs.state == State::Refused && ours.is_chunked && ours.body == theirs.body &&
      has_framing_trailers(input)) {
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
    if (!compare(input, ours, Theirs(false, false).read(input))) {
      break;
    }
    rest.remove_prefix(ours.end);
  }
  return 0;
}
