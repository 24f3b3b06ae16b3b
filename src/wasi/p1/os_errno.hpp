/// Linux's error numbers, file types and times as preview 1 numbers them. @thread any
#pragma once

#include "wasi/files/metadata.hpp"
#include "wasi/files/os_result.hpp"
#include "wasi/p1/abi.hpp"

namespace whorl::wasi::p1 {

/// An errno of Linux.
[[nodiscard]] Errno to_errno(int number) noexcept;
template <class T>
[[nodiscard]] Errno to_errno(const files::OsResult<T>& result) noexcept {
  return result ? Errno::Success : to_errno(result.error());
}

[[nodiscard]] FileType to_file_type(files::Type type) noexcept;

}  // namespace whorl::wasi::p1
