#include "engine/driver.hpp"

#include "engine/store_impl.hpp"

#include <array>

namespace whorl::engine {
namespace {

// (module $whorl-driver
//   (import "h" "enter" (func))
//   (import "h" "suspend" (func))
//   (func (export "run") (call 0))
//   (func (export "block") (call 1))
//   (func (export "nap") (loop)))
// clang-format off
constexpr auto kDriver = std::to_array<std::uint8_t>({
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,                   // magic, version 1
    0x01, 0x04, 0x01, 0x60, 0x00, 0x00,                               // types: () -> ()
    0x02, 0x17, 0x02,                                                 // 2 imports
    0x01, 'h', 0x05, 'e', 'n', 't', 'e', 'r', 0x00, 0x00,
    0x01, 'h', 0x07, 's', 'u', 's', 'p', 'e', 'n', 'd', 0x00, 0x00,
    0x03, 0x04, 0x03, 0x00, 0x00, 0x00,                               // 3 functions
    0x07, 0x15, 0x03,                                                 // 3 exports
    0x03, 'r', 'u', 'n', 0x00, 0x02,
    0x05, 'b', 'l', 'o', 'c', 'k', 0x00, 0x03,
    0x03, 'n', 'a', 'p', 0x00, 0x04,
    0x0a, 0x11, 0x03,                                                 // 3 bodies
    0x04, 0x00, 0x10, 0x00, 0x0b,                                     // call 0
    0x04, 0x00, 0x10, 0x01, 0x0b,                                     // call 1
    0x05, 0x00, 0x03, 0x40, 0x0b, 0x0b,                               // a loop that goes round once
    0x00, 0x14, 0x04, 'n', 'a', 'm', 'e', 0x00, 0x0d,                 // the module's name
    0x0c, 'w', 'h', 'o', 'r', 'l', '-', 'd', 'r', 'i', 'v', 'e', 'r',
});
// clang-format on

Result<> checked(wasmtime_error_t* error) {
  if (error == nullptr) {
    return {};
  }
  const capi::Error owned(error);
  return fail(
      ErrorKind::Internal, "the driver module: {}", capi::root_cause(capi::message_of(*owned))
  );
}

}  // namespace

ByteView driver_bytes() noexcept {
  return kDriver;
}

Result<capi::InstancePre> make_driver(wasm_engine_t* engine, wasm_engine_t* compiler) {
  wasmtime_module_t* compiled = nullptr;
  WHORL_CHECKED(checked(wasmtime_module_new(compiler, kDriver.data(), kDriver.size(), &compiled)));
  const capi::Module elsewhere(compiled);
  capi::ByteVec code;
  WHORL_CHECKED(checked(wasmtime_module_serialize(elsewhere.get(), &code.vec)));
  wasmtime_module_t* raw_module = nullptr;
  WHORL_CHECKED(checked(wasmtime_module_deserialize(
      engine, reinterpret_cast<const std::uint8_t*>(code.vec.data), code.vec.size, &raw_module
  )));
  const capi::Module module(raw_module);
  return bind_driver(engine, *module);
}

Result<capi::InstancePre> bind_driver(wasm_engine_t* engine, const wasmtime_module_t& module) {
  const capi::Linker linker(wasmtime_linker_new(engine));
  const capi::FuncTypePtr type = capi::to_wasm(FuncType{});
  WHORL_CHECKED(checked(wasmtime_linker_define_func_unchecked(
      linker.get(), "h", 1, "enter", 5, type.get(), enter_thunk, nullptr, nullptr
  )));
  WHORL_CHECKED(checked(wasmtime_linker_define_async_func(
      linker.get(), "h", 1, "suspend", 7, type.get(), suspend_thunk, nullptr, nullptr
  )));
  wasmtime_instance_pre_t* pre = nullptr;
  WHORL_CHECKED(checked(wasmtime_linker_instantiate_pre(linker.get(), &module, &pre)));
  return capi::InstancePre(pre);
}

}  // namespace whorl::engine
