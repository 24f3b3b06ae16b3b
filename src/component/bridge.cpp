#include "component/bridge.hpp"

#include "component/wasm_writer.hpp"

#include <algorithm>
#include <array>

namespace whorl::component {
namespace {

std::uint8_t code_of(engine::ValType type) noexcept {
  switch (type) {
    case engine::ValType::I64:
      return 0x7e;
    case engine::ValType::F32:
      return 0x7d;
    case engine::ValType::F64:
      return 0x7c;
    default:
      return 0x7f;
  }
}

void append_types(Bytes& out, const std::vector<engine::ValType>& types) {
  append_leb(out, types.size());
  for (const engine::ValType type : types) {
    out.push_back(code_of(type));
  }
}

/// One type, one import and one export per function.
Bytes write_module(const Plan& plan, const std::vector<std::uint32_t>& hosts) {
  Bytes types;
  Bytes imports;
  Bytes exports;
  for (Bytes* section : {&types, &imports, &exports}) {
    append_leb(*section, hosts.size());
  }
  for (std::uint32_t place = 0; place < hosts.size(); ++place) {
    const engine::FuncType& type = plan.hosts[hosts[place]]->func.type;
    types.push_back(0x60);
    append_types(types, type.params);
    append_types(types, type.results);
    const std::string name = bridge_name(place);
    append_name(imports, "");
    append_name(imports, name);
    imports.push_back(0x00);
    append_leb(imports, place);
    append_name(exports, name);
    exports.push_back(0x00);
    append_leb(exports, place);
  }
  Bytes out = {0, 'a', 's', 'm', 1, 0, 0, 0};
  append_section(out, 1, types);
  append_section(out, 2, imports);
  append_section(out, 7, exports);
  return out;
}

}  // namespace

std::string bridge_name(std::uint32_t place) {
  return std::to_string(place);
}

std::optional<BridgePlan> plan_bridge(const Plan& plan) {
  BridgePlan out;
  out.place.resize(plan.hosts.size());
  for (const Plan::Step& step : plan.steps) {
    if (step.all_host()) {
      continue;
    }
    for (const Plan::Binding& binding : step.imports) {
      if (binding.host && !out.place[*binding.host]) {
        out.place[*binding.host] = static_cast<std::uint32_t>(out.hosts.size());
        out.hosts.push_back(*binding.host);
      }
    }
  }
  for (const Plan::Slot& slot : plan.funcs) {
    if (slot.host && !out.place[*slot.host]) {
      out.place[*slot.host] = static_cast<std::uint32_t>(out.hosts.size());
      out.hosts.push_back(*slot.host);
    }
  }
  if (out.hosts.empty()) {
    return std::nullopt;
  }
  out.wasm = write_module(plan, out.hosts);
  return out;
}

}  // namespace whorl::component
