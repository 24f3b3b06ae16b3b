/// What guests import to read their variables, in its four forms: `spin:variables@3.0.0`,
/// `fermyon:spin/variables@2.0.0`, the older `fermyon:spin/config`, and `wasi:config/store`.
///
/// The objects keep nothing of an instance, so that all instances of a component share them.
#pragma once

#include "component/host.hpp"
#include "host/variables/app_variables.hpp"
#include "wit/fermyon_spin_config_v1.hpp"
#include "wit/fermyon_spin_variables.hpp"
#include "wit/spin_variables_variables.hpp"
#include "wit/wasi_config_store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace whorl::host::variables {

/// How many interfaces register_variables() registers.
inline constexpr std::size_t kInterfaceCount = 4;

/// Where the registry has put them. @thread any
struct Slots {
  std::array<std::uint16_t, kInterfaceCount> slots{};
};

/// Registers the interfaces. Once, at start.
[[nodiscard]] Slots register_variables(component::HostRegistry& registry);

class VariablesHost final : public wit::fermyon_spin_variables::Host {
 public:
  explicit VariablesHost(const ComponentVariables& values) noexcept : values_(values) {}
  [[nodiscard]] component::HostResult<
      std::expected<std::string, wit::fermyon_spin_variables::Error>>
  get(component::Call& call, std::string_view name) override;

 private:
  const ComponentVariables& values_;
};

/// The same, asynchronous in the interface: values are there, so it never waits.
class Variables3Host final : public wit::spin_variables_variables::Host {
 public:
  explicit Variables3Host(const ComponentVariables& values) noexcept : values_(values) {}
  [[nodiscard]] component::HostResult<
      std::expected<std::string, wit::spin_variables_variables::Error>>
  get(component::Call& call, std::string name) override;

 private:
  const ComponentVariables& values_;
};

class ConfigHost final : public wit::fermyon_spin_config_v1::Host {
 public:
  explicit ConfigHost(const ComponentVariables& values) noexcept : values_(values) {}
  [[nodiscard]] component::HostResult<
      std::expected<std::string, wit::fermyon_spin_config_v1::Error>>
  get_config(component::Call& call, std::string_view key) override;

 private:
  const ComponentVariables& values_;
};

class StoreHost final : public wit::wasi_config_store::Host {
 public:
  explicit StoreHost(const ComponentVariables& values) noexcept : values_(values) {}
  [[nodiscard]] component::HostResult<
      std::expected<std::optional<std::string>, wit::wasi_config_store::Error>>
  get(component::Call& call, std::string_view key) override;
  [[nodiscard]] component::HostResult<std::expected<
      std::vector<std::tuple<std::string, std::string>>,
      wit::wasi_config_store::Error>>
  get_all(component::Call& call) override;

 private:
  const ComponentVariables& values_;
};

/// The host objects of one component. @thread any
class Hosts {
 public:
  /// @param values  never null
  explicit Hosts(std::shared_ptr<const ComponentVariables> values);
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  /// Writes the host objects to their places in `hosts`, which has one per slot of the registry.
  void fill(const Slots& slots, std::span<void*> hosts);

 private:
  std::shared_ptr<const ComponentVariables> values_;
  VariablesHost variables_;
  Variables3Host variables3_;
  ConfigHost config_;
  StoreHost store_;
};

}  // namespace whorl::host::variables
