#include "cli/engine_environment.hpp"

#include "cli/values.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace whorl::cli {
namespace {

/// A bound on something of which an instance needs at least `each`.
struct Bound {
  const char* name;
  std::uint32_t each;
};
constexpr std::array<Bound, 6> kBounds{
    {{"SPIN_MAX_INSTANCE_COUNT", 1},
     {"SPIN_WASMTIME_INSTANCE_COUNT", 1},
     {"SPIN_WASMTIME_TOTAL_MEMORIES", 1},
     {"SPIN_WASMTIME_TOTAL_STACKS", 1},
     {"SPIN_WASMTIME_TOTAL_TABLES", 2},
     {"SPIN_WASMTIME_TOTAL_CORE_INSTANCES", 4}}
};

/// Sizes that are fixed or follow from the component.
constexpr std::array<const char*, 10> kWithoutMeaning{
    "SPIN_WASMTIME_INSTANCE_TABLE_ELEMENTS",
    "SPIN_WASMTIME_INSTANCE_SIZE",
    "SPIN_WASMTIME_CORE_INSTANCE_SIZE",
    "SPIN_WASMTIME_CORE_INSTANCE_COUNT",
    "SPIN_WASMTIME_INSTANCE_TABLES",
    "SPIN_WASMTIME_INSTANCE_MEMORIES",
    "SPIN_WASMTIME_MAX_TABLES_PER_MODULE",
    "SPIN_WASMTIME_MAX_MEMORIES_PER_MODULE",
    "SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT",
    "SPIN_WASMTIME_TABLE_KEEP_RESIDENT"
};

Result<void> read_bound(const Bound& bound, EngineEnvironment& out) {
  const char* text = std::getenv(bound.name);
  if (text == nullptr) {
    return {};
  }
  const auto number = parse_number(text);
  if (!number || *number > UINT32_MAX) {
    return fail(
        ErrorKind::InvalidInput,
        "failed to parse env var `{}={}`: {}",
        bound.name,
        text,
        number ? "number too large to fit in target type" : number.error().message()
    );
  }
  const std::uint32_t instances =
      std::max(static_cast<std::uint32_t>(*number) / bound.each, std::uint32_t{1});
  out.max_instances = std::min(out.max_instances.value_or(instances), instances);
  return {};
}

}  // namespace

Result<EngineEnvironment> read_engine_environment() {
  EngineEnvironment out;
  for (const Bound& bound : kBounds) {
    WHORL_CHECKED(read_bound(bound, out));
  }
  if (const char* pooling = std::getenv("SPIN_WASMTIME_POOLING"); pooling != nullptr) {
    const std::string_view text = pooling;
    if (text != "0" && text != "1") {
      return fail(
          ErrorKind::InvalidInput,
          "SPIN_WASMTIME_POOLING={} not supported, only 1/0 supported",
          text
      );
    }
    out.allocation = text == "1" ? Allocation::Pooling : Allocation::OnDemand;
  }
  for (const char* name : kWithoutMeaning) {
    if (std::getenv(name) != nullptr) {
      out.ignored.emplace_back(name);
    }
  }
  return out;
}

}  // namespace whorl::cli
