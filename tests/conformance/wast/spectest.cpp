#include "spectest.hpp"

#include "component/test_wasm.hpp"

#include <bit>

namespace whorl::conformance {
namespace {

using component::testing::body;
using component::testing::core_export;
using component::testing::func_type;
using component::testing::Parts;
using component::testing::section;
using component::testing::vec;
using component::testing::Wasm;

constexpr int kI32 = 0x7f;
constexpr int kI64 = 0x7e;
constexpr int kF32 = 0x7d;
constexpr int kF64 = 0x7c;
constexpr int kFuncRef = 0x70;

Wasm float_global(int type, int opcode, std::uint64_t bits, int bytes) {
  Wasm out{type, 0, opcode};
  for (int i = 0; i < bytes; ++i) {
    out.byte(static_cast<int>(bits >> (8 * i) & 0xff));
  }
  return out.byte(0x0b);
}

}  // namespace

Bytes spectest_module() {
  const Wasm i32_666{kI32, 0, 0x41, 0x9a, 0x05, 0x0b};
  const Wasm i64_666{kI64, 0, 0x42, 0x9a, 0x05, 0x0b};
  const Wasm f32_666_6 = float_global(kF32, 0x43, std::bit_cast<std::uint32_t>(666.6F), 4);
  const Wasm f64_666_6 = float_global(kF64, 0x44, std::bit_cast<std::uint64_t>(666.6), 8);
  const Wasm nothing = body({});
  return component::testing::module({
      section(
          1,
          vec(
              {func_type({}, {}),
               func_type({kI32}, {}),
               func_type({kI64}, {}),
               func_type({kF32}, {}),
               func_type({kF64}, {}),
               func_type({kI32, kF32}, {}),
               func_type({kF64, kF64}, {})}
          )
      ),
      section(3, vec({Wasm{0}, Wasm{1}, Wasm{2}, Wasm{3}, Wasm{4}, Wasm{5}, Wasm{6}})),
      section(4, vec({Wasm{kFuncRef, 1, 10, 20}})),
      section(5, vec({Wasm{1, 1, 2}})),
      section(6, vec({i32_666, i64_666, f32_666_6, f64_666_6})),
      section(
          7,
          vec(
              {core_export("print", 0, 0),
               core_export("print_i32", 0, 1),
               core_export("print_i64", 0, 2),
               core_export("print_f32", 0, 3),
               core_export("print_f64", 0, 4),
               core_export("print_i32_f32", 0, 5),
               core_export("print_f64_f64", 0, 6),
               core_export("table", 1, 0),
               core_export("memory", 2, 0),
               core_export("global_i32", 3, 0),
               core_export("global_i64", 3, 1),
               core_export("global_f32", 3, 2),
               core_export("global_f64", 3, 3)}
          )
      ),
      section(10, vec(Parts(7, nothing))),
  });
}

Bytes simple_module() {
  return component::testing::module({
      section(1, vec({func_type({}, {kI32})})),
      section(3, vec({Wasm{0}})),
      section(6, vec({Wasm{kI32, 0, 0x41, 0xe4, 0x00, 0x0b}})),
      section(7, vec({core_export("f", 0, 0), core_export("g", 3, 0)})),
      section(10, vec({body({0x41, 0xe5, 0x00})})),
  });
}

Bytes global_reader(std::uint8_t type, bool is_mutable) {
  return component::testing::module({
      section(1, vec({func_type({}, {type})})),
      section(2, vec({Wasm().name("").name("").byte(3).byte(type).byte(is_mutable ? 1 : 0)})),
      section(3, vec({Wasm{0}})),
      section(7, vec({core_export("get", 0, 0)})),
      section(10, vec({body({0x23, 0})})),
  });
}

}  // namespace whorl::conformance
