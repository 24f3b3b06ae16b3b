/// Errors of WASI 0.3, made of those of 0.2: the cases are the same ones in the same order, but for
/// those named here. @thread any
#pragma once

#include "wasi/p2/error.hpp"
#include "wasi/p2/file_error.hpp"
#include "wasi/p2/socket_address.hpp"
#include "wit/wasi_filesystem_types_p3.hpp"
#include "wit/wasi_http_types_p3.hpp"
#include "wit/wasi_sockets_types_p3.hpp"

#include <cstddef>

namespace whorl::wasi::p3 {

using ErrorCode = wit::wasi_http_types_p3::ErrorCode;
using FileErrorCode = wit::wasi_filesystem_types_p3::ErrorCode;
using SocketError = wit::wasi_sockets_types_p3::ErrorCode;

/// All cases of wasi:http's error-code.
[[nodiscard]] ErrorCode to_p3(const p2::ErrorCode& from);
/// The same with its texts cut to what is kept of a guest's: it may be long, and kept behind a
/// handle that costs the guest nothing.
[[nodiscard]] ErrorCode shortened(ErrorCode from);
/// Bytes of each.
inline constexpr std::size_t kMaxErrorText = 1024;
/// From Linux's error number.
[[nodiscard]] FileErrorCode to_file_error(int number);
/// Cases that 0.3 has not become the nearest one, or `other`.
[[nodiscard]] SocketError to_p3(p2::SocketError from);

}  // namespace whorl::wasi::p3
