/// wasi:http/types of 0.3: fields and request-options.
#pragma once

#include "base/local_ptr.hpp"
#include "http/client_exchange.hpp"
#include "wasi/fields_handle.hpp"
#include "wit/wasi_http_types_p3.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::wasi::p3 {

namespace types = wit::wasi_http_types_p3;

class Fields final : public types::Fields {
 public:
  using FieldValue = types::FieldValue;
  /// What a change tells the guest.
  using Change = std::expected<void, types::HeaderError>;

  explicit Fields(FieldsHandle handle) noexcept : handle_(std::move(handle)) {}

  [[nodiscard]] component::HostResult<std::vector<FieldValue>> get(
      component::Call& call, std::string_view name
  ) override;
  [[nodiscard]] component::HostResult<bool> has(component::Call& call, std::string_view name)
      override;
  [[nodiscard]] component::HostResult<Change> set(
      component::Call& call, std::string_view name, std::vector<ByteView> value
  ) override;
  [[nodiscard]] component::HostResult<Change> delete_(component::Call& call, std::string_view name)
      override;
  [[nodiscard]] component::HostResult<std::expected<std::vector<FieldValue>, types::HeaderError>>
  get_and_delete(component::Call& call, std::string_view name) override;
  [[nodiscard]] component::HostResult<Change> append(
      component::Call& call, std::string_view name, ByteView value
  ) override;
  [[nodiscard]] component::HostResult<std::vector<std::tuple<types::FieldName, FieldValue>>>
  copy_all(component::Call& call) override;
  [[nodiscard]] component::HostResult<component::Own<types::Fields>> clone(component::Call& call
  ) override;

  /// The fields, shared with the message they become part of.
  [[nodiscard]] const LocalPtr<FieldMap>& map() const noexcept { return handle_.map(); }

 private:
  FieldsHandle handle_;
};

/// A handle on a message's fields, through which they cannot be changed.
[[nodiscard]] component::Own<types::Fields> immutable_view(
    HostMemory& memory, LocalPtr<FieldMap> map
);
/// The `fields` a guest hands over become part of a message.
[[nodiscard]] LocalPtr<FieldMap> into_map(component::Own<types::Fields> fields);
/// What a guest is told about a refused change; without memory for it a trap.
[[nodiscard]] component::HostResult<Fields::Change> to_guest(
    const std::expected<void, FieldError>& change
);

class RequestOptions final : public types::RequestOptions {
 public:
  using Duration = types::Duration;
  using Timeout = component::HostResult<std::optional<Duration>>;
  using Accepted = component::HostResult<std::expected<void, types::RequestOptionsError>>;
  /// In the order of connect, first byte, between bytes; what is not set is as the host has it.
  using Timeouts = std::array<std::optional<Duration>, 3>;

  RequestOptions() = default;
  /// @param access  those of a request cannot be changed any more
  RequestOptions(Timeouts timeouts, FieldsHandle::Access access) noexcept
      : timeouts_(timeouts), access_(access) {}

  [[nodiscard]] Timeout get_connect_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_connect_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;
  [[nodiscard]] Timeout get_first_byte_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_first_byte_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;
  [[nodiscard]] Timeout get_between_bytes_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_between_bytes_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;
  [[nodiscard]] component::HostResult<component::Own<types::RequestOptions>> clone(
      component::Call& call
  ) override;

  [[nodiscard]] const Timeouts& timeouts() const noexcept { return timeouts_; }

 private:
  [[nodiscard]] Accepted set(std::size_t which, std::optional<Duration> duration);

  Timeouts timeouts_{};
  FieldsHandle::Access access_ = FieldsHandle::Access::Mutable;
};

[[nodiscard]] http::ClientTimeouts to_client_timeouts(const RequestOptions::Timeouts& from
) noexcept;

}  // namespace whorl::wasi::p3
