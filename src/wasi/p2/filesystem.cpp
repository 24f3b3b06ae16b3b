#include "wasi/p2/filesystem.hpp"

namespace whorl::wasi::p2 {

component::HostResult<
    std::vector<std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>>>
PreopensHost::get_directories(component::Call&) {
  return std::vector<
      std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>>();
}

component::HostResult<std::optional<wit::wasi_filesystem_types::ErrorCode>>
FilesystemTypesHost::filesystem_error_code(component::Call&, wit::wasi_io_error::Error&) {
  return std::nullopt;
}

}  // namespace whorl::wasi::p2
