/// What a failure of the database interfaces is, for spans: PostgreSQL's and MySQL's errors have
/// the same cases.
#pragma once

#include "base/error.hpp"

namespace whorl::host {

/// @tparam E  an error of one of the interfaces
template <class E>
[[nodiscard]] ErrorKind sql_failure(const E& error) noexcept {
  switch (error.tag) {
    case E::Tag::ConnectionFailed:
      return ErrorKind::Unavailable;
    case E::Tag::BadParameter:
    case E::Tag::QueryFailed:
      return ErrorKind::InvalidInput;
    case E::Tag::ValueConversionFailed:
      return ErrorKind::Unsupported;
    default:
      return ErrorKind::Internal;
  }
}

}  // namespace whorl::host
