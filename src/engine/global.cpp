// Globals of an instance, read and set from outside.
#include "engine/store.hpp"
#include "engine/store_impl.hpp"

#include <array>
#include <cstring>

namespace whorl::engine {
namespace {

struct Kind {
  wasmtime_valkind_t kind;
  ValType type;
  std::size_t bytes;
};
constexpr std::array<Kind, 5> kKinds = {{
    {WASMTIME_I32, ValType::I32, 4},
    {WASMTIME_I64, ValType::I64, 8},
    {WASMTIME_F32, ValType::F32, 4},
    {WASMTIME_F64, ValType::F64, 8},
    {WASMTIME_V128, ValType::V128, 16},
}};

}  // namespace

std::optional<Global> Store::as_global(const Extern& item) const noexcept {
  const auto raw = capi::bits<wasmtime_extern_t>(item);
  if (raw.kind != WASMTIME_EXTERN_GLOBAL) {
    return std::nullopt;
  }
  return capi::bits<Global>(raw.of.global);
}

std::optional<GlobalValue> Store::value_of(const Global& global) const noexcept {
  const auto raw = capi::bits<wasmtime_global_t>(global);
  wasmtime_val_t value = {};
  wasmtime_global_get(impl_->context, &raw, &value);
  for (const Kind& kind : kKinds) {
    if (value.kind == kind.kind) {
      GlobalValue out;
      out.type = kind.type;
      std::memcpy(&out.value, &value.of, kind.bytes);
      return out;
    }
  }
  wasmtime_val_unroot(&value);
  return std::nullopt;
}

bool Store::set_value(const Global& global, const GlobalValue& value) noexcept {
  const auto raw = capi::bits<wasmtime_global_t>(global);
  for (const Kind& kind : kKinds) {
    if (value.type == kind.type) {
      wasmtime_val_t set = {};
      set.kind = kind.kind;
      std::memcpy(&set.of, &value.value, kind.bytes);
      return capi::Error(wasmtime_global_set(impl_->context, &raw, &set)) == nullptr;
    }
  }
  return false;
}

}  // namespace whorl::engine
