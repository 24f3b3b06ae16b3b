#include "async/error_code.hpp"

#include <boost/asio/error.hpp>

namespace whorl::async {
namespace {

ErrorKind kind_of_errno(int code) noexcept {
  switch (code) {
    case ECANCELED:
      return ErrorKind::Cancelled;
    case ETIMEDOUT:
      return ErrorKind::DeadlineExceeded;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ESHUTDOWN:
      return ErrorKind::Disconnected;
    case EACCES:
    case EPERM:
      return ErrorKind::PermissionDenied;
    case EADDRINUSE:
    case EEXIST:
      return ErrorKind::AlreadyExists;
    case ENOENT:
      return ErrorKind::NotFound;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
      return ErrorKind::ResourceLimit;
    case EINVAL:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
      return ErrorKind::InvalidInput;
    default:
      return ErrorKind::Unavailable;
  }
}

}  // namespace

ErrorKind to_kind(const boost::system::error_code& code) noexcept {
  if (code == boost::asio::error::eof) {
    return ErrorKind::Disconnected;
  }
  if (code == boost::asio::error::host_not_found) {
    return ErrorKind::NotFound;
  }
  return code.category() == boost::system::system_category() ? kind_of_errno(code.value())
                                                             : ErrorKind::Unavailable;
}

ErrorKind to_kind(const std::error_code& code) noexcept {
  const bool is_errno =
      code.category() == std::system_category() || code.category() == std::generic_category();
  return is_errno ? kind_of_errno(code.value()) : ErrorKind::Unavailable;
}

Error to_error(const boost::system::error_code& code, std::string_view what) {
  return Error(to_kind(code), fmt::format("{}: {}", what, code.message()));
}

Error errno_to_error(int code, std::string_view what) {
  return Error(
      kind_of_errno(code), fmt::format("{}: {}", what, std::system_category().message(code))
  );
}

}  // namespace whorl::async
