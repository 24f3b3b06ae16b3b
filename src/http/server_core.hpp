/// ServerCore: what the connections of a server share. Private to the server. @thread shard
#pragma once

#include "async/timer.hpp"
#include "http/server.hpp"
#include "net/acceptor.hpp"
#include "wire/http1/response.hpp"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {

class Connection;

/// Time as connections count it: sweeps since the server began. A connection's deadlines are kept
/// by one timer of the server, not by one each.
using Tick = std::uint32_t;

struct ServerCore final {
  ServerCore(async::Shard& on, Handler& to, ServerOptions with);

  /// A sweep's number from which `timeout` has certainly passed.
  [[nodiscard]] Tick tick_after(async::Milliseconds timeout) const noexcept;
  [[nodiscard]] std::string_view date() noexcept { return date_cache.at(std::time(nullptr)); }

  void add(std::shared_ptr<Connection> connection);
  /// The connection has ended.
  void remove(Connection& connection);
  /// Ends idle connections, the longest idle first. @return how many
  std::size_t shed_idle(std::size_t count);
  void stop_accepting();
  void close_all();
  /// close_all() at a deadline.
  void close_at(async::Deadline deadline);

  async::Shard& shard;
  Handler& handler;
  const ServerOptions options;
  const async::Milliseconds tick_length;
  Tick now = 1;
  bool draining = false;
  wire::http1::RequestHead head;  ///< scratch, used within one call only
  wire::http1::DateCache date_cache;
  std::vector<std::shared_ptr<Connection>> connections;
  async::Event empty_event;

  class Listener;
  std::vector<std::unique_ptr<Listener>> listeners;

 private:
  /// Calls a function of the core when a deadline comes.
  class Alarm final : public async::Waiter {
   public:
    using Call = void (ServerCore::*)();
    Alarm(ServerCore& core, Call call) : core_(core), call_(call), timer_(core.shard) {}
    void start(async::Deadline deadline) {
      if (!is_linked()) {
        timer_.event().add(*this);
      }
      timer_.start(deadline);
    }
    void on_event() noexcept override { (core_.*call_)(); }

   private:
    ServerCore& core_;
    Call call_;
    async::Timer timer_;
  };

  void start_sweeping();
  void sweep();
  void resume_accepting();

  bool sweeping_ = false;
  Alarm sweep_alarm_{*this, &ServerCore::sweep};
  Alarm close_alarm_{*this, &ServerCore::close_all};
};

}  // namespace whorl::http
