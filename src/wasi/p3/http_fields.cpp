#include "wasi/p3/http_fields.hpp"

#include <algorithm>
#include <limits>

namespace whorl::wasi::p3 {

// --- fields --------------------------------------------------------------------------------------

component::HostResult<Fields::Change> to_guest(const std::expected<void, FieldError>& change) {
  using Error = types::HeaderError;
  if (change) {
    return Fields::Change();
  }
  switch (change.error()) {
    case FieldError::InvalidSyntax:
      return Fields::Change(std::unexpect, Error::invalid_syntax());
    case FieldError::Forbidden:
      return Fields::Change(std::unexpect, Error::forbidden());
    case FieldError::Immutable:
      return Fields::Change(std::unexpect, Error::immutable());
    case FieldError::TooLarge:
      return Fields::Change(std::unexpect, Error::size_exceeded());
    case FieldError::OutOfMemory:
      break;
  }
  return std::unexpected(field_trap(change.error()));
}

component::Own<types::Fields> immutable_view(HostMemory& memory, LocalPtr<FieldMap> map) {
  return std::make_unique<Fields>(
      FieldsHandle(memory, std::move(map), FieldsHandle::Access::Immutable)
  );
}

LocalPtr<FieldMap> into_map(component::Own<types::Fields> fields) {
  return static_cast<Fields&>(*fields).map();  // every resource of this process is ours
}

component::HostResult<std::vector<Fields::FieldValue>> Fields::get(
    component::Call&, std::string_view name
) {
  return handle_.get(name);
}

component::HostResult<bool> Fields::has(component::Call&, std::string_view name) {
  return handle_.has(name);
}

component::HostResult<Fields::Change> Fields::set(
    component::Call&, std::string_view name, std::vector<ByteView> value
) {
  return to_guest(handle_.set(name, value));
}

component::HostResult<Fields::Change> Fields::delete_(component::Call&, std::string_view name) {
  return to_guest(handle_.remove(name));
}

component::HostResult<std::expected<std::vector<Fields::FieldValue>, types::HeaderError>>
Fields::get_and_delete(component::Call&, std::string_view name) {
  using Outcome = std::expected<std::vector<FieldValue>, types::HeaderError>;
  std::vector<FieldValue> values = handle_.get(name);
  auto removed = to_guest(handle_.remove(name));
  if (!removed) {
    return std::unexpected(std::move(removed.error()));
  }
  if (!*removed) {
    return Outcome(std::unexpect, std::move(removed->error()));
  }
  return Outcome(std::move(values));
}

component::HostResult<Fields::Change> Fields::append(
    component::Call&, std::string_view name, ByteView value
) {
  return to_guest(handle_.append(name, value));
}

component::HostResult<std::vector<std::tuple<types::FieldName, Fields::FieldValue>>>
Fields::copy_all(component::Call&) {
  return handle_.entries();
}

component::HostResult<component::Own<types::Fields>> Fields::clone(component::Call&) {
  auto copy = handle_.clone();
  if (!copy) {
    return std::unexpected(field_trap(copy.error()));
  }
  return std::make_unique<Fields>(*std::move(copy));
}

// --- request-options -----------------------------------------------------------------------------

RequestOptions::Accepted RequestOptions::set(std::size_t which, std::optional<Duration> duration) {
  using Outcome = std::expected<void, types::RequestOptionsError>;
  if (access_ == FieldsHandle::Access::Immutable) {
    return Outcome(std::unexpect, types::RequestOptionsError::immutable());
  }
  timeouts_[which] = duration;
  return Outcome();
}

RequestOptions::Timeout RequestOptions::get_connect_timeout(component::Call&) {
  return timeouts_[0];
}
RequestOptions::Timeout RequestOptions::get_first_byte_timeout(component::Call&) {
  return timeouts_[1];
}
RequestOptions::Timeout RequestOptions::get_between_bytes_timeout(component::Call&) {
  return timeouts_[2];
}

RequestOptions::Accepted RequestOptions::set_connect_timeout(
    component::Call&, std::optional<Duration> duration
) {
  return set(0, duration);
}

RequestOptions::Accepted RequestOptions::set_first_byte_timeout(
    component::Call&, std::optional<Duration> duration
) {
  return set(1, duration);
}

RequestOptions::Accepted RequestOptions::set_between_bytes_timeout(
    component::Call&, std::optional<Duration> duration
) {
  return set(2, duration);
}

component::HostResult<component::Own<types::RequestOptions>>
RequestOptions::clone(component::Call&) {
  return std::make_unique<RequestOptions>(timeouts_, FieldsHandle::Access::Mutable);
}

http::ClientTimeouts to_client_timeouts(const RequestOptions::Timeouts& from) noexcept {
  const auto chosen = [](const std::optional<types::Duration>& duration) {
    constexpr auto kLongest =
        static_cast<types::Duration>(std::numeric_limits<std::int64_t>::max());
    return duration
               ? std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(*duration, kLongest)))
               : http::ClientTimeouts::kDefault;
  };
  return {
      .connect = chosen(from[0]),
      .first_byte = chosen(from[1]),
      .between_bytes = chosen(from[2]),
  };
}

}  // namespace whorl::wasi::p3
