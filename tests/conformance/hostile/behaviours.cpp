#include "corpus.hpp"

namespace whorl::hostile {

using engine::TrapKind;

std::uint32_t import_note(Component& component) {
  const Wasm func{0x40, 0, 1, 0};
  const Wasm instance_type = Wasm{0x42}.add(
      component::testing::vec({Wasm{1}.add(func), component::testing::export_func("note", 0)})
  );
  const std::uint32_t type = component.define(instance_type);
  component.raw(
      10, component::testing::vec({component::testing::import_instance(kHostInterface, type)})
  );
  return component.alias_func(component.imported_instance(), "note");
}

Func deep_func(std::uint32_t self) {
  return {{}, {}, Code().call(self), "deep", {}};
}

std::vector<Behaviour> behaviours(std::uint32_t deep) {
  return {
      {"unreachable", Code().unreachable(), TrapKind::Unreachable, "executed `unreachable`"},
      {"endless loop", Code().spin().unreachable(), TrapKind::CpuBudget, ""},
      {"endless recursion",
       Code().call(deep).unreachable(),
       TrapKind::StackOverflow,
       "guest stack overflow"},
      {"load beyond memory",
       Code().i32(0xffff'fff0).op({0x28, 2, 0, 0x1a}).unreachable(),
       TrapKind::MemoryOutOfBounds,
       "memory access out of bounds"},
      {"division by zero",
       Code().i32(1).i32(0).op({0x6e, 0x1a}).unreachable(),
       TrapKind::IntegerDivideByZero,
       "integer division by zero"},
      {"fill beyond memory",
       Code().i32(0).i32(1).i32(0xffff'ffff).op({0xfc, 11, 0}).unreachable(),
       TrapKind::MemoryOutOfBounds,
       "memory access out of bounds"},
      {"float that fits no integer",
       // f32.const inf; i32.trunc_f32_s
       Code().op({0x43, 0x00, 0x00, 0x80, 0x7f, 0xa8, 0x1a}).unreachable(),
       TrapKind::IntegerOverflow,
       ""},
  };
}

}  // namespace whorl::hostile
