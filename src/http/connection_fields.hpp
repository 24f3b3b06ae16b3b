/// Which fields of a response are about the connection it travels on. @thread any
#pragma once

#include "wire/http1/syntax.hpp"

#include <string_view>

namespace whorl::http {

/// A field about the connection, not the response: RFC 9110 §7.6.1. A client does not get it from
/// a guest, which does not see the connection.
[[nodiscard]] inline bool is_connection_field(std::string_view name) noexcept {
  using wire::http1::equals_lower;
  switch (name.size()) {
    case 2:
      return equals_lower(name, "te");
    case 7:
      return equals_lower(name, "upgrade");
    case 10:
      return equals_lower(name, "connection") || equals_lower(name, "keep-alive");
    case 14:
      return equals_lower(name, "http2-settings");
    case 16:
      return equals_lower(name, "proxy-connection");
    case 17:
      return equals_lower(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace whorl::http
