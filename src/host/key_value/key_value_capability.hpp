/// Key-value stores as a capability: what the runtime plugs in.
#pragma once

#include "host/capability.hpp"
#include "host/key_value/key_value_hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace whorl::host::key_value {

class KeyValueCapability final : public Capability {
 public:
  static constexpr std::size_t kInterfaces = 6;
  /// Where the registry has put them.
  using Slots = std::array<std::uint16_t, kInterfaces>;

  void link(component::HostRegistry& registry) override;
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_{};
};

/// Gives each component the stores it names.
class AppKeyValueCapability final : public AppCapability {
 public:
  /// @param capability  linked
  /// @param stores      all that the operator configured, by label
  AppKeyValueCapability(const KeyValueCapability& capability, GrantedStores stores)
      : slots_(capability.slots()), stores_(std::move(stores)) {}

  /// @return errors: InvalidInput, in Spin's words, when a label was not configured
  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  KeyValueCapability::Slots slots_;
  GrantedStores stores_;
};

}  // namespace whorl::host::key_value
