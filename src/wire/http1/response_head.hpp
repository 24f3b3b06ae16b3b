/// Reading the head of an HTTP/1.x response: bounded, incremental, without copies.
///
/// Two steps, as for requests: ResponseScanner finds the end of the head while bytes arrive,
/// parse_response_head() reads it into views of the buffer. A reader of responses has nobody behind
/// it who could be fed a smuggled message, so it takes two things that servers do and RFC 9112 lets
/// recipients take: lines that end in LF alone and status lines without a phrase. A connection on
/// which framing is in doubt (bare LF, several content-lengths, both length and coding) is not used
/// again, or the response is refused.
///
/// @spec RFC 9112 §2.2 (line ends), §4 (status line), §5 (fields), §6.3 (body length).
/// @thread any (values)
#pragma once

#include "wire/http1/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace whorl::wire::http1 {

/// What a response head may be at most.
struct ResponseLimits {
  std::size_t head_bytes = 128 * 1024;
  std::size_t fields = 256;
};

/// Finds where a head ends. The caller keeps all bytes from its first one in one buffer, appends to
/// it, and calls scan() again.
class ResponseScanner {
 public:
  enum class State : std::uint8_t {
    NeedMore,
    Complete,
    Malformed,  ///< these bytes begin no HTTP response
    TooLong,
  };
  State scan(std::string_view buffer, const ResponseLimits& limits) noexcept;
  /// After Complete: how long the head is, empty line included.
  [[nodiscard]] std::size_t end() const noexcept { return scanned_; }

 private:
  std::size_t line_begin_ = 0;  ///< of the line being scanned
  std::size_t scanned_ = 0;     ///< everything before this has been looked at
};

/// How the end of a response's body is told.
enum class ResponseFraming : std::uint8_t { None, Length, Chunked, UntilClose };

/// The head of a response, as views into the buffer it was parsed from.
struct ResponseHead {
  Version version = Version::Http11;
  std::uint16_t status = 0;  ///< 100 to 999
  std::vector<FieldView> fields;
  ResponseFraming framing = ResponseFraming::None;
  std::uint64_t content_length = 0;  ///< with ResponseFraming::Length
  bool keep_alive = false;           ///< the connection may be used again after the body
};

/// What of the request decides how its response is framed.
enum class RequestKind : std::uint8_t { Other, Head };

/// Reads a complete head: from the status line to the empty line, inclusive.
///
/// @param out  overwritten; reusing one keeps its memory. Valid only on success.
/// @return     nothing on success, else words for a log
[[nodiscard]] std::optional<std::string_view> parse_response_head(
    std::string_view head, RequestKind request, const ResponseLimits& limits, ResponseHead& out
);

}  // namespace whorl::wire::http1
