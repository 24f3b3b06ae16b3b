#include "host/postgres/pg_capability.hpp"

#include "base/check.hpp"
#include "host/net_policy/grants.hpp"

namespace whorl::host::postgres {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, PgCapability::kInterfaces> kInterfaces{
    &wit::spin_postgres_postgres::kInterface,
    &wit::spin_postgres_postgres_v3::kInterface,
    &wit::fermyon_spin_postgres::kInterface,
    &wit::fermyon_spin_postgres_v1::kInterface,
};

class PgGrant final : public Grant {
 public:
  PgGrant(const PgCapability::Slots& slots, PgAccess access)
      : slots_(slots), shared_(std::make_unique<Shared>(std::move(access))) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, PgCapability::kInterfaces> objects{
        static_cast<wit::spin_postgres_postgres::Host*>(&shared_->spin4),
        static_cast<wit::spin_postgres_postgres_v3::Host*>(&shared_->spin3),
        static_cast<wit::fermyon_spin_postgres::Host*>(&shared_->spin),
        static_cast<wit::fermyon_spin_postgres_v1::Host*>(&shared_->v1),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return nullptr;
  }

 private:
  /// What all instances of the component share.
  struct Shared {
    explicit Shared(PgAccess its_access) : access(std::move(its_access)) {}
    PgAccess access;
    Spin4Host spin4{access};
    Spin3Host spin3{access};
    SpinHost spin{access};
    SpinV1Host v1{access};
  };

  PgCapability::Slots slots_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace

void PgCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*postgres::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppPgCapability::grant(const app::Component& component) const {
  PgAccess access{client_, {}};
  WHORL_TRY(access.grants, net_policy::allowed_hosts_of(app_, component, variables_));
  return std::unique_ptr<const Grant>(std::make_unique<const PgGrant>(slots_, std::move(access)));
}

}  // namespace whorl::host::postgres
