/// For tests: WebAssembly binaries put together by hand, a fake host to link them with.
#pragma once

#include "base/bytes.hpp"
#include "component/host.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace whorl::component::testing {

/// Bytes under construction.
class Wasm {
 public:
  Wasm() = default;
  Wasm(std::initializer_list<int> bytes);
  Wasm& byte(int value);
  Wasm& leb(std::uint32_t value);
  Wasm& name(std::string_view text);
  Wasm& add(const Wasm& other);
  [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

 private:
  Bytes bytes_;
};

using Parts = std::vector<Wasm>;

/// A vector: its length, then its items.
[[nodiscard]] Wasm vec(const Parts& items);
[[nodiscard]] Wasm section(int id, const Wasm& body);
[[nodiscard]] Bytes module(const Parts& sections);
[[nodiscard]] Bytes component(const Parts& sections);
[[nodiscard]] Wasm raw(ByteView bytes);

// --- core modules ------------------------------------------------------------------------------
/// A function type; value types by code: 0x7f is i32.
[[nodiscard]] Wasm func_type(std::initializer_list<int> params, std::initializer_list<int> results);
[[nodiscard]] Wasm func_import(std::string_view module, std::string_view name, std::uint32_t type);
[[nodiscard]] Wasm core_export(std::string_view name, int kind, std::uint32_t index);
/// A body without locals; the end is added.
[[nodiscard]] Wasm body(std::initializer_list<int> code);

/// A shim of `n` functions (i32, i32) -> (), in the form that componentizing tools emit.
[[nodiscard]] Bytes shim_module(std::uint32_t n);
/// Its fix-up; `start` adds an import "main" "init" that is the start function.
enum class WithStart : std::uint8_t { No, Yes };
[[nodiscard]] Bytes fixup_module(std::uint32_t n, WithStart start);

// --- components --------------------------------------------------------------------------------
[[nodiscard]] Wasm import_instance(std::string_view name, std::uint32_t type);
/// An exported function of an instance type.
[[nodiscard]] Wasm export_func(std::string_view name, std::uint32_t type);
[[nodiscard]] Wasm alias_core_export(int sort, std::uint32_t instance, std::string_view name);
[[nodiscard]] Wasm alias_export(int sort, std::uint32_t instance, std::string_view name);

// --- a host ------------------------------------------------------------------------------------
/// What was done to the fake host.
struct Log {
  std::vector<std::string> lines;
  int things = 0;  ///< alive
};

/// "test:host/log@1.2.0": log: func(text: string); resource thing { make: static func() -> thing;
/// value: func() -> u32 }. Its Host object is a Log.
[[nodiscard]] const HostInterface& log_interface();
[[nodiscard]] HostRegistry& test_registry();

}  // namespace whorl::component::testing
