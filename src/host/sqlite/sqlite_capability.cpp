#include "host/sqlite/sqlite_capability.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace whorl::host::sqlite {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, SqliteCapability::kInterfaces> kInterfaces{
    &wit::spin_sqlite_sqlite::kInterface,
    &wit::fermyon_spin_sqlite::kInterface,
    &wit::fermyon_spin_sqlite_v1::kInterface,
};

class SqliteGrant final : public Grant {
 public:
  SqliteGrant(const SqliteCapability::Slots& slots, GrantedDatabases databases)
      : slots_(slots), databases_(std::move(databases)) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    auto own = std::make_unique<Hosts>(databases_);
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, SqliteCapability::kInterfaces> objects{
        static_cast<wit::spin_sqlite_sqlite::Host*>(&own->spin3),
        static_cast<wit::fermyon_spin_sqlite::Host*>(&own->spin),
        static_cast<wit::fermyon_spin_sqlite_v1::Host*>(&own->v1),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return own;
  }

 private:
  SqliteCapability::Slots slots_;
  GrantedDatabases databases_;
};

}  // namespace

void SqliteCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*sqlite::kInterfaces[i]);
  }
}

Result<> AppSqliteCapability::check(const app::LockedApp& app) const {
  std::string details;
  for (const app::Component& component : app.components) {
    for (const std::string& label : component.sqlite_databases) {
      if (!databases_.contains(label)) {
        details += fmt::format("\n- Component {} uses database '{}'", component.id, label);
      }
    }
  }
  if (details.empty()) {
    return {};
  }
  return fail(
             ErrorKind::InvalidInput,
             "One or more components use SQLite databases which are not defined.\n"
             "Check the spelling, or pass a runtime configuration file that defines these stores.\n"
             "Details:{}",
             details
  )
      .context("failed to configure app");
}

Result<std::unique_ptr<const Grant>> AppSqliteCapability::grant(const app::Component& component
) const {
  GrantedDatabases granted;
  for (const std::string& label : component.sqlite_databases) {
    if (const auto found = databases_.find(label); found != databases_.end()) {
      granted.emplace(label, found->second);
    }
  }
  return std::unique_ptr<const Grant>(
      std::make_unique<const SqliteGrant>(slots_, std::move(granted))
  );
}

}  // namespace whorl::host::sqlite
