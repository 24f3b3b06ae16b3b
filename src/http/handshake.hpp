/// Handshake: a connection while TLS is being agreed on; afterwards it is one of HTTP.
///
/// Handshakes are made beside accepting and beside each other. How many there are is bounded: when
/// there are too many, the oldest is given up, which is the one that most likely stalls.
/// Private to the server. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/server_core.hpp"
#include "net/tls_server.hpp"

#include <list>
#include <memory>
#include <string>

namespace whorl::http {

class Handshake final : public ServerConnection,
                        public net::StreamSink,
                        public EnableLocalFromThis<Handshake> {
 public:
  Handshake(
      ServerCore& core, std::unique_ptr<net::TlsServerStream> stream, std::string client_address
  );
  ~Handshake() override;

  // ServerConnection
  void start() override;
  void sweep(Tick now) override;
  [[nodiscard]] bool is_idle() const noexcept override { return core_ != nullptr; }
  [[nodiscard]] Tick idle_since() const noexcept override { return since_; }
  void close_idle() override { end(); }
  void on_drain() override;
  void abandon() override;

  // net::StreamSink
  void on_read(net::ReadEnd end, std::size_t count) override;
  void on_writable() override;

  std::list<Handshake*>::iterator place;  ///< in ServerCore::handshakes

 private:
  void advance();
  void finish();
  /// Closes and leaves the core.
  void end();

  ServerCore* core_;  ///< null once it has ended
  std::unique_ptr<net::TlsServerStream> stream_;
  std::string client_address_;
  Tick since_;
  Tick deadline_;
};

}  // namespace whorl::http
