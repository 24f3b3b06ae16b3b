#include "host/key_value/key_value_capability.hpp"

#include "base/check.hpp"

namespace whorl::host::key_value {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, KeyValueCapability::kInterfaces> kInterfaces{
    &wit::fermyon_spin_key_value::kInterface,
    &wit::fermyon_spin_key_value_v1::kInterface,
    &wit::spin_key_value_key_value::kInterface,
    &wit::wasi_keyvalue_store::kInterface,
    &wit::wasi_keyvalue_atomics::kInterface,
    &wit::wasi_keyvalue_batch::kInterface,
};

class KeyValueGrant final : public Grant {
 public:
  KeyValueGrant(const KeyValueCapability::Slots& slots, GrantedStores stores)
      : slots_(slots), shared_(std::make_unique<Shared>(std::move(stores))) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    auto v1 = std::make_unique<SpinV1Host>(shared_->stores);
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, KeyValueCapability::kInterfaces> objects{
        static_cast<wit::fermyon_spin_key_value::Host*>(&shared_->spin),
        static_cast<wit::fermyon_spin_key_value_v1::Host*>(v1.get()),
        static_cast<wit::spin_key_value_key_value::Host*>(&shared_->spin3),
        static_cast<wit::wasi_keyvalue_store::Host*>(&shared_->store),
        static_cast<wit::wasi_keyvalue_atomics::Host*>(&shared_->atomics),
        static_cast<wit::wasi_keyvalue_batch::Host*>(&shared_->batch),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return v1;
  }

 private:
  /// What all instances of the component share.
  struct Shared {
    explicit Shared(GrantedStores its_stores) : stores(std::move(its_stores)) {}
    GrantedStores stores;
    SpinHost spin{stores};
    Spin3Host spin3{stores};
    WasiStoreHost store{stores};
    WasiAtomicsHost atomics;
    WasiBatchHost batch;
  };

  KeyValueCapability::Slots slots_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace

void KeyValueCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*key_value::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppKeyValueCapability::grant(const app::Component& component
) const {
  GrantedStores granted;
  for (const std::string& label : component.key_value_stores) {
    auto store = find_store(stores_, label);
    if (store == nullptr) {
      return fail(
                 ErrorKind::InvalidInput,
                 "unknown key_value_stores label \"{}\" for component \"{}\"",
                 label,
                 component.id
      )
          .with_help(
              fmt::format("define it in the runtime config file: [key_value_store.{}]", label)
          )
          .context("failed to configure app");
    }
    granted.emplace(label, std::move(store));
  }
  return std::unique_ptr<const Grant>(
      std::make_unique<const KeyValueGrant>(slots_, std::move(granted))
  );
}

}  // namespace whorl::host::key_value
