/// From the system's error codes to ours.
#pragma once

#include "base/error.hpp"

#include <string_view>
#include <system_error>

namespace boost::system {
class error_code;
}

namespace whorl::async {

/// The reaction a system error calls for. @thread any
[[nodiscard]] ErrorKind to_kind(const boost::system::error_code& code) noexcept;
[[nodiscard]] ErrorKind to_kind(const std::error_code& code) noexcept;
/// `<what>: <text of the code>`.
[[nodiscard]] Error to_error(const boost::system::error_code& code, std::string_view what);
/// The same for a value of errno.
[[nodiscard]] Error errno_to_error(int code, std::string_view what);

}  // namespace whorl::async
