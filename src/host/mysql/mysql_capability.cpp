#include "host/mysql/mysql_capability.hpp"

#include "base/check.hpp"
#include "host/net_policy/grants.hpp"

namespace whorl::host::mysql {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, MysqlCapability::kInterfaces> kInterfaces{
    &wit::fermyon_spin_mysql::kInterface,
    &wit::fermyon_spin_mysql_v1::kInterface,
    &wit::spin_mysql_mysql::kInterface,
};

class MysqlGrant final : public Grant {
 public:
  MysqlGrant(const MysqlCapability::Slots& slots, MysqlAccess access)
      : slots_(slots), shared_(std::make_unique<Shared>(std::move(access))) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, MysqlCapability::kInterfaces> objects{
        static_cast<wit::fermyon_spin_mysql::Host*>(&shared_->spin),
        static_cast<wit::fermyon_spin_mysql_v1::Host*>(&shared_->v1),
        static_cast<wit::spin_mysql_mysql::Host*>(&shared_->spin3),
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
    explicit Shared(MysqlAccess its_access) : access(std::move(its_access)) {}
    MysqlAccess access;
    SpinHost spin{access};
    SpinV1Host v1{access};
    Spin3Host spin3{access};
  };

  MysqlCapability::Slots slots_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace

void MysqlCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*mysql::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppMysqlCapability::grant(const app::Component& component
) const {
  MysqlAccess access{client_, {}};
  WHORL_TRY(access.grants, net_policy::allowed_hosts_of(app_, component, variables_));
  return std::unique_ptr<const Grant>(std::make_unique<const MysqlGrant>(slots_, std::move(access))
  );
}

}  // namespace whorl::host::mysql
