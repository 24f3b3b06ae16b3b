#include "engine/trap.hpp"

#include "engine/driver.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <cstdlib>

namespace whorl::engine {
namespace {

struct CodeMeaning {
  wasmtime_trap_code_t code;
  TrapKind kind;
  const char* message;
};
constexpr CodeMeaning kMeanings[] = {
    {WASMTIME_TRAP_CODE_STACK_OVERFLOW, TrapKind::StackOverflow, "guest stack overflow"},
    {WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS,
     TrapKind::MemoryOutOfBounds,
     "memory access out of bounds"},
    {WASMTIME_TRAP_CODE_HEAP_MISALIGNED, TrapKind::Other, "misaligned atomic access"},
    {WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS,
     TrapKind::TableOutOfBounds,
     "table access out of bounds"},
    {WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL,
     TrapKind::IndirectCallMismatch,
     "indirect call to an empty table entry"},
    {WASMTIME_TRAP_CODE_BAD_SIGNATURE,
     TrapKind::IndirectCallMismatch,
     "indirect call to a function of another type"},
    {WASMTIME_TRAP_CODE_INTEGER_OVERFLOW, TrapKind::IntegerOverflow, "integer overflow"},
    {WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO,
     TrapKind::IntegerDivideByZero,
     "integer division by zero"},
    {WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER,
     TrapKind::BadConversion,
     "a float does not fit the integer it is converted to"},
    {WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED,
     TrapKind::Unreachable,
     "the guest executed `unreachable`"},
    {WASMTIME_TRAP_CODE_NULL_REFERENCE, TrapKind::Other, "use of a null reference"},
    {WASMTIME_TRAP_CODE_ATOMIC_WAIT_NON_SHARED_MEMORY,
     TrapKind::Other,
     "atomic wait on a memory that is not shared"},
    {WASMTIME_TRAP_CODE_ALLOCATION_TOO_LARGE,
     TrapKind::ResourceLimit,
     "an allocation is larger than the engine allows"},
};

std::string name_text(const wasm_name_t* name) {
  return name == nullptr ? std::string() : std::string(capi::text_of(*name));
}

/// Old Rust symbols end in "::h" and 16 hex digits that mean nothing to a reader.
void drop_rust_hash(std::string& name) {
  constexpr std::size_t kHashLength = 19;
  if (name.size() > kHashLength && name.compare(name.size() - kHashLength, 3, "::h") == 0 &&
      name.find_first_not_of("0123456789abcdef", name.size() - kHashLength + 3) ==
          std::string::npos) {
    name.resize(name.size() - kHashLength);
  }
}

Trap from_error_text(std::string text) {
  Trap trap;
  trap.message = capi::root_cause(text);
  trap.kind = TrapKind::Other;
  for (const std::string_view limit :
       {"maximum concurrent limit", "resource limit exceeded", "exceeds memory limits"}) {
    if (trap.message.find(limit) != std::string::npos) {
      trap.kind = TrapKind::ResourceLimit;
    }
  }
  return trap;
}

}  // namespace

std::string demangled(std::string_view name) {
  std::string text(name);
  if (!name.starts_with("_Z")) {
    return text;
  }
  int status = 0;
  const std::unique_ptr<char, capi::Deleter<std::free>> plain(
      abi::__cxa_demangle(text.c_str(), nullptr, nullptr, &status)
  );
  if (status != 0 || plain == nullptr) {
    return text;
  }
  text = plain.get();
  drop_rust_hash(text);
  return text;
}

std::vector<TrapFrame> frames_of(const wasm_trap_t* trap, const wasmtime_error_t* error) {
  capi::FrameVec frames;
  if (trap != nullptr) {
    wasm_trap_trace(trap, &frames.vec);
  } else {
    wasmtime_error_wasm_trace(error, &frames.vec);
  }
  std::vector<TrapFrame> result;
  result.reserve(frames.vec.size);
  for (std::size_t i = 0; i < frames.vec.size; ++i) {
    const wasm_frame_t* frame = frames.vec.data[i];
    const wasm_name_t* module = wasmtime_frame_module_name(frame);
    if (module != nullptr && capi::text_of(*module) == kDriverName) {
      continue;
    }
    result.push_back(TrapFrame{
        .module = name_text(module),
        .function = demangled(name_text(wasmtime_frame_func_name(frame))),
        .function_index = wasm_frame_func_index(frame),
        .module_offset = wasm_frame_module_offset(frame),
    });
  }
  return result;
}

Trap to_trap(const wasm_trap_t* trap, const wasmtime_error_t* error) {
  Trap result;
  if (trap == nullptr) {
    result = from_error_text(capi::message_of(*error));
  } else {
    wasmtime_trap_code_t code = 0;
    if (wasmtime_trap_code(trap, &code)) {
      result.message = fmt::format("engine trap {}", code);
      for (const CodeMeaning& meaning : kMeanings) {
        if (meaning.code == code) {
          result.kind = meaning.kind;
          result.message = meaning.message;
        }
      }
    } else {
      capi::ByteVec text;
      wasm_trap_message(trap, &text.vec);
      result = from_error_text(std::string(capi::text_of(text.vec)));
    }
  }
  result.backtrace = frames_of(trap, error);
  return result;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds >= 1 || seconds <= 0) {
    return fmt::format("{:.4g} s", seconds);
  }
  if (seconds >= 1e-3) {
    return fmt::format("{:.4g} ms", seconds * 1e3);
  }
  return fmt::format("{:.4g} us", seconds * 1e6);
}

}  // namespace whorl::engine
