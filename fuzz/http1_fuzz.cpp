// Requests as a stream: whatever the bytes, nothing is read outside them, and how they are split
// does not change what they mean.
#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/response.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace whorl::wire::http1 {
namespace {

/// Reads requests from a stream that grows piece by piece, and writes down what it saw.
class Reader {
 public:
  /// @param piece_seed  0: everything at once; else the sizes of the pieces follow from it
  Reader(std::string_view stream, std::uint32_t piece_seed)
      : stream_(stream), piece_seed_(piece_seed) {}

  std::string run() {
    while (!ended_) {
      // A copy of exactly the bytes there are, so that the sanitizer sees every byte beyond.
      const std::string input(stream_.substr(used_, available_ - used_));
      if (!step(input) && !grow()) {
        trace_ += "more";
        break;
      }
    }
    return trace_;
  }

 private:
  bool grow() {
    if (available_ == stream_.size()) {
      return false;
    }
    std::size_t piece = stream_.size();
    if (piece_seed_ != 0) {
      piece_seed_ = piece_seed_ * 1664525U + 1013904223U;
      piece = 1 + (piece_seed_ >> 24) % 17;
    }
    available_ = std::min(stream_.size(), available_ + piece);
    return true;
  }

  void end(std::string_view why) {
    trace_.append(why);
    ended_ = true;
  }

  bool step(std::string_view input) { return in_body_ ? step_body(input) : step_head(input); }

  /// @return whether anything was used up
  bool step_head(std::string_view input) {
    RequestHead head;
    // The short way and, piece by piece, mostly the long one: they must see the same.
    if (scanner_.is_fresh()) {
      if (const std::size_t end = parse_usual_head(input, limits_, head); end != 0) {
        return take_head(head, end);
      }
    }
    switch (scanner_.scan(input, limits_)) {
      case HeadScanner::State::NeedMore:
        return false;
      case HeadScanner::State::Refused:
        end("refused");
        return true;
      case HeadScanner::State::Complete:
        break;
    }
    const std::string_view lines =
        input.substr(scanner_.begin(), scanner_.end() - scanner_.begin());
    if (parse_request_head(lines, limits_, head)) {
      end("refused");
      return true;
    }
    return take_head(head, scanner_.end());
  }

  bool take_head(const RequestHead& head, std::size_t end) {
    trace_.append(head.method).append(" ").append(head.path_and_query).append(" ");
    trace_.append(head.authority).append(head.keep_alive ? " keep\n" : " close\n");
    for (const FieldView& field : head.fields) {
      append_field(trace_, field.name, field.value);
    }
    if (head.framing == Framing::Length) {
      append_content_length(trace_, head.content_length);
    }
    used_ += end;
    scanner_ = {};
    decoder_ = BodyDecoder(head.framing, head.content_length, chunk_limits_);
    in_body_ = true;
    return true;
  }

  bool step_body(std::string_view input) {
    const BodyDecoder::Step step = decoder_.decode(input, 1 + piece_seed_ % 31);
    trace_.append(step.data);
    used_ += step.consumed;
    switch (step.state) {
      case BodyDecoder::State::NeedMore:
        return false;
      case BodyDecoder::State::Bad:
        end("bad");
        return true;
      case BodyDecoder::State::End:
        for (const FieldView& field : decoder_.trailers()) {
          append_field(trace_, field.name, field.value);
        }
        trace_.append("\n--\n");
        in_body_ = false;
        return true;
      case BodyDecoder::State::Data:
        return true;
      case BodyDecoder::State::Full:
        std::abort();  // there is always room
    }
    return false;
  }

  std::string_view stream_;
  std::uint32_t piece_seed_;
  HeadLimits limits_{.target_bytes = 200, .fields_bytes = 400, .fields = 10};
  ChunkLimits chunk_limits_{.extension_bytes = 30, .trailer_bytes = 60, .trailers = 3};
  HeadScanner scanner_;
  BodyDecoder decoder_;
  std::size_t used_ = 0;
  std::size_t available_ = 0;
  bool in_body_ = false;
  bool ended_ = false;
  std::string trace_;
};

}  // namespace
}  // namespace whorl::wire::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using whorl::wire::http1::Reader;
  if (size < 1) {
    return 0;
  }
  const std::uint32_t seed = data[0] + 1U;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Reader(stream, 0).run();
  const std::string split = Reader(stream, seed).run();
  if (whole != split) {
    std::abort();
  }
  return 0;
}
