/// What both sides of TLS need of OpenSSL: a socket as it wants to see one, and its error texts.
/// Private to the room. @thread any
#pragma once

#include "base/error.hpp"

#include <memory>
#include <string>
#include <string_view>

struct bio_st;

namespace whorl::net {

/// Frees with OpenSSL's function for the type.
template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

/// A BIO over a non-blocking socket that never raises SIGPIPE, unlike OpenSSL's own.
/// @param fd  borrowed
/// @return    owned by the caller, who mostly gives it to an SSL object; null without memory
[[nodiscard]] bio_st* make_socket_bio(int fd) noexcept;

/// The last read took everything that was in the socket.
[[nodiscard]] bool is_drained(const bio_st* bio) noexcept;

/// The oldest reason in OpenSSL's queue of this thread, which is emptied.
[[nodiscard]] std::string take_tls_reason();
/// `<what>: <reason>` as InvalidInput.
[[nodiscard]] Error tls_error(std::string_view what);

}  // namespace whorl::net
