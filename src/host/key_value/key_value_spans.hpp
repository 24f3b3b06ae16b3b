/// The spans of key-value calls, as Spin names them. Functions that both families have are called
/// after the interface that the guest imports; what only `wasi:keyvalue` has, after Spin's own.
#pragma once

#include "host/host_span.hpp"
#include "host/key_value/store.hpp"

#include <string_view>

namespace whorl::host::key_value::spans {

namespace spin {
inline constexpr SpanSite kOpen{"spin_key_value.open"};
inline constexpr SpanSite kGet{"spin_key_value.get"};
inline constexpr SpanSite kSet{"spin_key_value.set"};
inline constexpr SpanSite kDelete{"spin_key_value.delete"};
inline constexpr SpanSite kExists{"spin_key_value.exists"};
inline constexpr SpanSite kGetKeys{"spin_key_value.get_keys"};
inline constexpr SpanSite kGetMany{"spin_key_value.get_many"};
inline constexpr SpanSite kSetMany{"spin_key_value.set_many"};
inline constexpr SpanSite kDeleteMany{"spin_key_value.delete_many"};
inline constexpr SpanSite kIncrement{"spin_key_value.increment"};
inline constexpr SpanSite kSwap{"spin_key_value.swap"};
}  // namespace spin

namespace wasi {
inline constexpr SpanSite kOpen{"wasi_key_value.open"};
inline constexpr SpanSite kGet{"wasi_key_value.get"};
inline constexpr SpanSite kSet{"wasi_key_value.set"};
inline constexpr SpanSite kDelete{"wasi_key_value.delete"};
inline constexpr SpanSite kExists{"wasi_key_value.exists"};
inline constexpr SpanSite kListKeys{"wasi_key_value.list_keys"};
inline constexpr SpanSite kCasNew{"wasi_key_value_cas.new"};
inline constexpr SpanSite kCasCurrent{"wasi_key_value_cas.current"};
}  // namespace wasi

/// Notes what was opened. @param store  null: not granted
inline void note_opened(HostSpan& span, std::string_view label, const Store* store) {
  if (span.is_on()) [[unlikely]] {
    span.set("name", label)
        .set("kv.backend", store != nullptr ? store->backend() : std::string_view("unknown"));
    if (store == nullptr) {
      span.note_failure(ErrorKind::PermissionDenied);
    }
  }
}

}  // namespace whorl::host::key_value::spans
