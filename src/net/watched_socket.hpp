/// WatchedSocket: a non-blocking socket that says when trying again is worth it.
///
/// Whoever uses it tries its system call; when that would block, asks to be told and waits for
/// changed(). Fibers and coroutines wait on the same event, so one kind of socket serves both.
/// @thread shard
#pragma once

#include "async/event.hpp"
#include "async/shard.hpp"
#include "fs/file.hpp"

#include <memory>

namespace whorl::net {

class WatchedSocket {
 public:
  /// @param shard   outlives this object
  /// @param socket  non-blocking
  WatchedSocket(async::Shard& shard, fs::Fd socket);
  WatchedSocket(const WatchedSocket&) = delete;
  WatchedSocket& operator=(const WatchedSocket&) = delete;
  /// Closes the socket.
  ~WatchedSocket();

  [[nodiscard]] int fd() const noexcept;
  /// Lets changed() fire once there is something to read, or the connection broke.
  void watch_readable();
  /// The same for room to write, and for a connection that was being made.
  void watch_writable();
  /// Fires after either, not necessarily because of what the caller waits for: try again.
  [[nodiscard]] async::Event& changed() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< shared with the waits on the loop
};

}  // namespace whorl::net
