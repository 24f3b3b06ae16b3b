// The same bytes before two parsers of responses: ours, of the outgoing client, and http_parser
// (docs/adr/0046). What ours accepts the other must read as the same messages: the same status, the
// same fields, the same framing, the same bodies, ends at the same byte; and a connection that ours
// would use again the other must not want to close. What ours refuses and the other accepts must be
// refused for a reason of the list below: a new one is a finding.
#include "http1_diff_support.hpp"

#include "wire/http1/response_head.hpp"

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
    // An answer begins with a status line of HTTP/1.x, at once (RFC 9112 §4).
    "no response"sv,
    "malformed status line"sv,
    "HTTP version not supported"sv,
    "malformed status code"sv,
    "malformed phrase"sv,
    // Field lines are lines of a field: no blank before the colon, no folding, no control bytes
    // (§5).
    "malformed field line"sv,
    "malformed trailer"sv,
    "a trailer ends in a bare LF"sv,
    "a trailer contains a bare CR"sv,
    // A coding is chunked, once, in HTTP/1.1, and has no length beside it (§6.1, §6.3).
    "unknown transfer coding"sv,
    "transfer-encoding beside content-length or in HTTP/1.0"sv,
    "malformed or contradicting content-length"sv,
    // Chunks (§7.1).
    "a chunk has no size"sv,
    "malformed chunk size"sv,
    "malformed chunk extension"sv,
    "a chunk size ends in a bare CR"sv,
    "a line ends in a bare LF"sv,
    "a chunk is longer than its size"sv,
    "a chunk ends in a bare CR"sv,
    "the last chunk ends in a bare CR"sv,
    // Limits, which the other has one of, for the whole head.
    "too long"sv,
    "too many field lines"sv,
    "a chunk size is too long"sv,
    "chunk extensions too long"sv,
    "the trailers are too long"sv,
    "too many trailers"sv,
};

struct Ours {
  Message message;
  bool has_body = false;  ///< some framing; else there is no content (RFC 9112 §6.3, 1 and 2)
};

Ours read_ours(std::string_view input, RequestKind kind) {
  Ours ours;
  Message& out = ours.message;
  constexpr ResponseLimits kLimits{};
  const auto refused = [&](std::string_view why) {
    out.state = Message::State::Refused;
    out.reason = why;
  };
  ResponseScanner scanner;
  switch (scanner.scan(input, kLimits)) {
    case ResponseScanner::State::NeedMore:
      return ours;
    case ResponseScanner::State::Malformed:
      refused("no response");
      return ours;
    case ResponseScanner::State::TooLong:
      refused("too long");
      return ours;
    case ResponseScanner::State::Complete:
      break;
  }
  ResponseHead head;
  if (const auto why = parse_response_head(input.substr(0, scanner.end()), kind, kLimits, head)) {
    refused(*why);
    return ours;
  }
  out.has_head = true;
  out.status = head.status;
  for (const FieldView& field : head.fields) {
    out.fields.emplace_back(lower(field.name), std::string(field.value));
  }
  out.keep_alive = head.keep_alive;
  ours.has_body = head.framing != ResponseFraming::None;
  switch (head.framing) {
    case ResponseFraming::None:
      out.state = Message::State::Whole;
      out.end = scanner.end();
      break;
    case ResponseFraming::UntilClose:
      out.state = Message::State::Whole;
      out.body = input.substr(scanner.end());
      out.end = input.size();
      break;
    case ResponseFraming::Length:
      out.length = head.content_length;
      read_body(input, scanner.end(), BodyDecoder(Framing::Length, head.content_length), out);
      break;
    case ResponseFraming::Chunked:
      out.is_chunked = true;
      read_body(input, scanner.end(), BodyDecoder(Framing::Chunked, 0), out);
      break;
  }
  return ours;
}

/// Two lengths that agree, which the other refuses; ours reads the answer (RFC 9110 §8.6) and the
/// connection no more. And framing of an answer without content, which ours has no use for.
bool is_about_unused_framing(const Ours& ours, http_errno error) {
  if (error != HPE_UNEXPECTED_CONTENT_LENGTH && error != HPE_INVALID_TRANSFER_ENCODING) {
    return false;
  }
  const auto lengths =
      std::ranges::count(ours.message.fields, "content-length", [](const auto& field) {
        return std::string_view(field.first);
      });
  return !ours.has_body || (lengths > 1 && !ours.message.keep_alive);
}

/// Several options of the connection in one line: the other does not know empty elements.
bool has_list_of_options(const Lines& fields) {
  return std::ranges::any_of(fields, [](const auto& field) {
    return field.first == "connection" && field.second.find(',') != std::string::npos;
  });
}

/// @return whether there may be another message behind this one
bool compare(std::string_view input, const Ours& read, const Message& theirs) {
  using State = Message::State;
  const Message& ours = read.message;
  if (ours.state == State::Refused) {
    if (theirs.state == State::Whole && !is_on(kStricter, ours.reason)) {
      report("refused for a reason that is not on the list", ours, theirs);
    }
    return false;
  }
  if (!ours.has_head) {
    return false;  // it waits for more, and nobody is behind it who could be fed something
  }
  if (theirs.state == State::Refused &&
      (has_lookalike(ours.fields) || is_about_tab(input, theirs.error) ||
       is_about_unused_framing(read, theirs.error))) {
    return false;
  }
  if (theirs.state == State::Refused && ours.is_chunked && ours.body == theirs.body &&
      has_framing_trailers(input)) {
    return false;
  }
  if (ours.is_chunked && !theirs.is_chunked &&
      (has_lookalike(ours.fields) || input.find('\t') != std::string_view::npos)) {
    return false;  // the same mistakes, for which it reads an answer until the connection closes
  }
  if (!theirs.has_head || ours.status != theirs.status || ours.fields != theirs.fields ||
      (read.has_body && (ours.is_chunked != theirs.is_chunked || ours.length != theirs.length))) {
    report("another head", ours, theirs);
  }
  if (ours.state == State::Partial) {
    if (!theirs.body.starts_with(ours.body)) {
      report("another body so far", ours, theirs);
    }
    return false;
  }
  if (theirs.state != State::Whole || ours.body != theirs.body || ours.end != theirs.end) {
    report("another message", ours, theirs);
  }
  if (ours.keep_alive && !theirs.keep_alive && !has_list_of_options(ours.fields) &&
      !(ours.is_chunked && has_framing_trailers(input))) {
    report("only ours would use the connection again", ours, theirs);
  }
  return ours.keep_alive || ours.status / 100 == 1;
}

}  // namespace
}  // namespace whorl::wire::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl::wire::http1;
  if (size < 1) {
    return 0;
  }
  const bool is_to_head = (data[0] & 1) != 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!rest.empty()) {
    // Copies of exactly these bytes, so that the sanitizer sees every byte beyond.
    const std::string input(rest);
    const Ours ours = read_ours(input, is_to_head ? RequestKind::Head : RequestKind::Other);
    if (!compare(input, ours, Theirs(true, is_to_head).read(input))) {
      break;
    }
    rest.remove_prefix(ours.message.end);
  }
  return 0;
}
