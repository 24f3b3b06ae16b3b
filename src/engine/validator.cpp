#include "engine/validator.hpp"

#include "engine/capi.hpp"

#include <fmt/format.h>
#include <wasmtime/component.h>

#include <algorithm>
#include <array>

namespace whorl::engine {
namespace {

using ComponentPtr =
    std::unique_ptr<wasmtime_component_t, capi::Deleter<wasmtime_component_delete>>;

/// Part of the key: raised when the settings below change.
constexpr std::string_view kSettings = "validator 2";

capi::Config make_config() {
  capi::Config config(wasm_config_new());
  wasmtime_config_wasm_component_model_set(config.get(), true);
  wasmtime_config_concurrency_support_set(config.get(), true);
  wasmtime_config_wasm_component_model_async_set(config.get(), true);
  wasmtime_config_wasm_component_model_more_async_builtins_set(config.get(), true);
  wasmtime_config_wasm_component_model_async_stackful_set(config.get(), true);
  wasmtime_config_wasm_component_model_map_set(config.get(), true);
  wasmtime_config_wasm_memory64_set(config.get(), true);
  wasmtime_config_wasm_multi_memory_set(config.get(), true);
  wasmtime_config_wasm_gc_set(config.get(), true);
  wasmtime_config_wasm_function_references_set(config.get(), true);
  wasmtime_config_wasm_exceptions_set(config.get(), true);
  wasmtime_config_wasm_tail_call_set(config.get(), true);
  wasmtime_config_wasm_wide_arithmetic_set(config.get(), true);
  wasmtime_config_wasm_custom_page_sizes_set(config.get(), true);
  // One thread: this one. Nothing of what is compiled is worth a second of anybody's time.
  wasmtime_config_parallel_compilation_set(config.get(), false);
  wasmtime_config_cranelift_opt_level_set(config.get(), WASMTIME_OPT_LEVEL_NONE);
  wasmtime_config_native_unwind_info_set(config.get(), false);
  return config;
}

/// Offsets are those of the skeleton, which nobody has seen.
std::string without_offset(std::string text) {
  const auto at = text.rfind(" (at offset ");
  if (at != std::string::npos && text.ends_with(')')) {
    text.resize(at);
  }
  return text;
}

}  // namespace

bool is_beyond_judgement(std::string_view reason) noexcept {
  // Only beginning and end count: a name that the component chose stands in quotes between them.
  if (reason.starts_with("the ") && reason.contains(" proposal must be enabled") &&
      !reason.contains('`')) {
    return true;
  }
  constexpr std::array<std::string_view, 9> kEnds = {
      " feature",
      " feature to be enabled",
      " feature is not active",
      " is not enabled",
      " proposal not enabled",
      " is not supported",
      " not supported yet",
      " not yet supported",
      " which is not implemented",
  };
  return std::ranges::any_of(kEnds, [reason](std::string_view end) {
    return reason.ends_with(end);
  });
}

Judgement judge_component(ByteView component) {
  const capi::Engine engine(wasm_engine_new_with_config(make_config().release()));
  wasmtime_component_t* made = nullptr;
  const capi::Error error(
      wasmtime_component_new(engine.get(), component.data(), component.size(), &made)
  );
  const ComponentPtr owned(made);
  if (error == nullptr) {
    return {Verdict::Valid, {}};
  }
  std::string reason = without_offset(capi::root_cause(capi::message_of(*error)));
  const Verdict verdict = is_beyond_judgement(reason) ? Verdict::Unknown : Verdict::Invalid;
  return {verdict, std::move(reason)};
}

Sha256Digest verdict_key(const Sha256Digest& content) {
  const std::string settings = fmt::format("wasmtime {} {}", WASMTIME_VERSION, kSettings);
  return Sha256().update(content).update(as_bytes(settings)).finish();
}

}  // namespace whorl::engine
