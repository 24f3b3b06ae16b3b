/// Acceptor: takes connections from a listening socket and never gives up.
///
/// When the process runs out of descriptors it gives up a reserved one to turn a few clients away,
/// asks its sink to free some, and tries again a little later. @thread shard
#pragma once

#include "async/shard.hpp"
#include "fs/file.hpp"
#include "net/address.hpp"

#include <memory>

namespace whorl::net {

/// Who takes the connections.
class AcceptSink {
 public:
  /// A connection: non-blocking, close-on-exec, TCP_NODELAY.
  virtual void on_accept(fs::Fd socket, const SocketAddress& peer) = 0;
  /// False makes the acceptor wait for resume(); clients wait in the kernel's queue meanwhile.
  [[nodiscard]] virtual bool has_room() = 0;
  /// Descriptors or memory ran out: close what is not needed, e.g. idle connections.
  virtual void on_exhausted() = 0;
  /// Something to log; called at most once per second.
  virtual void on_accept_error(const Error& error) = 0;

 protected:
  ~AcceptSink() = default;
};

class Acceptor {
 public:
  /// Starts accepting. @param shard, sink  outlive the acceptor
  Acceptor(async::Shard& shard, fs::Fd listening, AcceptSink& sink);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  /// Closes the listening socket; the sink is not called any more.
  ~Acceptor();

  /// There is room again.
  void resume();
  /// Takes what waits in the kernel's queue now: before the acceptor is destroyed, so that those
  /// clients are not reset.
  void accept_waiting();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace whorl::net
