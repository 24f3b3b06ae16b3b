/// What guests import to use key-value stores, in its four forms: `spin:key-value@3.0.0`, whose
/// functions are asynchronous, `fermyon:spin/key-value@2.0.0`, the older `fermyon:spin/key-value`,
/// and `wasi:keyvalue` store, atomics and batch.
#pragma once

#include "host/capability.hpp"
#include "host/kept_memory.hpp"
#include "host/key_value/store.hpp"
#include "wit/fermyon_spin_key_value.hpp"
#include "wit/fermyon_spin_key_value_v1.hpp"
#include "wit/spin_key_value_key_value.hpp"
#include "wit/wasi_keyvalue_atomics.hpp"
#include "wit/wasi_keyvalue_batch.hpp"
#include "wit/wasi_keyvalue_store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::key_value {

/// The stores granted to a component, by label.
using GrantedStores = std::map<std::string, std::shared_ptr<Store>, std::less<>>;

/// Null when the label was not granted.
[[nodiscard]] std::shared_ptr<Store> find_store(
    const GrantedStores& stores, std::string_view label
);

/// fermyon:spin/key-value@2.0.0. Keeps nothing of an instance.
class SpinHost final : public wit::fermyon_spin_key_value::Host {
 public:
  explicit SpinHost(const GrantedStores& stores) noexcept : stores_(stores) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_key_value::Store>,
      wit::fermyon_spin_key_value::Error>>
  store_open(component::Call& call, std::string_view label) override;

 private:
  const GrantedStores& stores_;
};

/// spin:key-value@3.0.0. Keeps nothing of an instance.
class Spin3Host final : public wit::spin_key_value_key_value::Host {
 public:
  explicit Spin3Host(const GrantedStores& stores) noexcept : stores_(stores) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_key_value_key_value::Store>,
      wit::spin_key_value_key_value::Error>>
  store_open(component::Call& call, std::string label) override;

 private:
  const GrantedStores& stores_;
};

/// fermyon:spin/key-value without version: stores are numbers. One per instance.
class SpinV1Host final : public wit::fermyon_spin_key_value_v1::Host, public InstanceHosts {
 public:
  /// Most stores open at once.
  static constexpr std::size_t kMaxOpen = 1024;

  explicit SpinV1Host(const GrantedStores& stores) noexcept : stores_(stores) {}
  using Error = wit::fermyon_spin_key_value_v1::Error;
  template <class T>
  using Answer = component::HostResult<std::expected<T, Error>>;
  using Handle = wit::fermyon_spin_key_value_v1::Store;

  [[nodiscard]] Answer<Handle> open(component::Call& call, std::string_view name) override;
  [[nodiscard]] Answer<Bytes> get(component::Call& call, Handle store, std::string_view key)
      override;
  [[nodiscard]] Answer<void> set(
      component::Call& call, Handle store, std::string_view key, ByteView value
  ) override;
  [[nodiscard]] Answer<void> delete_(component::Call& call, Handle store, std::string_view key)
      override;
  [[nodiscard]] Answer<bool> exists(component::Call& call, Handle store, std::string_view key)
      override;
  [[nodiscard]] Answer<std::vector<std::string>> get_keys(component::Call& call, Handle store)
      override;
  [[nodiscard]] component::HostResult<> close(component::Call& call, Handle store) override;
  void reset() noexcept override;

 private:
  [[nodiscard]] std::shared_ptr<Store> find(Handle handle) const;

  const GrantedStores& stores_;
  std::map<Handle, std::shared_ptr<Store>> open_;
  Handle next_ = 0;
};

/// wasi:keyvalue/store. Keeps nothing of an instance, like the two below.
class WasiStoreHost final : public wit::wasi_keyvalue_store::Host {
 public:
  explicit WasiStoreHost(const GrantedStores& stores) noexcept : stores_(stores) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::wasi_keyvalue_store::Bucket>,
      wit::wasi_keyvalue_store::Error>>
  open(component::Call& call, std::string_view identifier) override;

 private:
  const GrantedStores& stores_;
};

class WasiAtomicsHost final : public wit::wasi_keyvalue_atomics::Host {
 public:
  /// Bytes of keys and values that the handles of a component's instances hold.
  static constexpr std::uint64_t kMaxKept = std::uint64_t{256} << 20;

  using Error = wit::wasi_keyvalue_atomics::Error;
  using Bucket = wit::wasi_keyvalue_atomics::Bucket;
  using Cas = wit::wasi_keyvalue_atomics::Cas;
  using CasError = wit::wasi_keyvalue_atomics::CasError;

  [[nodiscard]] component::HostResult<std::expected<component::Own<Cas>, Error>> cas_new(
      component::Call& call, Bucket& bucket, std::string_view key
  ) override;
  [[nodiscard]] component::HostResult<std::expected<std::int64_t, Error>> increment(
      component::Call& call, Bucket& bucket, std::string_view key, std::int64_t delta
  ) override;
  /// A value that was changed meanwhile comes back as a new handle that has read it.
  [[nodiscard]] component::HostResult<std::expected<void, CasError>> swap(
      component::Call& call, component::Own<Cas> cas, ByteView value
  ) override;

 private:
  std::shared_ptr<KeptMemory> kept_ = std::make_shared<KeptMemory>(kMaxKept);
};

class WasiBatchHost final : public wit::wasi_keyvalue_batch::Host {
 public:
  using Error = wit::wasi_keyvalue_batch::Error;
  using Bucket = wit::wasi_keyvalue_batch::Bucket;

  [[nodiscard]] component::HostResult<std::expected<FoundPairs, Error>> get_many(
      component::Call& call, Bucket& bucket, std::vector<std::string_view> keys
  ) override;
  [[nodiscard]] component::HostResult<std::expected<void, Error>> set_many(
      component::Call& call, Bucket& bucket, std::vector<PairView> key_values
  ) override;
  [[nodiscard]] component::HostResult<std::expected<void, Error>> delete_many(
      component::Call& call, Bucket& bucket, std::vector<std::string_view> keys
  ) override;
};

}  // namespace whorl::host::key_value
