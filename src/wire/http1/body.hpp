/// Message bodies of HTTP/1.1: decoding by length or chunks, encoding chunks.
///
/// @spec RFC 9112 §6.2, §7.1. @thread any (values)
#pragma once

#include "wire/http1/request.hpp"
#include "wire/http1/syntax.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::wire::http1 {

/// What a chunked body may spend beside its data.
struct ChunkLimits {
  std::size_t extension_bytes = 16 * 1024;  ///< over the whole body
  std::size_t trailer_bytes = 16 * 1024;
  std::size_t trailers = 100;
};

/// Takes a body apart, however its bytes are split.
class BodyDecoder {
 public:
  enum class State : std::uint8_t {
    NeedMore,  ///< all input was consumed
    Data,      ///< `data` holds bytes of the body; call again
    Full,      ///< bytes of the body are there, but max_data was 0
    End,       ///< the body is complete; input behind `consumed` is the next request's
    Bad,       ///< malformed or over a limit; nothing can follow on this connection
  };
  struct Step {
    State state;
    std::size_t consumed;   ///< bytes to drop from the front of the input, `data` included
    std::string_view data;  ///< a part of the input
  };

  /// A body that has ended.
  BodyDecoder() = default;
  BodyDecoder(Framing framing, std::uint64_t length, ChunkLimits limits = {});

  /// @param max_data  how many body bytes the caller can take
  [[nodiscard]] Step decode(std::string_view input, std::size_t max_data);

  [[nodiscard]] bool is_ended() const noexcept { return phase_ == Phase::Ended; }
  /// The same for input that is known to be data: so many bytes of it, at most data_rest().
  void pass_data(std::uint64_t count);
  /// How many bytes that follow are data for certain.
  [[nodiscard]] std::uint64_t data_rest() const noexcept {
    return phase_ == Phase::Length || phase_ == Phase::Data ? rest_ : 0;
  }
  /// Bytes of the body still to come, as far as they are known: exact with a length, else the rest
  /// of the present chunk.
  [[nodiscard]] std::uint64_t known_rest() const noexcept { return rest_; }
  /// After End: the trailers, without those that frame, route or authenticate (RFC 9110 §6.5.1).
  /// Views into this object.
  [[nodiscard]] std::vector<FieldView> trailers() const;
  /// For a log, after Bad.
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

 private:
  enum class Phase : std::uint8_t {
    Length,
    SizeStart,
    Size,
    SizeBlank,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    Ended,
    Failed,
  };

  Step take_data(std::string_view input, std::size_t at, std::size_t max_data);
  bool take_framing(char c);
  bool take_size(char c);
  bool end_digits(char c);
  bool end_size();
  bool end_trailer_line();
  bool refuse(std::string_view reason);

  Phase phase_ = Phase::Ended;
  bool chunked_ = false;
  std::uint8_t size_digits_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::uint64_t rest_ = 0;
  ChunkLimits limits_;
  std::string trailer_lines_;  ///< each ended by LF
  std::size_t trailer_line_begin_ = 0;
  std::size_t trailer_count_ = 0;
  std::string_view reason_;
};

/// True for fields that must not come as trailers: framing, routing, authentication, and how the
/// content is to be read (RFC 9110 §6.5.1).
[[nodiscard]] bool is_forbidden_trailer(std::string_view name) noexcept;

/// The line before a chunk's data: hexadecimal size and CRLF.
struct ChunkSize {
  std::array<char, 18> text;
  std::uint8_t length;
  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), length}; }
};
/// @param size  not 0, which would end the body
[[nodiscard]] ChunkSize encode_chunk_size(std::size_t size) noexcept;

}  // namespace whorl::wire::http1
