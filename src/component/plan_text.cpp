// The plan as text. See plan.hpp.
#include "component/plan.hpp"
#include "component/reader.hpp"

namespace whorl::component {
namespace {

std::string describe_slot(std::string_view what, std::uint16_t slot) {
  return slot == CallSite::kNone ? std::string() : fmt::format(" {}={}", what, slot);
}

std::string describe_func(const Plan& plan, const Plan::Slot& slot) {
  return slot.host
             ? fmt::format("host {} `{}`", *slot.host, printable(plan.hosts[*slot.host]->label))
             : fmt::format("instance {} \"{}\"", slot.instance, printable(slot.item));
}

std::string describe_binding(const Plan& plan, const Plan::Binding& binding) {
  if (!binding.host) {
    return fmt::format("instance {} \"{}\"", binding.instance, printable(binding.item));
  }
  const HostImport& host = *plan.hosts[*binding.host];
  return fmt::format(
      "host {} `{}`{}{}{}",
      *binding.host,
      printable(host.label),
      describe_slot("memory", host.site.memory_slot),
      describe_slot("realloc", host.site.realloc_slot),
      host.site.component_index == 0 ? "" : fmt::format(" component={}", host.site.component_index)
  );
}

}  // namespace

std::string describe_plan(const Plan& plan) {
  std::string out;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Plan::Step& step = plan.steps[i];
    out += fmt::format(
        "instance {} = {}{}\n",
        i,
        plan.modules[step.module].name,
        step.all_host() ? ", only host imports" : ""
    );
    for (const Plan::Binding& binding : step.imports) {
      out += fmt::format(
          "  {} {} <- {}\n",
          printable(binding.module),
          printable(binding.name),
          describe_binding(plan, binding)
      );
    }
  }
  for (std::size_t i = 0; i < plan.memories.size(); ++i) {
    out += fmt::format(
        "memory {} = instance {} \"{}\"\n",
        i,
        plan.memories[i].instance,
        printable(plan.memories[i].item)
    );
  }
  for (std::size_t i = 0; i < plan.funcs.size(); ++i) {
    out += fmt::format(
        "func {} = {} {}\n",
        i,
        describe_func(plan, plan.funcs[i]),
        engine::to_string(plan.func_types[i])
    );
  }
  for (const std::uint16_t slot : plan.deferred_starts) {
    out += fmt::format("start func {} on the fiber\n", slot);
  }
  for (const ExportedFunc& item : plan.exports) {
    out += fmt::format(
        "export {}{}{}{}{} = func {}{}{}{} as {}\n",
        printable(item.interface),
        item.version.empty() ? "" : "@",
        printable(item.version),
        item.interface.empty() ? "" : "#",
        printable(item.name),
        item.func_slot,
        describe_slot("post-return", item.post_return_slot),
        describe_slot("memory", item.memory_slot),
        describe_slot("realloc", item.realloc_slot),
        item.shape_known ? to_wit(item.shape) : engine::to_string(item.core_type)
    );
  }
  for (const std::string& text : plan.notes) {
    out += fmt::format("note: {}\n", text);
  }
  return out;
}

}  // namespace whorl::component
