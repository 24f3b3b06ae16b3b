/// IoError: what a failed stream operation tells the guest.
#pragma once

#include "base/error.hpp"
#include "wit/wasi_http_types.hpp"
#include "wit/wasi_io_error.hpp"

#include <optional>
#include <string>
#include <utility>

namespace whorl::wasi::p2 {

using ErrorCode = wit::wasi_http_types::ErrorCode;

/// Which side of an exchange a body belongs to; size errors have a code for each.
enum class MessageKind : std::uint8_t { Request, Response };

/// The HTTP error a guest sees when a body that it reads is cut for a reason of ours or the peer's.
[[nodiscard]] ErrorCode to_error_code(ErrorKind why, MessageKind message);
/// The code for a body whose length is not what its `content-length` says.
[[nodiscard]] ErrorCode body_size_error(MessageKind message, std::uint64_t bytes);

class IoError final : public wit::wasi_io_error::Error {
 public:
  /// @param text  for people; no host path, address or key
  explicit IoError(std::string text, std::optional<ErrorCode> code = std::nullopt)
      : text_(std::move(text)), code_(std::move(code)) {}
  [[nodiscard]] component::HostResult<std::string> to_debug_string(component::Call& call) override;
  /// The HTTP error behind it, if there is one.
  [[nodiscard]] const std::optional<ErrorCode>& http_code() const noexcept { return code_; }
  /// The error number of the file operation behind it; 0 when there is none.
  [[nodiscard]] int os_error() const noexcept { return os_error_; }
  void set_os_error(int number) noexcept { os_error_ = number; }

 private:
  std::string text_;
  std::optional<ErrorCode> code_;
  int os_error_ = 0;
};

}  // namespace whorl::wasi::p2
