/// ProxyPreface: a connection of a trusted proxy while the proxy says who its client is; afterwards
/// it is one of TLS or HTTP, of that client.
///
/// Exactly the header's bytes are taken from the socket. One that does not come whole in time, or
/// is none, ends the connection without an answer: nobody who speaks to this port is meant to.
/// Private to the server. @thread shard @spec docs/adr/0040
#pragma once

#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/server_core.hpp"
#include "net/watched_socket.hpp"
#include "wire/proxy/proxy_header.hpp"

#include <memory>
#include <string>

namespace whorl::http {

class ProxyPreface final : public ServerConnection, public EnableLocalFromThis<ProxyPreface> {
 public:
  /// @param proxy_address  "ip:port" of who connected
  ProxyPreface(ServerCore& core, fs::Fd socket, std::string proxy_address);
  ~ProxyPreface() override;

  // ServerConnection
  void start() override;
  void sweep(Tick now) override;
  [[nodiscard]] bool is_idle() const noexcept override { return core_ != nullptr; }
  [[nodiscard]] Tick idle_since() const noexcept override { return since_; }
  void close_idle() override { end(); }
  void on_drain() override;
  void abandon() override;

 private:
  class Signal final : public async::Waiter {
   public:
    explicit Signal(ProxyPreface& preface) noexcept : preface_(preface) {}
    void on_event() noexcept override { preface_.advance_soon(); }
    void listen(async::Event& event) noexcept {
      if (!is_linked()) {
        event.add(*this);
      }
    }
    void stop() noexcept { unlink(); }

   private:
    ProxyPreface& preface_;
  };

  void advance_soon() noexcept;
  void advance();
  void finish();
  void end();

  ServerCore* core_;  ///< null once it has ended
  std::unique_ptr<net::WatchedSocket> socket_;
  std::string proxy_address_;
  wire::proxy::HeaderReader reader_;
  Signal readable_{*this};
  Tick since_;
  Tick deadline_;
};

}  // namespace whorl::http
