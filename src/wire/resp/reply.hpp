/// The Redis protocol, as a client sees it: commands out, replies in.
///
/// Version 2, and of version 3 what a server may send to a client that asked for it by hand: null,
/// boolean, double, big number, set, bulk error. Maps, attributes, verbatim texts and pushes are
/// refused. A reply's bytes, elements and depth are bounded, whatever it announces.
/// @thread any (values) @spec Redis serialization protocol specification, RESP2 and RESP3
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::wire::resp {

struct Reply {
  enum class Kind : std::uint8_t {
    Nil,
    Status,   ///< `text`: a short line, "OK"
    Error,    ///< `text`: a code, a blank, words
    Integer,  ///< `integer`; a boolean is 0 or 1
    Bulk,     ///< `text`: any bytes; a double or a big number as its text
    Array,    ///< `items`; a set too
  };
  Kind kind = Kind::Nil;
  std::int64_t integer = 0;
  std::string text{};
  std::vector<Reply> items{};

  [[nodiscard]] bool operator==(const Reply&) const = default;
};

struct ReplyLimits {
  /// Of one reply: its texts, and something for each element.
  std::uint64_t bytes = std::uint64_t{128} << 20;
  std::size_t depth = 32;
};

/// Reads one reply after the other from bytes that come in pieces.
class ReplyReader {
 public:
  explicit ReplyReader(const ReplyLimits& limits = {}) noexcept : limits_(limits) {}

  /// Takes bytes up to the end of a reply; what is behind it is the next one's.
  ///
  /// @return how many bytes were taken; errors: Corrupt (no such protocol), Unsupported,
  ///         ResourceLimit. After an error nothing more can be read
  [[nodiscard]] Result<std::size_t> read(ByteView input);
  [[nodiscard]] bool is_done() const noexcept { return done_; }
  /// No byte of another reply was taken.
  [[nodiscard]] bool is_at_start() const noexcept {
    return open_.empty() && line_.empty() && !in_bulk_ && !done_;
  }
  /// The reply; the reader goes on with the next. Only when is_done().
  [[nodiscard]] Reply take();

 private:
  /// An array whose elements are being read.
  struct Open {
    Reply reply;
    std::uint64_t left = 0;
  };

  [[nodiscard]] Result<std::size_t> read_line(ByteView input);
  [[nodiscard]] Result<std::size_t> read_bulk(ByteView input);
  /// A whole line, without its end.
  [[nodiscard]] Result<> on_line(std::string_view line);
  [[nodiscard]] Result<> on_length(char type, std::string_view digits);
  [[nodiscard]] Result<> charge(std::uint64_t bytes);
  /// A value is whole; so may be the arrays around it.
  void add(Reply value);

  ReplyLimits limits_;
  std::uint64_t used_ = 0;
  std::vector<Open> open_;
  std::string line_;  ///< the beginning of a line whose end has not come
  Reply bulk_;
  std::uint64_t bulk_left_ = 0;  ///< its end of line included
  bool in_bulk_ = false;
  bool done_ = false;
  Reply result_;
};

/// Appends a command: its name and arguments as an array of bulk strings.
void append_command(std::string& out, std::span<const std::string_view> words);

}  // namespace whorl::wire::resp
