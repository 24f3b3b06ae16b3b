/// Reading the head of an HTTP/1.x request: strict, incremental, without copies.
///
/// Two steps. HeadScanner finds the end of the head while bytes arrive, looking at each byte once;
/// parse_request_head() then reads the whole head into views of the buffer. parse_usual_head() is
/// both in one for heads as nearly all are.
///
/// Refused with 400: bare LF or CR, obs-fold, a blank before a colon, bytes outside the grammar,
/// anything but one space in the request line, a missing, repeated or malformed Host in HTTP/1.1,
/// a repeated or malformed Content-Length, Content-Length beside Transfer-Encoding,
/// Transfer-Encoding that does not end in chunked or in HTTP/1.0, CONNECT. 414: target too long.
/// 417: an unknown expectation. 431: too many or too long fields. 501: a transfer coding before
/// chunked. 505: a version other than 1.0 and 1.1.
///
/// @spec RFC 9112 §2.2 (line ends), §3 (request line, target, Host), §5 (fields), §6 (framing).
/// @thread any (values)
#pragma once

#include "wire/http1/syntax.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace whorl::wire::http1 {

/// What a request head may be at most.
struct HeadLimits {
  std::size_t target_bytes = 65'534;     ///< longer: 414
  std::size_t fields_bytes = 64 * 1024;  ///< all field lines with their ends; longer: 431
  std::size_t fields = 100;              ///< more: 431
};

/// Why a request is refused: the status to answer with, and words for a log.
struct Refusal {
  std::uint16_t status = 400;
  std::string_view reason;
};

enum class Version : std::uint8_t { Http10, Http11 };
enum class Framing : std::uint8_t { None, Length, Chunked };

/// Finds where a head ends. The caller keeps all bytes from the first one of the head in one
/// buffer, appends to it, and calls scan() again.
class HeadScanner {
 public:
  enum class State : std::uint8_t { NeedMore, Complete, Refused };

  State scan(std::string_view buffer, const HeadLimits& limits) noexcept;

  /// After Complete: where the request line begins (behind empty lines) and where the head ends.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return scanned_; }
  /// A byte of the head has arrived (empty lines before it do not count).
  [[nodiscard]] bool has_started() const noexcept { return started_; }
  /// Nothing has been scanned: the head may be read some other way.
  [[nodiscard]] bool is_fresh() const noexcept { return scanned_ == 0; }
  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }

 private:
  State refuse(std::uint16_t status, std::string_view reason) noexcept;
  State end_line(std::string_view buffer, const HeadLimits& limits) noexcept;
  State check_unfinished(std::string_view buffer, const HeadLimits& limits) noexcept;

  std::size_t begin_ = 0;         ///< of the request line
  std::size_t line_begin_ = 0;    ///< of the line being scanned
  std::size_t scanned_ = 0;       ///< everything before this has been looked at
  std::size_t fields_begin_ = 0;  ///< of the first field line
  std::uint32_t lines_ = 0;       ///< complete lines of the head
  bool started_ = false;
  bool line_checked_ = false;  ///< the request line was looked at early
  Refusal refusal_;
};

/// The head of a request, as views into the buffer it was parsed from.
struct RequestHead {
  std::string_view method;  ///< any token, case kept
  Version version = Version::Http11;
  std::string_view path_and_query;  ///< begins with "/", or is "*"
  std::string_view authority;       ///< of an absolute target, else of Host; empty only in HTTP/1.0
  bool https_target = false;        ///< the target was absolute with the scheme https
  std::vector<FieldView> fields;
  std::string_view field_lines;  ///< all of them as they came, each with its CRLF
  Framing framing = Framing::None;
  std::uint64_t content_length = 0;  ///< with Framing::Length
  bool keep_alive = true;            ///< the client wants the connection to stay (RFC 9112 §9.3)
  bool asks_keep_alive = false;      ///< it said so in a Connection field
  bool expects_continue = false;     ///< RFC 9110 §10.1.1; never in HTTP/1.0
};

/// Reads a complete head: from the request line to the empty line, inclusive.
///
/// @param out  overwritten; reusing one keeps its memory. Valid only on success.
/// @return     nothing on success
[[nodiscard]] std::optional<Refusal> parse_request_head(
    std::string_view head, const HeadLimits& limits, RequestHead& out
);

/// Reads a head from its first byte on, if it is complete and as heads usually are; says nothing
/// about others. What it takes, HeadScanner and parse_request_head() take too, and read the same.
///
/// @param text  may go on behind the head
/// @param out   as of parse_request_head()
/// @return      where the head ends; 0 if the long way must be taken
[[nodiscard]] std::size_t parse_usual_head(
    std::string_view text, const HeadLimits& limits, RequestHead& out
);

/// Bytes that a path and query may have: printable ASCII without a fragment. Some clients send
/// UTF-8 unescaped; guests get the path as text, so it must be well-formed at least.
[[nodiscard]] bool is_path_and_query(std::string_view text) noexcept;
/// RFC 9110 §7.2, RFC 3986 §3.2.2: a non-empty host with an optional port.
[[nodiscard]] bool is_host(std::string_view text) noexcept;
/// 1*DIGIT up to 2^63 - 1 (RFC 9110 §8.6).
[[nodiscard]] std::optional<std::uint64_t> parse_content_length(std::string_view text) noexcept;

}  // namespace whorl::wire::http1
