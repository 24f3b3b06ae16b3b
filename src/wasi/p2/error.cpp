#include "wasi/p2/error.hpp"

namespace whorl::wasi::p2 {

ErrorCode to_error_code(ErrorKind why, MessageKind message) {
  switch (why) {
    case ErrorKind::DeadlineExceeded:
      return ErrorCode::connection_read_timeout();
    case ErrorKind::Disconnected:
      return ErrorCode::connection_terminated();
    case ErrorKind::ResourceLimit:
      return message == MessageKind::Request ? ErrorCode::http_request_body_size(std::nullopt)
                                             : ErrorCode::http_response_body_size(std::nullopt);
    case ErrorKind::Internal:
      return ErrorCode::internal_error(std::nullopt);
    default:
      return ErrorCode::http_protocol_error();
  }
}

ErrorCode body_size_error(MessageKind message, std::uint64_t bytes) {
  return message == MessageKind::Request ? ErrorCode::http_request_body_size(bytes)
                                         : ErrorCode::http_response_body_size(bytes);
}

component::HostResult<std::string> IoError::to_debug_string(component::Call&) {
  return text_;
}

}  // namespace whorl::wasi::p2
