/// Guest: one instance of a service with everything that belongs to it: host objects, component
/// instance, store. It serves one event, or, put back exactly after each, many. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "component/component.hpp"
#include "component/instance_reset.hpp"
#include "engine/store.hpp"
#include "host/capability.hpp"
#include "http/outbound.hpp"
#include "runtime/command.hpp"
#include "runtime/instance_gate.hpp"
#include "runtime/platform.hpp"
#include "runtime/service.hpp"
#include "runtime/share.hpp"
#include "wasi/blocking_work.hpp"
#include "wasi/network_access.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p2/hosts.hpp"
#include "wasi/p3/hosts.hpp"
#include "wasi/spin1/http.hpp"
#include "wasi/timers.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

namespace whorl::telemetry {
struct ComponentStats;
}

namespace whorl::runtime {

class Guest;

/// What a shard knows of a service's instances, and those of them that wait for an event.
struct KeptInstances {
  std::shared_ptr<const Service> service;
  /// Where its events are counted; null when nobody wants to know.
  telemetry::ComponentStats* stats = nullptr;
  /// What its events have used of the shard lately.
  Share share;
  component::ResetImages images;
  std::vector<std::unique_ptr<Guest>> idle;
  /// The fewest that were idle since the pool was last trimmed: nobody needed those.
  std::size_t never_used = 0;
  /// The start functions asked the host for something, so they run in every event anew.
  bool starts_use_host = false;
  /// Instances in a row that could not be put back.
  std::uint32_t failures = 0;
  /// Resets since the last audit.
  std::uint32_t unaudited = 0;
  /// Nothing of this service is kept: its instances can't be put back, or hardly ever can.
  bool is_off = false;
  bool is_replaced = false;  ///< the service, and only its last events want to know this
};

/// What the guests of a shard share of it; all of it outlives them.
struct GuestSurroundings {
  wasi::Timers& timers;
  wasi::BlockingWork& blocking;
  http::Outbound& outbound;
  wasi::NetworkAccess& network;
};

class Guest {
 public:
  /// @param around  of the shard, which outlives the guest
  /// @param command  what a command is given; such a guest serves one event
  /// @param place  held as long as the instance
  Guest(
      const Platform& platform,
      const GuestSurroundings& around,
      InstanceGate::Place place,
      LocalPtr<KeptInstances> kept,
      LocalPtr<Command> command = nullptr
  );
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest();

  /// Readies a new instance, or a kept one, for an event that began at `now`. Off the fibers.
  [[nodiscard]] std::expected<void, engine::Trap> begin(
      const engine::Budget& budget, std::chrono::steady_clock::time_point now
  );
  /// Runs the start functions that were put off, unless the prepared state has them. On the fiber,
  /// before the handler.
  [[nodiscard]] std::expected<void, engine::Trap> run_starts();
  /// After an event that ended well, when no fiber is left: puts the instance back.
  /// @return false if that can't be done; the guest must not be used again
  [[nodiscard]] bool reset();

  [[nodiscard]] component::ComponentInstance& instance() noexcept { return instance_; }
  /// Only after begin().
  [[nodiscard]] engine::Store& store() noexcept { return *store_; }
  [[nodiscard]] wasi::p2::P2Hosts& p2() noexcept { return p2_; }
  [[nodiscard]] wasi::Timers& timers() noexcept { return timers_; }
  /// Null for a guest that is no command.
  [[nodiscard]] const LocalPtr<Command>& command() const noexcept { return command_; }
  [[nodiscard]] const LocalPtr<KeptInstances>& kept() const noexcept { return kept_; }
  /// It has served an event before.
  [[nodiscard]] bool is_used() const noexcept { return store_ != nullptr; }
  /// Bytes of all its linear memories now.
  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  [[nodiscard]] wasi::InstanceContext make_context(const GuestSurroundings& around) const noexcept;
  [[nodiscard]] std::expected<void, engine::Trap> instantiate(const engine::Budget& budget);
  /// Compares the instance with a fresh one. @return false, and nothing kept any more, if they
  /// differ
  [[nodiscard]] bool audit();
  /// Takes the instance as it is for the prepared state, if the service's instances are kept.
  void prepare_reset();

  InstanceGate::Place place_;
  LocalPtr<KeptInstances> kept_;
  LocalPtr<Command> command_;
  wasi::Timers& timers_;
  wasi::p2::P2Hosts p2_;
  wasi::p3::P3Hosts p3_;
  wasi::p1::Preview1 p1_;
  wasi::spin1::HttpHost spin1_http_;
  std::array<void*, kHostSlots> hosts_{};
  /// What the capabilities keep for this instance.
  std::vector<std::unique_ptr<host::InstanceHosts>> capability_hosts_;
  component::ComponentInstance instance_;
  std::unique_ptr<engine::Store> store_;
  std::optional<component::InstanceReset> reset_;
  bool starts_in_prepared_state_ = false;
  std::uint64_t faults_at_begin_ = 0;
  std::uint64_t restored_memory_ = 0;  ///< bytes, once it was put back; only where they are counted
};

}  // namespace whorl::runtime
