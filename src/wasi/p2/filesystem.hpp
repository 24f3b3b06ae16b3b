/// wasi:filesystem: the folders that are open to a component, and what stands behind a stream's
/// error. Files and folders themselves: p2/descriptor.hpp.
#pragma once

#include "wasi/context.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_filesystem_preopens.hpp"
#include "wit/wasi_filesystem_types.hpp"

namespace whorl::wasi::p2 {

class PreopensHost final : public wit::wasi_filesystem_preopens::Host {
 public:
  PreopensHost(const Surroundings& around, const InstanceContext& context) noexcept
      : around_(around), context_(context) {}
  [[nodiscard]] component::HostResult<
      std::vector<std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>>>
  get_directories(component::Call& call) override;

 private:
  const Surroundings& around_;
  const InstanceContext& context_;
};

class FilesystemTypesHost final : public wit::wasi_filesystem_types::Host {
 public:
  /// None for an error that comes from something else.
  [[nodiscard]] component::HostResult<std::optional<wit::wasi_filesystem_types::ErrorCode>>
  filesystem_error_code(component::Call& call, wit::wasi_io_error::Error& err) override;
};

}  // namespace whorl::wasi::p2
