#include "wire/http1/body.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace whorl::wire::http1 {
namespace {

// 2^60 bytes in one chunk are enough for everybody and keep the sum within 64 bits.
constexpr std::uint8_t kSizeDigits = 15;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t length, ChunkLimits limits)
    : limits_(limits) {
  if (framing == Framing::Chunked) {
    phase_ = Phase::SizeStart;
    chunked_ = true;
  } else if (framing == Framing::Length && length > 0) {
    phase_ = Phase::Length;
    rest_ = length;
  }
}

bool BodyDecoder::refuse(std::string_view reason) {
  phase_ = Phase::Failed;
  reason_ = reason;
  return false;
}

BodyDecoder::Step BodyDecoder::take_data(
    std::string_view input, std::size_t at, std::size_t max_data
) {
  const std::uint64_t possible = std::min<std::uint64_t>(input.size() - at, max_data);
  const auto count = static_cast<std::size_t>(std::min(possible, rest_));
  if (count == 0) {
    return {at == input.size() ? State::NeedMore : State::Full, at, {}};
  }
  pass_data(count);
  return {State::Data, at + count, input.substr(at, count)};
}

void BodyDecoder::pass_data(std::uint64_t count) {
  WHORL_CHECK(count <= data_rest(), "more data than the framing has", count);
  rest_ -= count;
  if (rest_ == 0) {
    phase_ = chunked_ ? Phase::DataCr : Phase::Ended;
  }
}

BodyDecoder::Step BodyDecoder::decode(std::string_view input, std::size_t max_data) {
  std::size_t at = 0;
  while (true) {
    if (phase_ == Phase::Ended) {
      return {State::End, at, {}};
    }
    if (phase_ == Phase::Failed) {
      return {State::Bad, at, {}};
    }
    if (phase_ == Phase::Data || phase_ == Phase::Length) {
      return take_data(input, at, max_data);
    }
    if (at == input.size()) {
      return {State::NeedMore, at, {}};
    }
    if (!take_framing(input[at++])) {
      return {State::Bad, at, {}};
    }
  }
}

bool BodyDecoder::take_size(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++size_digits_ > kSizeDigits) {
      return refuse("a chunk size is too long");
    }
    rest_ = rest_ * 16 + static_cast<unsigned>(digit);
    phase_ = Phase::Size;
    return true;
  }
  if (phase_ == Phase::SizeStart) {
    return refuse("a chunk has no size");
  }
  return end_digits(c);
}

/// What may stand behind the digits of a size: an extension, or blanks, as some pad it. Nothing
/// else: two parsers would not read the same size (RFC 9112 §7.1.1).
bool BodyDecoder::end_digits(char c) {
  if (c == '\r') {
    phase_ = Phase::SizeEnd;
    return true;
  }
  if (c == ' ' || c == ';') {
    phase_ = c == ' ' ? Phase::SizeBlank : Phase::Extension;
    return ++extension_bytes_ <= limits_.extension_bytes || refuse("chunk extensions too long");
  }
  return refuse("malformed chunk size");
}

bool BodyDecoder::end_size() {
  phase_ = rest_ == 0 ? Phase::TrailerStart : Phase::Data;
  size_digits_ = 0;
  return true;
}

bool BodyDecoder::end_trailer_line() {
  const std::string_view line = std::string_view(trailer_lines_).substr(trailer_line_begin_);
  if (!parse_field_line(line)) {
    return refuse("malformed trailer");
  }
  if (++trailer_count_ > limits_.trailers) {
    return refuse("too many trailers");
  }
  trailer_lines_.push_back('\n');
  trailer_line_begin_ = trailer_lines_.size();
  phase_ = Phase::TrailerStart;
  return true;
}

bool BodyDecoder::take_framing(char c) {
  switch (phase_) {
    case Phase::SizeStart:
    case Phase::Size:
      return take_size(c);
    case Phase::SizeBlank:
      return end_digits(c);
    case Phase::Extension:
      if (c == '\r') {
        phase_ = Phase::SizeEnd;
        return true;
      }
      if (!is_field_content({&c, 1})) {
        return refuse("malformed chunk extension");
      }
      return ++extension_bytes_ <= limits_.extension_bytes || refuse("chunk extensions too long");
    case Phase::SizeEnd:
      return c == '\n' ? end_size() : refuse("a chunk size ends in a bare CR");
    case Phase::DataCr:
      phase_ = Phase::DataLf;
      return c == '\r' || refuse("a chunk is longer than its size");
    case Phase::DataLf:
      phase_ = Phase::SizeStart;
      return c == '\n' || refuse("a chunk ends in a bare CR");
    case Phase::TrailerStart:
      if (c == '\r') {
        phase_ = Phase::LastLf;
        return true;
      }
      phase_ = Phase::Trailer;
      [[fallthrough]];
    case Phase::Trailer:
      if (c == '\r') {
        phase_ = Phase::TrailerLf;
        return true;
      }
      if (trailer_lines_.size() >= limits_.trailer_bytes) {
        return refuse("the trailers are too long");
      }
      if (c == '\n') {
        return refuse("a trailer ends in a bare LF");
      }
      trailer_lines_.push_back(c);
      return true;
    case Phase::TrailerLf:
      return c == '\n' ? end_trailer_line() : refuse("a trailer contains a bare CR");
    case Phase::LastLf:
      phase_ = Phase::Ended;
      return c == '\n' || refuse("the last chunk ends in a bare CR");
    default:
      return refuse("no framing is expected here");
  }
}

std::vector<FieldView> BodyDecoder::trailers() const {
  std::vector<FieldView> fields;
  std::string_view lines = trailer_lines_;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (const auto field = parse_field_line(lines.substr(0, end));
        field && !is_forbidden_trailer(field->name)) {
      fields.push_back(*field);
    }
    lines.remove_prefix(end + 1);
  }
  return fields;
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 21> kForbidden = {
      "authorization",
      "cache-control",
      "connection",
      "content-encoding",
      "content-length",
      "content-range",
      "content-type",
      "cookie",
      "expect",
      "host",
      "keep-alive",
      "max-forwards",
      "proxy-authenticate",
      "proxy-authorization",
      "proxy-connection",
      "set-cookie",
      "te",
      "trailer",
      "transfer-encoding",
      "upgrade",
      "www-authenticate",
  };
  return std::any_of(kForbidden.begin(), kForbidden.end(), [name](std::string_view forbidden) {
    return equals_lower(name, forbidden);
  });
}

ChunkSize encode_chunk_size(std::size_t size) noexcept {
  ChunkSize chunk{};
  unsigned digits = 1;
  while (digits < 16 && (size >> (4 * digits)) != 0) {
    ++digits;
  }
  for (unsigned i = 0; i < digits; ++i) {
    chunk.text[i] = "0123456789abcdef"[(size >> (4 * (digits - 1 - i))) & 15];
  }
  chunk.text[digits] = '\r';
  chunk.text[digits + 1] = '\n';
  chunk.length = static_cast<std::uint8_t>(digits + 2);
  return chunk;
}

}  // namespace whorl::wire::http1
