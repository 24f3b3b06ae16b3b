/// SQL databases as a capability: what the runtime plugs in.
#pragma once

#include "host/capability.hpp"
#include "host/sqlite/sqlite_hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace whorl::host::sqlite {

class SqliteCapability final : public Capability {
 public:
  static constexpr std::size_t kInterfaces = 3;
  /// Where the registry has put them.
  using Slots = std::array<std::uint16_t, kInterfaces>;

  void link(component::HostRegistry& registry) override;
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_{};
};

/// Gives each component the databases it names.
class AppSqliteCapability final : public AppCapability {
 public:
  /// @param capability  linked
  /// @param databases   all that the operator configured, by label
  AppSqliteCapability(const SqliteCapability& capability, GrantedDatabases databases)
      : slots_(capability.slots()), databases_(std::move(databases)) {}

  /// Whether everything that components ask for is there.
  /// @return errors: InvalidInput, in Spin's words, with all that is missing
  [[nodiscard]] Result<> check(const app::LockedApp& app) const;
  /// Labels that are not there are left out: see check().
  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  SqliteCapability::Slots slots_;
  GrantedDatabases databases_;
};

}  // namespace whorl::host::sqlite
