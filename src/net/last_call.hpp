/// Closing a listening socket without resetting a client.
///
/// A client counts as connected as soon as the kernel has answered it, which is before anybody
/// accepts it: closing the socket resets whoever came in after the last accept. So first no new
/// client is let in, then those who were on their way are accepted, then the socket is closed.
/// Only for sockets that are this process's alone (Listeners::is_shared). @thread any
#pragma once

#include "net/listener.hpp"

#include <optional>

namespace whorl::net {

/// Lets no TCP client begin to connect: its first packet is dropped as if lost, and when it comes
/// again, the socket is closed. Handshakes that have begun go on to the accept queue as before.
/// @return whether it does; false where the system refuses the filter, or this is no TCP socket
[[nodiscard]] bool drop_new_handshakes(const Listeners& listeners) noexcept;

/// Whether a client of this address is in the middle of a handshake.
/// @return nothing where the system does not tell
[[nodiscard]] std::optional<bool> has_open_handshakes(const SocketAddress& address) noexcept;

/// Refuses who connects to a Unix socket from now on. Who has connected can be accepted.
void refuse_unix_clients(const Listeners& listeners) noexcept;

}  // namespace whorl::net
