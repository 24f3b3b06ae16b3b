/// wasi:filesystem for a component without files: no directory is open to it, so it never holds a
/// descriptor.
#pragma once

#include "wit/wasi_filesystem_preopens.hpp"
#include "wit/wasi_filesystem_types.hpp"

namespace whorl::wasi::p2 {

class PreopensHost final : public wit::wasi_filesystem_preopens::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::vector<std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>>>
  get_directories(component::Call& call) override;
};

class FilesystemTypesHost final : public wit::wasi_filesystem_types::Host {
 public:
  /// No stream error comes from a file.
  [[nodiscard]] component::HostResult<std::optional<wit::wasi_filesystem_types::ErrorCode>>
  filesystem_error_code(component::Call& call, wit::wasi_io_error::Error& err) override;
};

}  // namespace whorl::wasi::p2
