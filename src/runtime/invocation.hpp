/// Invocation: one event, an HTTP request or a message, answered by an instance of its own, from
/// start to end.
///
/// Owns what exists for that request: the guest, which is new or was put back exactly after its
/// last event, and the fiber. It keeps itself alive while the guest runs or waits and goes away, on
/// its shard and off the fiber, when the guest has ended. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "component/fiber_run.hpp"
#include "engine/fiber.hpp"
#include "engine/store.hpp"
#include "http/exchange.hpp"
#include "runtime/guest.hpp"
#include "runtime/guest_run.hpp"
#include "runtime/message.hpp"
#include "runtime/service.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::runtime {

class ShardRuntime;

class Invocation final : public GuestRun,
                         public component::FiberRun::Driver,
                         public EnableLocalFromThis<Invocation> {
 public:
  Invocation(
      ShardRuntime& shard,
      std::unique_ptr<Guest> guest,
      LocalPtr<http::Exchange> exchange,
      Message message = nullptr
  );
  ~Invocation() override;

  /// Holds a place among the events of its component, as long as it lives.
  void hold(InstanceGate::Place place) noexcept { place_ = std::move(place); }
  /// Readies and runs the guest until it ends or first waits. Held by a shared_ptr.
  void start();
  // GuestRun
  void step() override;
  void cancel(engine::TrapKind kind, std::string reason) override;
  bool check_deadline(Clock::time_point now) override;

 private:
  // component::FiberRun::Driver
  void wake() noexcept override;
  [[nodiscard]] component::FiberShare* fibers() noexcept override { return service().fibers.get(); }

  [[nodiscard]] const Service& service() const noexcept { return *kept_->service; }
  /// On the fiber: starts the module, then calls the handler.
  [[nodiscard]] std::expected<void, engine::Trap> run_guest();
  /// The guest has ended, or with a trap what was left of it.
  void finish(const std::expected<void, engine::Trap>& outcome);
  void report(const engine::Trap& trap) const;
  /// Charges the component's share for what the guest used since the last time.
  void charge() noexcept;
  [[nodiscard]] Clock::time_point deadline_after(Clock::time_point start) const noexcept;
  [[nodiscard]] engine::Budget make_budget() const noexcept;

  ShardRuntime& shard_;
  LocalPtr<KeptInstances> kept_;  ///< outlives the guest's stay: a service may be forgotten
  InstanceGate::Place place_;
  LocalPtr<http::Exchange> exchange_;
  /// What a component that takes messages is given; its exchange has the verdict as a status.
  Message message_;
  /// The response's body, kept to know when the answer has ended.
  LocalPtr<http::BodyPipe> response_body_;
  Clock::time_point started_;
  Clock::time_point timeout_ = Clock::time_point::max();  ///< of all it does; `--request-timeout`
  std::optional<Clock::time_point> response_ended_;
  std::unique_ptr<Guest> guest_;
  std::optional<component::FiberRun> run_;  ///< goes before the guest
  std::chrono::nanoseconds charged_{0};     ///< of its CPU
  bool is_woken_ = false;                   ///< step() is posted
  bool is_kept_ = false;                    ///< by the shard, since it did not end at once
  bool is_over_ = false;                    ///< the entry has ended, other tasks have not
  bool ended_ = false;
};

}  // namespace whorl::runtime
