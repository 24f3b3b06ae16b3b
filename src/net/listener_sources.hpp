/// Listening sockets that are no TCP address of ours to bind: Unix sockets, sockets that a service
/// manager or another process has opened. @thread main (these block for a moment)
#pragma once

#include "base/result.hpp"
#include "net/listener.hpp"

#include <string>
#include <vector>

namespace whorl::net {

/// Binds and listens on a Unix socket. A socket file that nobody listens on any more is replaced.
/// The sockets are one, with several descriptors: a Unix address cannot be shared otherwise.
/// @return AlreadyExists when somebody listens there or it is no socket; others under
///         "Unable to listen on unix:<path>"
[[nodiscard]] Result<Listeners> listen_on_unix(const std::string& path, unsigned count);

/// The sockets that a service manager passed to this process (LISTEN_FDS, LISTEN_PID), each with
/// as many descriptors as asked for. The variables are removed, so that children don't see them.
/// @return empty when there are none; InvalidInput for a descriptor that does not listen
/// @see sd_listen_fds(3)
[[nodiscard]] Result<std::vector<Listeners>> inherited_listeners(unsigned count);

/// The same sockets once more. @return errors: out of descriptors
[[nodiscard]] Result<Listeners> duplicate(const Listeners& listeners);

/// Makes `count` sets of descriptors of what is there: each socket is in some set, and no set is
/// empty. For sockets that were opened for another number of shards.
[[nodiscard]] Result<std::vector<std::vector<fs::Fd>>> spread(Listeners listeners, unsigned count);

/// What an open socket listens on. @return InvalidInput if it does not
[[nodiscard]] Result<Listeners> describe_listener(fs::Fd socket);

}  // namespace whorl::net
