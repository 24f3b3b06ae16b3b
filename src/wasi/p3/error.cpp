#include "wasi/p3/error.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace whorl::wasi::p3 {
namespace {

namespace v2 = wit::wasi_http_types;
namespace v3 = wit::wasi_http_types_p3;

// That the cases have the same places in both; the generated tests of wit/ compare all names.
static_assert(
    static_cast<int>(v2::ErrorCode::Tag::DnsTimeout) ==
    static_cast<int>(v3::ErrorCode::Tag::DnsTimeout)
);
static_assert(
    static_cast<int>(v2::ErrorCode::Tag::HttpResponseBodySize) ==
    static_cast<int>(v3::ErrorCode::Tag::HttpResponseBodySize)
);
static_assert(
    static_cast<int>(v2::ErrorCode::Tag::InternalError) ==
    static_cast<int>(v3::ErrorCode::Tag::InternalError)
);

v3::DnsErrorPayload converted(const v2::DnsErrorPayload& from) {
  return {.rcode = from.rcode, .info_code = from.info_code};
}
v3::TlsAlertReceivedPayload converted(const v2::TlsAlertReceivedPayload& from) {
  return {.alert_id = from.alert_id, .alert_message = from.alert_message};
}
v3::FieldSizePayload converted(const v2::FieldSizePayload& from) {
  return {.field_name = from.field_name, .field_size = from.field_size};
}
std::optional<v3::FieldSizePayload> converted(const std::optional<v2::FieldSizePayload>& from) {
  return from ? std::optional(converted(*from)) : std::nullopt;
}
template <class T>
const T& converted(const T& same) {
  return same;
}

void cut(std::string& text) {
  if (text.size() > kMaxErrorText) {
    std::size_t end = kMaxErrorText;
    while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;  // not within a character
    }
    text = text.substr(0, end);
  }
}
void cut(std::optional<std::string>& text) {
  if (text) {
    cut(*text);
  }
}
void cut(v3::DnsErrorPayload& payload) {
  cut(payload.rcode);
}
void cut(v3::TlsAlertReceivedPayload& payload) {
  cut(payload.alert_message);
}
void cut(v3::FieldSizePayload& payload) {
  cut(payload.field_name);
}
void cut(std::optional<v3::FieldSizePayload>& payload) {
  if (payload) {
    cut(*payload);
  }
}
template <class T>
  requires std::is_trivially_copyable_v<T>
void cut(T& /*number*/) {}

}  // namespace

ErrorCode shortened(ErrorCode from) {
  std::visit([](auto& payload) { cut(payload); }, from.payload);
  return from;
}

ErrorCode to_p3(const p2::ErrorCode& from) {
  ErrorCode made;
  made.tag = static_cast<ErrorCode::Tag>(from.tag);
  std::visit(
      [&](const auto& payload) {
        made.payload.emplace<std::decay_t<decltype(converted(payload))>>(converted(payload));
      },
      from.payload
  );
  return made;
}

FileErrorCode to_file_error(int number) {
  // 0.3 has all codes of 0.2 in their order, but for `would-block`, and one behind them.
  using From = p2::FileErrorCode;
  using Tag = FileErrorCode::Tag;
  static_assert(static_cast<int>(From::WouldBlock) == 1 && static_cast<int>(Tag::Already) == 1);
  static_assert(static_cast<int>(From::CrossDevice) == static_cast<int>(Tag::CrossDevice) + 1);
  const p2::FileErrorCode code = p2::to_file_error(number);
  if (code == From::WouldBlock) {
    return FileErrorCode::other("try again");
  }
  const auto place = static_cast<unsigned>(code);
  FileErrorCode made;
  made.tag = static_cast<Tag>(place > static_cast<unsigned>(From::WouldBlock) ? place - 1 : place);
  return made;
}

SocketError to_p3(p2::SocketError from) {
  using From = p2::SocketError;
  switch (from) {
    case From::AccessDenied:
      return SocketError::access_denied();
    case From::NotSupported:
      return SocketError::not_supported();
    case From::InvalidArgument:
      return SocketError::invalid_argument();
    case From::OutOfMemory:
      return SocketError::out_of_memory();
    case From::Timeout:
      return SocketError::timeout();
    case From::ConcurrencyConflict:
    case From::NotInProgress:
    case From::InvalidState:
      return SocketError::invalid_state();
    case From::AddressNotBindable:
      return SocketError::address_not_bindable();
    case From::AddressInUse:
      return SocketError::address_in_use();
    case From::RemoteUnreachable:
      return SocketError::remote_unreachable();
    case From::ConnectionRefused:
      return SocketError::connection_refused();
    case From::ConnectionReset:
      return SocketError::connection_reset();
    case From::ConnectionAborted:
      return SocketError::connection_aborted();
    case From::DatagramTooLarge:
      return SocketError::datagram_too_large();
    case From::NewSocketLimit:
      return SocketError::other("too many sockets");
    default:
      return SocketError::other(std::nullopt);
  }
}

}  // namespace whorl::wasi::p3
