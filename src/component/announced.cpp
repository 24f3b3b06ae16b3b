#include "component/announced.hpp"

#include "component/thunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace whorl::component {
namespace {

/// Names of cases that mean "not here, nobody's fault", the best first.
constexpr std::array<std::string_view, 9> kFitting = {
    "other",
    "unsupported",
    "not-supported",
    "connection-failed",
    "runtime-error",
    "io",
    "service-unavailable",
    "access-denied",
    "error"
};
/// Names of cases that mean "you may not", the best first.
constexpr std::array<std::string_view, 7> kForbidding = {
    "access-denied",
    "HTTP-request-denied",
    "destination-not-allowed",
    "invalid-address",
    "not-permitted",
    "undefined",
    "connection-failed",
};

/// Whether a value of the type can be made from a text alone.
bool can_say(const TypeRef& type) {
  return type == nullptr || type->kind == TypeKind::String;
}

std::optional<Value> payload(const TypeRef& type, std::string_view message) {
  return type == nullptr ? std::optional<Value>() : Value::string(message);
}

std::optional<std::uint32_t> find_case(
    const std::vector<Member>& cases, std::span<const std::string_view> names
) {
  const auto usable = [](const Member& member) { return can_say(member.type); };
  for (const std::string_view name : names) {
    const auto found = std::ranges::find_if(cases, [&](const Member& member) {
      return member.name == name && usable(member);
    });
    if (found != cases.end()) {
      return static_cast<std::uint32_t>(found - cases.begin());
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> fitting_case(const std::vector<Member>& cases, Absence why) {
  if (why == Absence::Denied) {
    if (const auto found = find_case(cases, kForbidding)) {
      return found;
    }
  }
  if (const auto found = find_case(cases, kFitting)) {
    return found;
  }
  for (std::size_t i = cases.size(); i != 0; --i) {
    if (can_say(cases[i - 1].type)) {
      return static_cast<std::uint32_t>(i - 1);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> unavailable_error(const TypeRef& type, std::string_view message, Absence why) {
  switch (type->kind) {
    case TypeKind::String:
      return Value::string(message);
    case TypeKind::Enum:
      return Value::enumeration(*fitting_case(type->members, why));
    case TypeKind::Variant: {
      const auto index = fitting_case(type->members, why);
      return index ? std::optional(
                         Value::variant(*index, payload(type->members[*index].type, message))
                     )
                   : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

Result<AnnouncedSite> make_announced(
    const FuncShape& shape, std::string_view interface, std::string_view function, Absence why
) {
  using Answer = AnnouncedSite::Answer;
  AnnouncedSite out;
  WHORL_TRY(out.layout, make_layout(shape));
  out.why = why;
  out.message =
      why == Absence::Denied
          ? fmt::format("{} {} is not permitted: its grant is not inherited", interface, function)
          : fmt::format(
                "{} {} is not available: this host has nothing behind it yet", interface, function
            );
  if (shape.result == nullptr) {
    return out;
  }
  out.result = shape.result->kind;
  if (out.result == TypeKind::Result) {
    out.error = shape.result->other;
    const bool can_answer =
        out.error == nullptr || unavailable_error(out.error, out.message, why).has_value();
    out.answer = can_answer ? Answer::Error : Answer::Trap;
  } else if (why == Absence::Denied &&
             (out.result == TypeKind::List || out.result == TypeKind::Option)) {
    out.answer = Answer::Nothing;
  }
  return out;
}

Value refusal_of(const AnnouncedSite& announced) {
  if (announced.answer == AnnouncedSite::Answer::Nothing) {
    return announced.result == TypeKind::Option ? Value::none() : Value::list({});
  }
  return Value::error(
      announced.error == nullptr
          ? std::optional<Value>()
          : unavailable_error(announced.error, announced.message, announced.why)
  );
}

engine::HostStatus announced_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& announced = *static_cast<const AnnouncedSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  const CallSite& site = announced.site;
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, "cannot leave component instance");
  }
  if (announced.answer == AnnouncedSite::Answer::Trap) {
    return store.set_trap(engine::TrapKind::HostTrap, announced.message);
  }
  std::optional<Value> result = refusal_of(announced);
  const FuncLayout& layout = *announced.layout;
  const std::size_t most = announced.is_async ? kMaxFlatAsyncParams : kMaxFlatParams;
  const std::size_t most_results = announced.is_async ? 0 : kMaxFlatResults;
  const std::uint32_t out_param =
      layout.result_spills(most_results) ? slots[layout.flat_params(most)].u32 : 0;
  InstanceHeap heap(instance, store, site);
  LowerContext cx(
      heap, instance.handles(site.component_index), site.encoding, site.component_index
  );
  lower_result(cx, layout, result, slots, out_param, most_results);
  if (cx.failed()) [[unlikely]] {
    return detail::end_guest(store, cx.take_trap());
  }
  if (announced.is_async) {
    constexpr std::uint32_t kReturned = 2;  // Subtask.State.RETURNED
    slots[0].u64 = kReturned;
  }
  return engine::HostStatus::Return;
}

}  // namespace whorl::component
