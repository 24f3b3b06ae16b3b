// Responses of HTTP/1.1 as the client reads them: head, then body by its framing. Whatever the
// bytes are, they are read to the same end in one piece and in many.
#include "wire/http1/body.hpp"
#include "wire/http1/response_head.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace whorl::wire::http1 {
namespace {

constexpr ResponseLimits kLimits{.head_bytes = 400, .fields = 10};

/// Reads responses until the bytes are used up or make no sense, and says what it saw.
class Reader {
 public:
  /// @param piece_seed  0: everything at once
  Reader(std::string_view stream, std::uint32_t piece_seed, RequestKind kind)
      : stream_(stream), seed_(piece_seed), kind_(kind) {}

  std::string run() {
    while (!ended_) {
      const bool moved = body_framing_ == ResponseFraming::None ? read_head() : read_body();
      if (!moved && !offer_more()) {
        break;
      }
    }
    return trace_ + (body_framing_ == ResponseFraming::UntilClose ? "|eof" : "");
  }

 private:
  [[nodiscard]] std::string_view input() const { return stream_.substr(used_, available_ - used_); }
  bool offer_more() {
    if (available_ == stream_.size()) {
      return false;
    }
    std::size_t more = stream_.size();
    if (seed_ != 0) {
      seed_ = seed_ * 1664525U + 1013904223U;
      more = 1 + (seed_ >> 16) % 7;
    }
    available_ = std::min(stream_.size(), available_ + more);
    return true;
  }

  bool read_head() {
    // A copy: input does not stay where it was.
    const std::string text(input());
    switch (scanner_.scan(text, kLimits)) {
      case ResponseScanner::State::NeedMore:
        return false;
      case ResponseScanner::State::Malformed:
        return end("malformed");
      case ResponseScanner::State::TooLong:
        return end("too long");
      case ResponseScanner::State::Complete:
        break;
    }
    if (scanner_.end() > text.size() || scanner_.end() > kLimits.head_bytes) {
      std::abort();
    }
    ResponseHead head;
    const std::string_view lines = std::string_view(text).substr(0, scanner_.end());
    if (const auto refused = parse_response_head(lines, kind_, kLimits, head)) {
      return end(*refused);
    }
    if (head.status < 100 || head.status > 999 || head.fields.size() > kLimits.fields) {
      std::abort();
    }
    trace_ += "|" + std::to_string(head.status);
    for (const FieldView& field : head.fields) {
      trace_.append(" ").append(field.name).append("=").append(field.value);
    }
    used_ += scanner_.end();
    scanner_ = {};
    body_framing_ = head.framing;
    if (head.framing == ResponseFraming::Length || head.framing == ResponseFraming::Chunked) {
      decoder_ = BodyDecoder(
          head.framing == ResponseFraming::Length ? Framing::Length : Framing::Chunked,
          head.content_length,
          {.extension_bytes = 30, .trailer_bytes = 60, .trailers = 3}
      );
    }
    return true;
  }

  bool read_body() {
    if (body_framing_ == ResponseFraming::UntilClose) {
      trace_.append(input());
      const bool moved = !input().empty();
      used_ = available_;
      return moved;
    }
    const std::string text(input());
    const auto step = decoder_.decode(text, text.size());
    trace_.append(step.data);
    used_ += step.consumed;
    switch (step.state) {
      case BodyDecoder::State::NeedMore:
        return false;
      case BodyDecoder::State::Data:
        return true;
      case BodyDecoder::State::End:
        body_framing_ = ResponseFraming::None;
        return true;
      case BodyDecoder::State::Bad:
        return end("bad body");
      case BodyDecoder::State::Full:
        std::abort();  // there is always room
    }
    return false;
  }

  bool end(std::string_view why) {
    ended_ = true;
    trace_.append("|").append(why);
    return true;
  }

  std::string_view stream_;
  std::uint32_t seed_;
  RequestKind kind_;
  ResponseScanner scanner_;
  BodyDecoder decoder_;
  ResponseFraming body_framing_ = ResponseFraming::None;
  std::size_t used_ = 0;
  std::size_t available_ = 0;
  bool ended_ = false;
  std::string trace_;
};

}  // namespace
}  // namespace whorl::wire::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using whorl::wire::http1::Reader;
  using whorl::wire::http1::RequestKind;
  if (size < 1) {
    return 0;
  }
  const auto kind = (data[0] & 1) != 0 ? RequestKind::Head : RequestKind::Other;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Reader(stream, 0, kind).run();
  const std::string split = Reader(stream, data[0] + 1U, kind).run();
  if (whole != split) {
    std::abort();
  }
  return 0;
}
