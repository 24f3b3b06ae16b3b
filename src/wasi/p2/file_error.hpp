/// From Linux's error numbers to wasi:filesystem's error-code. @thread any
#pragma once

#include "wasi/files/metadata.hpp"
#include "wasi/files/os_result.hpp"
#include "wit/wasi_filesystem_types.hpp"

namespace whorl::wasi::p2 {

using FileErrorCode = wit::wasi_filesystem_types::ErrorCode;

[[nodiscard]] FileErrorCode to_file_error(int number) noexcept;
[[nodiscard]] wit::wasi_filesystem_types::DescriptorType to_descriptor_type(files::Type type
) noexcept;

}  // namespace whorl::wasi::p2
