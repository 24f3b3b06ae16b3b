#include "host/redis/redis_capability.hpp"

#include "base/check.hpp"
#include "host/net_policy/grants.hpp"

namespace whorl::host::redis {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, RedisCapability::kInterfaces> kInterfaces{
    &wit::fermyon_spin_redis::kInterface,
    &wit::fermyon_spin_redis_v1::kInterface,
    &wit::spin_redis_redis::kInterface,
};

class RedisGrant final : public Grant {
 public:
  RedisGrant(const RedisCapability::Slots& slots, RedisAccess access)
      : slots_(slots), access_(std::move(access)) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    auto own = std::make_unique<Hosts>(access_);
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, RedisCapability::kInterfaces> objects{
        static_cast<wit::fermyon_spin_redis::Host*>(&own->spin),
        static_cast<wit::fermyon_spin_redis_v1::Host*>(&own->v1),
        static_cast<wit::spin_redis_redis::Host*>(&own->spin3),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return own;
  }

 private:
  RedisCapability::Slots slots_;
  RedisAccess access_;
};

}  // namespace

void RedisCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*redis::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppRedisCapability::grant(const app::Component& component
) const {
  RedisAccess access{client_, {}};
  WHORL_TRY(access.grants, net_policy::allowed_hosts_of(app_, component, variables_));
  return std::unique_ptr<const Grant>(std::make_unique<const RedisGrant>(slots_, std::move(access))
  );
}

}  // namespace whorl::host::redis
