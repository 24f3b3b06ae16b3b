/// What a client asks of a representation that it may have already, or wants a part of: validators,
/// dates, ranges, encodings. Decisions only. @thread any
///
/// @spec RFC 9110 §8.8 (validators), §13 (conditions), §14 (ranges), §12.5.3 (accept-encoding)
#pragma once

#include "http/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::http {

/// A representation as conditions see it.
struct Validators {
  std::string etag;           ///< strong, with its quotes
  std::int64_t modified = 0;  ///< seconds since 1970
};

/// What a request comes to.
enum class Condition : std::uint8_t {
  Proceed,
  NotModified,         ///< 304
  PreconditionFailed,  ///< 412
};
/// Looks at if-match, if-unmodified-since, if-none-match and if-modified-since, in the order of
/// RFC 9110 §13.2.2, for GET and HEAD.
[[nodiscard]] Condition evaluate(const Fields& request, const Validators& validators);

/// Bytes `first` to `last`, both included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const ByteRange&) const = default;
};
struct RangeChoice {
  enum class Kind : std::uint8_t { Whole, Part, Unsatisfiable };
  Kind kind = Kind::Whole;
  ByteRange range{};
  bool operator==(const RangeChoice&) const = default;
};
/// Looks at range and if-range. More than one range, and what is no range, is answered with the
/// whole, as §14.2 allows. @param size  of the representation
[[nodiscard]] RangeChoice choose_range(
    const Fields& request, const Validators& validators, std::uint64_t size
);

/// Seconds since 1970 of a date in the form that is sent today (IMF-fixdate); nothing else is read.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

/// Whether the client takes a content coding ("br", "gzip"): named, or meant by "*", with a weight
/// that is not zero.
[[nodiscard]] bool accepts_coding(const Fields& request, std::string_view coding) noexcept;

}  // namespace whorl::http
