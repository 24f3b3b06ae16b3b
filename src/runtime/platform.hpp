/// Platform: what the process offers to every application: the engine and the host's interfaces.
///
/// Built once by apps/whorl, before anything is prepared, and shared by all shards.
/// @thread any, after creation
#pragma once

#include "base/result.hpp"
#include "component/host.hpp"
#include "engine/engine.hpp"
#include "host/capability.hpp"
#include "http/client.hpp"
#include "runtime/fiber_stacks.hpp"
#include "runtime/instance_gate.hpp"
#include "wasi/p2/hosts.hpp"
#include "wasi/p3/hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace whorl::runtime {

/// Most host objects an instance has: one per interface or module of the registry.
inline constexpr std::size_t kHostSlots = 256;

class Platform {
 public:
  /// @param capabilities  linked here; they outlive the platform
  /// @return errors: engine::Engine::create()'s
  [[nodiscard]] static Result<std::unique_ptr<Platform>> create(
      const engine::EngineOptions& options, std::span<host::Capability* const> capabilities = {}
  );
  /// For create().
  Platform(std::shared_ptr<engine::Engine> engine, std::span<host::Capability* const> capabilities);
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  [[nodiscard]] const std::shared_ptr<engine::Engine>& engine() const noexcept { return engine_; }
  [[nodiscard]] const component::HostRegistry& registry() const noexcept { return registry_; }
  [[nodiscard]] const wasi::p2::Slots& p2_slots() const noexcept { return p2_slots_; }
  [[nodiscard]] const wasi::p3::Slots& p3_slots() const noexcept { return p3_slots_; }
  [[nodiscard]] std::uint16_t p1_slot() const noexcept { return p1_slot_; }
  [[nodiscard]] const std::array<std::uint16_t, 3>& p1_variant_slots() const noexcept {
    return p1_variant_slots_;
  }
  /// Of `fermyon:spin/http`.
  [[nodiscard]] std::uint16_t spin1_http_slot() const noexcept { return spin1_http_slot_; }
  [[nodiscard]] InstanceGate& instances() noexcept { return instances_; }
  /// Stacks for guests that need more than one.
  [[nodiscard]] FiberStacks& fiber_stacks() const noexcept { return *fiber_stacks_; }
  /// How guests' connections are made, of HTTP and of sockets; before any shard starts.
  void set_outgoing(http::ClientOptions options) { outgoing_ = std::move(options); }
  [[nodiscard]] const http::ClientOptions& outgoing() const noexcept { return outgoing_; }
  /// Of sockets of guests; before any shard starts.
  void set_socket_limits(http::ConnectionLimits limits) { socket_limits_ = std::move(limits); }
  [[nodiscard]] const http::ConnectionLimits& socket_limits() const noexcept {
    return socket_limits_;
  }

 private:
  std::shared_ptr<engine::Engine> engine_;
  component::HostRegistry registry_;
  wasi::p2::Slots p2_slots_;
  wasi::p3::Slots p3_slots_;
  std::uint16_t p1_slot_;
  std::array<std::uint16_t, 3> p1_variant_slots_;
  std::uint16_t spin1_http_slot_;
  InstanceGate instances_;
  std::unique_ptr<FiberStacks> fiber_stacks_;
  http::ClientOptions outgoing_;
  http::ConnectionLimits socket_limits_;
};

}  // namespace whorl::runtime
