/// Reading from a socket that says with each read what is left in it, so that nobody has to ask
/// again only to hear that there is nothing (ADR 18): for TLS. Private to the room. @thread any
#pragma once

#include "base/bytes.hpp"

#include <sys/types.h>

#include <cstdint>

namespace whorl::net {

/// What the kernel says about a read that brought bytes. The end of a stream counts as something.
enum class Left : std::uint8_t { Nothing, Something, Unknown };

struct Received {
  ssize_t count;  ///< as of recv(2), never interrupted
  Left left;
};

/// Lets a TCP socket tell. Others never do.
void tell_what_is_left(int fd) noexcept;

[[nodiscard]] Received receive(int fd, MutableByteView into) noexcept;

}  // namespace whorl::net
