/// The capability of a client of outside servers: every component shares the process's client and
/// reaches the servers that it was granted.
///
/// `V` is a kind of client:
/// - `Client`; `Access`: an aggregate of `std::shared_ptr<Client> client` and `http::AllowedHosts
///   grants`;
/// - `kInterfaces`: an array of the interfaces that guests import;
/// - `Hosts`: their host objects, made of a `const Access&` that outlives them; `objects()` gives
///   a `void*` for each interface, in that order, cast to the Host class that its thunks expect.
///   Hosts that are InstanceHosts are made for each instance, others once for the component.
#pragma once

#include "base/check.hpp"
#include "host/capability.hpp"
#include "host/net_policy/grants.hpp"
#include "host/variables/app_variables.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace whorl::host::net_policy {

template <class V>
class ClientCapability final : public Capability {
 public:
  /// Where the registry has put the interfaces.
  using Slots = std::array<std::uint16_t, V::kInterfaces.size()>;

  void link(component::HostRegistry& registry) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      slots_[i] = registry.add(*V::kInterfaces[i]);
    }
  }
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_{};
};

template <class V>
class ClientGrant final : public Grant {
 public:
  using Slots = typename ClientCapability<V>::Slots;
  using Hosts = typename V::Hosts;

  ClientGrant(const Slots& slots, typename V::Access access)
      : slots_(slots), access_(std::move(access)) {
    if constexpr (!kOfInstance) {
      shared_ = std::make_unique<Hosts>(access_);
    }
  }
  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    if constexpr (kOfInstance) {
      auto own = std::make_unique<Hosts>(access_);
      place(own->objects(), hosts);
      return own;
    } else {
      place(shared_->objects(), hosts);
      return nullptr;
    }
  }

 private:
  static constexpr bool kOfInstance = std::is_base_of_v<InstanceHosts, Hosts>;

  void place(const std::array<void*, V::kInterfaces.size()>& objects, std::span<void*> hosts)
      const {
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
  }

  Slots slots_;
  typename V::Access access_;
  std::unique_ptr<Hosts> shared_;  ///< null where each instance has its own
};

/// Lets each component reach the servers that it was granted.
template <class V>
class AppClientCapability final : public AppCapability {
 public:
  /// @param capability      linked
  /// @param client          of the process
  /// @param app, variables  outlive this object
  AppClientCapability(
      const ClientCapability<V>& capability,
      std::shared_ptr<typename V::Client> client,
      const app::LockedApp& app,
      const variables::AppVariables* variables
  )
      : slots_(capability.slots()), client_(std::move(client)), app_(app), variables_(variables) {}

  /// @return errors: InvalidInput for `allowed_outbound_hosts` that cannot be read
  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override {
    typename V::Access access{client_, {}};
    WHORL_TRY(access.grants, allowed_hosts_of(app_, component, variables_));
    return std::unique_ptr<const Grant>(
        std::make_unique<const ClientGrant<V>>(slots_, std::move(access))
    );
  }

 private:
  typename ClientCapability<V>::Slots slots_;
  std::shared_ptr<typename V::Client> client_;
  const app::LockedApp& app_;
  const variables::AppVariables* variables_;
};

}  // namespace whorl::host::net_policy
