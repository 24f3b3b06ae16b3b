#include "engine/types.hpp"

#include <fmt/format.h>

#include <iterator>

namespace whorl::engine {
namespace {

std::string_view name_of(ValType type) noexcept {
  switch (type) {
    case ValType::I32:
      return "i32";
    case ValType::I64:
      return "i64";
    case ValType::F32:
      return "f32";
    case ValType::F64:
      return "f64";
    case ValType::V128:
      return "v128";
    case ValType::FuncRef:
      return "funcref";
    case ValType::ExternRef:
      return "externref";
    case ValType::Other:
      break;
  }
  return "ref";
}

std::string list_of(const std::vector<ValType>& types) {
  std::string text = "(";
  for (const ValType type : types) {
    text += text.size() > 1 ? ", " : "";
    text += name_of(type);
  }
  return text + ")";
}

}  // namespace

std::string to_string(const FuncType& type) {
  const std::string results =
      type.results.size() == 1 ? std::string(name_of(type.results.front())) : list_of(type.results);
  return fmt::format("{} -> {}", list_of(type.params), results);
}

std::string_view to_string(TrapKind kind) noexcept {
  switch (kind) {
    case TrapKind::Unreachable:
      return "unreachable";
    case TrapKind::MemoryOutOfBounds:
      return "memory-out-of-bounds";
    case TrapKind::TableOutOfBounds:
      return "table-out-of-bounds";
    case TrapKind::IndirectCallMismatch:
      return "indirect-call-mismatch";
    case TrapKind::IntegerOverflow:
      return "integer-overflow";
    case TrapKind::IntegerDivideByZero:
      return "integer-divide-by-zero";
    case TrapKind::BadConversion:
      return "bad-conversion";
    case TrapKind::StackOverflow:
      return "stack-overflow";
    case TrapKind::HostTrap:
      return "host-trap";
    case TrapKind::Exit:
      return "exit";
    case TrapKind::CpuBudget:
      return "cpu-budget";
    case TrapKind::WallDeadline:
      return "wall-deadline";
    case TrapKind::Cancelled:
      return "cancelled";
    case TrapKind::Other:
      return "other";
    case TrapKind::ResourceLimit:
      return "resource-limit";
  }
  return "other";
}

std::string Trap::to_text() const {
  std::string text = message;
  for (std::size_t i = 0; i < backtrace.size(); ++i) {
    const TrapFrame& frame = backtrace[i];
    const std::string name =
        frame.function.empty() ? fmt::format("function {}", frame.function_index) : frame.function;
    const std::string_view module =
        frame.module.empty() ? std::string_view("<module>") : std::string_view(frame.module);
    fmt::format_to(
        std::back_inserter(text),
        "\n  {}: {}!{} (offset {:#x})",
        i,
        module,
        name,
        frame.module_offset
    );
  }
  return text;
}

}  // namespace whorl::engine
