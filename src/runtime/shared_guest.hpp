/// SharedGuest: an instance of WASI 0.3 that answers several requests, at once and one after the
/// other, without being put back between them. It exists where the operator asked for reuse.
///
/// What one request leaves in the guest's memory, the next one sees. A trap ends the instance with
/// all requests that it was answering. It keeps itself alive while it works; between two requests
/// the shard's SharedGuests hold it. @thread shard
#pragma once

#include "async/event.hpp"
#include "async/timer.hpp"
#include "base/local_ptr.hpp"
#include "component/fiber_run.hpp"
#include "http/exchange.hpp"
#include "runtime/guest.hpp"
#include "runtime/guest_run.hpp"
#include "runtime/instance_gate.hpp"
#include "runtime/service.hpp"
#include "wasi/p3/handler.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace whorl::telemetry {
class Recorder;
}

namespace whorl::runtime {

class ShardRuntime;

class SharedGuest final : public GuestRun,
                          public component::FiberRun::Driver,
                          public EnableLocalFromThis<SharedGuest> {
 public:
  /// What was drawn for this instance from its service's ReuseLimits.
  struct Terms {
    std::uint32_t events = 1;
    std::uint32_t at_once = 1;
    std::chrono::milliseconds idle{};
    std::chrono::milliseconds timeout{};  ///< zero: none
  };

  SharedGuest(ShardRuntime& shard, std::unique_ptr<Guest> guest, const Terms& terms);
  ~SharedGuest() override;

  /// Whether one more request can be given to it now. Not while it computes: others would wait for
  /// it.
  [[nodiscard]] bool has_room() const noexcept;
  /// Whether a request would have to wait for others of it: the guest wants to be alone, or said
  /// that it wants no more now.
  [[nodiscard]] bool holds_back() const noexcept;
  /// It has no request, and nothing of it goes on.
  [[nodiscard]] bool is_idle() const noexcept;
  [[nodiscard]] const Service& service() const noexcept { return *service_; }

  /// Answers one more; has_room(). Held by a shared_ptr.
  /// @param place  among the requests of its component
  void serve(LocalPtr<http::Exchange> exchange, InstanceGate::Place place);
  /// It gets no more requests, and ends when those it has are over. @pre its holder let go of it
  void retire();

  // GuestRun
  void step() override;
  void cancel(engine::TrapKind kind, std::string reason) override;
  bool check_deadline(Clock::time_point now) override;

 private:
  /// New: not made yet; Starting: its start functions run; Over: nothing is left of it.
  enum class Phase : std::uint8_t { New, Starting, Open, Ending, Over };

  /// One of its requests.
  class Request final : public wasi::p3::PostedExchange {
   public:
    Request(SharedGuest& of, LocalPtr<http::Exchange> exchange, InstanceGate::Place place);
    void on_answer(const char* failure) noexcept override;
    void on_exit() noexcept override { has_exited = true; }

    SharedGuest& guest;
    LocalPtr<http::Exchange> exchange;
    InstanceGate::Place place;
    /// The response's body, kept to know when the answer has ended.
    LocalPtr<http::BodyPipe> response_body;
    Clock::time_point started;
    std::optional<Clock::time_point> response_ended;
    std::chrono::nanoseconds cpu{};
    bool has_answered = false;  ///< the handler has returned
    bool has_exited = false;
  };

  /// Looks whether it has been idle for long enough.
  class IdleWaiter final : public async::Waiter {
   public:
    explicit IdleWaiter(SharedGuest& guest) noexcept : guest_(guest) {}
    void on_event() noexcept override;

   private:
    SharedGuest& guest_;
  };

  // component::FiberRun::Driver
  void wake() noexcept override;
  [[nodiscard]] component::FiberShare* fibers() noexcept override { return service_->fibers.get(); }
  void runs_for(void* event) noexcept override;

  [[nodiscard]] bool begin();
  void post(Request& request);
  /// One step of the run. @return whether there is more to do at once
  [[nodiscard]] bool advance();
  [[nodiscard]] bool advance_dying();
  void open();
  /// Charges what the run has used since the last look.
  void charge() noexcept;
  /// Lets go of requests whose tasks are over.
  void settle();
  /// Of all, their tasks will tell them of their end.
  void let_go();
  void end_request(Request& request, std::string_view failure);
  /// Nothing runs. @return whether there is more to do at once
  [[nodiscard]] bool rest();
  void become_idle();
  void idle_is_over();
  [[nodiscard]] bool may_get_more() const noexcept;
  /// Ends what is left. @return whether there is more to do at once
  [[nodiscard]] bool end();
  void fail_all(const engine::Trap& trap);
  void report(const engine::Trap& trap) const;
  void leave();
  [[nodiscard]] Clock::time_point deadline_of(Request& request, Clock::time_point now) const;

  ShardRuntime& shard_;
  std::shared_ptr<const Service> service_;
  Terms terms_;
  std::uint32_t served_ = 0;
  Phase phase_ = Phase::New;
  bool is_retired_ = false;
  bool is_stepping_ = false;
  bool is_computing_ = false;  ///< past its slice
  bool is_woken_ = false;      ///< step() is posted
  bool is_kept_ = false;       ///< by the shard
  Request* charged_ = nullptr;
  std::chrono::nanoseconds charged_until_{};
  telemetry::Recorder* recorder_ = nullptr;  ///< of the shard, once a request has a record
  using Requests = std::unordered_map<const void*, std::unique_ptr<Request>>;
  Requests requests_;
  Requests ended_;  ///< before their tasks were
  std::unique_ptr<Guest> guest_;
  std::optional<component::FiberRun> run_;  ///< goes before the guest and the requests
  async::Timer idle_timer_;
  IdleWaiter idle_waiter_{*this};
};

}  // namespace whorl::runtime
