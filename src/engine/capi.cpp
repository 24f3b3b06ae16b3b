#include "engine/capi.hpp"

#include <array>

namespace whorl::engine::capi {

std::string message_of(const wasmtime_error_t& error) {
  ByteVec text;
  wasmtime_error_message(&error, &text.vec);
  return std::string(text_of(text.vec));
}

std::string root_cause(std::string_view message) {
  // The engine prints a chain of causes; the last line of it that says something is the root.
  constexpr std::string_view kCausedBy = "Caused by:";
  const auto at = message.rfind(kCausedBy);
  std::string_view tail =
      at == std::string_view::npos ? message : message.substr(at + kCausedBy.size());
  if (at == std::string_view::npos) {
    tail = tail.substr(0, tail.find('\n'));
  }
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ' || tail.back() == '\0')) {
    tail.remove_suffix(1);
  }
  if (const auto line = tail.rfind('\n'); line != std::string_view::npos) {
    tail.remove_prefix(line + 1);
  }
  const auto first = tail.find_first_not_of(" \t");
  tail.remove_prefix(first == std::string_view::npos ? tail.size() : first);
  // "2: cause" when the chain has several links.
  const auto digits = tail.find_first_not_of("0123456789");
  if (digits != 0 && digits != std::string_view::npos && tail.substr(digits).starts_with(": ")) {
    tail.remove_prefix(digits + 2);
  }
  return std::string(tail);
}

namespace {

ValType to_val_type(const wasm_valtype_t& type) {
  wasmtime_valtype_t copy;
  wasmtime_valtype_new(&type, &copy);
  ValType result = ValType::Other;
  switch (copy.kind) {
    case WASMTIME_VALTYPE_KIND_I32:
      result = ValType::I32;
      break;
    case WASMTIME_VALTYPE_KIND_I64:
      result = ValType::I64;
      break;
    case WASMTIME_VALTYPE_KIND_F32:
      result = ValType::F32;
      break;
    case WASMTIME_VALTYPE_KIND_F64:
      result = ValType::F64;
      break;
    case WASMTIME_VALTYPE_KIND_V128:
      result = ValType::V128;
      break;
    case WASMTIME_VALTYPE_KIND_REF:
      if (copy.reftype.nullable && copy.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_FUNC) {
        result = ValType::FuncRef;
      } else if (copy.reftype.nullable &&
                 copy.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_EXTERN) {
        result = ValType::ExternRef;
      }
      break;
    default:
      break;
  }
  wasmtime_valtype_delete(&copy);
  return result;
}

wasm_valtype_t* to_wasm(ValType type) {
  switch (type) {
    case ValType::I32:
      return wasm_valtype_new(WASM_I32);
    case ValType::I64:
      return wasm_valtype_new(WASM_I64);
    case ValType::F32:
      return wasm_valtype_new(WASM_F32);
    case ValType::F64:
      return wasm_valtype_new(WASM_F64);
    case ValType::V128:
      return wasmtime_wasm_valtype_v128();
    case ValType::FuncRef:
      return wasm_valtype_new(WASM_FUNCREF);
    case ValType::ExternRef:
      return wasm_valtype_new(WASM_EXTERNREF);
    case ValType::Other:
      break;
  }
  return nullptr;
}

void fill(wasm_valtype_vec_t& out, const std::vector<ValType>& types) {
  wasm_valtype_vec_new_uninitialized(&out, types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    out.data[i] = to_wasm(types[i]);
  }
}

bool has_other(const std::vector<ValType>& types) {
  for (const ValType type : types) {
    if (type == ValType::Other) {
      return true;
    }
  }
  return false;
}

}  // namespace

FuncType to_func_type(const wasm_functype_t& type) {
  FuncType result;
  const wasm_valtype_vec_t* params = wasm_functype_params(&type);
  const wasm_valtype_vec_t* results = wasm_functype_results(&type);
  result.params.reserve(params->size);
  result.results.reserve(results->size);
  for (std::size_t i = 0; i < params->size; ++i) {
    result.params.push_back(to_val_type(*params->data[i]));
  }
  for (std::size_t i = 0; i < results->size; ++i) {
    result.results.push_back(to_val_type(*results->data[i]));
  }
  return result;
}

FuncTypePtr to_wasm(const FuncType& type) {
  if (has_other(type.params) || has_other(type.results)) {
    return nullptr;
  }
  wasm_valtype_vec_t params;
  wasm_valtype_vec_t results;
  fill(params, type.params);
  fill(results, type.results);
  return FuncTypePtr(wasm_functype_new(&params, &results));
}

}  // namespace whorl::engine::capi
