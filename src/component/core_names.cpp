#include "component/core_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

namespace whorl::component {

using ir::CanonOp;

namespace {

constexpr std::uint8_t kI32 = 0x7f;
constexpr std::uint8_t kI64 = 0x7e;

/// What may be written before or in a built-in's name.
enum Marks : std::uint8_t { None = 0, Async = 1, Cancellable = 2 };

struct Builtin {
  std::string_view name;
  CanonOp op;
  std::uint8_t marks = None;
  StringEncoding encoding = StringEncoding::Utf8;
};

/// Names in brackets with nothing after them.
constexpr auto kPlain = std::to_array<Builtin>({
    {"task-cancel", CanonOp::TaskCancel},
    {"backpressure-inc", CanonOp::BackpressureInc},
    {"backpressure-dec", CanonOp::BackpressureDec},
    {"waitable-set-new", CanonOp::WaitableSetNew},
    {"waitable-set-wait", CanonOp::WaitableSetWait, Cancellable},
    {"waitable-set-wait-i32", CanonOp::WaitableSetWait, Cancellable},
    {"waitable-set-poll", CanonOp::WaitableSetPoll, Cancellable},
    {"waitable-set-poll-i32", CanonOp::WaitableSetPoll, Cancellable},
    {"waitable-set-drop", CanonOp::WaitableSetDrop},
    {"waitable-join", CanonOp::WaitableJoin},
    {"subtask-drop", CanonOp::SubtaskDrop},
    {"subtask-cancel", CanonOp::SubtaskCancel, Async},
    {"thread-index", CanonOp::ThreadIndex},
    {"thread-new-indirect-v0", CanonOp::ThreadNewIndirect},
    {"thread-resume-later", CanonOp::ThreadResumeLater},
    {"thread-suspend", CanonOp::ThreadSuspend, Cancellable},
    {"thread-yield", CanonOp::ThreadYield, Cancellable},
    {"thread-suspend-then-resume", CanonOp::ThreadSuspendThenResume, Cancellable},
    {"thread-yield-then-resume", CanonOp::ThreadYieldThenResume, Cancellable},
    {"thread-suspend-then-promote", CanonOp::ThreadSuspendThenPromote, Cancellable},
    {"thread-yield-then-promote", CanonOp::ThreadYieldThenPromote, Cancellable},
    {"error-context-new-utf8", CanonOp::ErrorContextNew},
    {"error-context-new-utf16", CanonOp::ErrorContextNew, None, StringEncoding::Utf16},
    {"error-context-new-latin1+utf16", CanonOp::ErrorContextNew, None, StringEncoding::Latin1OrUtf16
    },
    {"error-context-debug-message-utf8", CanonOp::ErrorContextDebugMessage},
    {"error-context-debug-message-utf16",
     CanonOp::ErrorContextDebugMessage,
     None,
     StringEncoding::Utf16},
    {"error-context-debug-message-latin1+utf16",
     CanonOp::ErrorContextDebugMessage,
     None,
     StringEncoding::Latin1OrUtf16},
    {"error-context-drop", CanonOp::ErrorContextDrop},
});

/// Names that a number and a function's name follow: "[stream-read-0]fetch".
constexpr auto kOfPayloads = std::to_array<Builtin>({
    {"stream-new-", CanonOp::StreamNew},
    {"stream-read-", CanonOp::StreamRead, Async},
    {"stream-write-", CanonOp::StreamWrite, Async},
    {"stream-cancel-read-", CanonOp::StreamCancelRead, Async},
    {"stream-cancel-write-", CanonOp::StreamCancelWrite, Async},
    {"stream-drop-readable-", CanonOp::StreamDropReadable},
    {"stream-drop-writable-", CanonOp::StreamDropWritable},
    {"future-new-", CanonOp::FutureNew},
    {"future-read-", CanonOp::FutureRead, Async},
    {"future-write-", CanonOp::FutureWrite, Async},
    {"future-cancel-read-", CanonOp::FutureCancelRead, Async},
    {"future-cancel-write-", CanonOp::FutureCancelWrite, Async},
    {"future-drop-readable-", CanonOp::FutureDropReadable},
    {"future-drop-writable-", CanonOp::FutureDropWritable},
});

/// Names in brackets that a resource's name follows; the endings of the standard scheme.
struct ResourceBuiltin {
  std::string_view name;
  std::string_view ending;
  CanonOp op;
};
constexpr auto kOfResources = std::to_array<ResourceBuiltin>({
    {"resource-new", "_new", CanonOp::ResourceNew},
    {"resource-rep", "_rep", CanonOp::ResourceRep},
    {"resource-drop", "_drop", CanonOp::ResourceDrop},
    // Two weeks of July 2023 had a name for each kind of handle.
    {"resource-drop-own", {}, CanonOp::ResourceDrop},
    {"resource-drop-borrow", {}, CanonOp::ResourceDrop},
});

/// Names of functions that begin with a bracket.
constexpr std::array<std::string_view, 3> kNoBuiltins = {"method", "static", "constructor"};

constexpr std::string_view kPostReturn = "cabi_post_";
constexpr std::string_view kStandardPostReturn = "_post";
constexpr std::string_view kDestructor = "[dtor]";
constexpr std::string_view kStandardDestructor = "_dtor";

bool take_end(std::string_view& text, std::string_view ending) noexcept {
  if (ending.empty() || !text.ends_with(ending)) {
    return false;
  }
  text.remove_suffix(ending.size());
  return true;
}

bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint32_t> to_number(std::string_view text) noexcept {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole ? std::optional(out) : std::nullopt;
}

/// "0", "i32-0" or "i64-0".
bool read_slot(std::string_view text, CoreImportName& out) noexcept {
  out.core_type = take(text, "i64-") ? kI64 : kI32;
  if (out.core_type == kI32) {
    take(text, "i32-");
  }
  const auto slot = to_number(text);
  out.slot = slot.value_or(0);
  return slot.has_value();
}

/// @param inner  what is in the brackets
/// @param rest   what follows them
/// @return       the marks it may have; nothing if it is no built-in or cannot be read
std::optional<std::uint8_t> read_builtin(
    std::string_view inner, std::string_view rest, CoreImportName& out
) noexcept {
  const auto plain = std::ranges::find(kPlain, inner, &Builtin::name);
  if (plain != kPlain.end()) {
    out.op = plain->op;
    out.encoding = plain->encoding;
    return rest.empty() ? std::optional(plain->marks) : std::nullopt;
  }
  if (const auto of_resource = std::ranges::find(kOfResources, inner, &ResourceBuiltin::name);
      of_resource != kOfResources.end()) {
    out.op = of_resource->op;
    out.function = rest;
    return rest.empty() ? std::nullopt : std::optional<std::uint8_t>(None);
  }
  if (inner == "task-return") {
    out.op = CanonOp::TaskReturn;
    out.function = rest;
    return None;
  }
  const bool gets = inner.starts_with("context-get-");
  if (gets || inner.starts_with("context-set-")) {
    out.op = gets ? CanonOp::ContextGet : CanonOp::ContextSet;
    return rest.empty() && read_slot(inner.substr(12), out) ? std::optional<std::uint8_t>(None)
                                                            : std::nullopt;
  }
  for (const Builtin& builtin : kOfPayloads) {
    std::string_view which = inner;
    if (take(which, builtin.name)) {
      out.op = builtin.op;
      out.function = rest;
      out.payload = to_number(which);
      return out.payload || which == "unit" ? std::optional(builtin.marks) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// Finds streams and futures in types. A type occurs in many places, so what was counted is kept.
class Payloads {
 public:
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  /// How many there are in a type; more than 2^31 counts as that many.
  std::uint32_t count(const TypeRef& type) {
    if (type == nullptr) {
      return 0;
    }
    if (const auto known = counts_.find(type.get()); known != counts_.end()) {
      return known->second;
    }
    std::uint64_t sum = is_one(*type) ? 1 : 0;
    for_parts(*type, [&](const TypeRef& part) {
      sum = std::min(sum + count(part), kMost);
      return true;
    });
    counts_.emplace(type.get(), static_cast<std::uint32_t>(sum));
    return static_cast<std::uint32_t>(sum);
  }

  /// The one that is `index`th in a type; there are more than that.
  TypeRef find(const TypeRef& type, std::uint32_t index) {
    TypeRef out = type;
    for_parts(*type, [&](const TypeRef& part) {
      const std::uint32_t here = count(part);
      if (index < here) {
        out = find(part, index);
        return false;
      }
      index -= here;
      return true;
    });
    return out;
  }

 private:
  static constexpr std::uint64_t kMost = 1U << 31U;

  static bool is_one(const Type& type) noexcept {
    return type.kind == TypeKind::Stream || type.kind == TypeKind::Future;
  }
  /// Calls `each` for what a type is made of, until it returns false.
  template <class F>
  void for_parts(const Type& type, F each) {
    for (const Member& member : type.members) {
      ++steps_;
      if (!each(member.type)) {
        return;
      }
    }
    steps_ += 2;
    if (each(type.element)) {
      each(type.other);
    }
  }

  std::unordered_map<const Type*, std::uint32_t> counts_;
  std::size_t steps_ = 0;
};

}  // namespace

std::optional<CoreImportModule> parse_core_module(std::string_view module) noexcept {
  CoreImportModule out;
  if (!take(module, kStandardMark)) {
    out.for_exports = take(module, kExportMark);
    out.interface = module == kRootModule ? std::string_view() : module;
    return out;
  }
  out.scheme = CoreScheme::Standard;
  if (module.empty()) {
    return out;
  }
  if (!take(module, "|")) {
    return std::nullopt;
  }
  out.for_exports = take(module, "_ex_");
  out.interface = module;
  return module.empty() ? std::nullopt : std::optional(out);
}

std::optional<CoreImportName> parse_core_import(CoreScheme scheme, std::string_view name) noexcept {
  CoreImportName out;
  if (scheme == CoreScheme::Standard) {
    // Labels have no underscores: an ending cannot be part of a function's name.
    for (const ResourceBuiltin& builtin : kOfResources) {
      if (take_end(name, builtin.ending)) {
        out.op = builtin.op;
        break;
      }
    }
    out.function = name;
    return name.empty() ? std::nullopt : std::optional(out);
  }
  out.is_async = take(name, "[async-lower]");
  out.is_cancellable = !out.is_async && take(name, "[cancellable]");
  const std::size_t close = name.starts_with('[') ? name.find(']') : std::string_view::npos;
  const std::string_view inner =
      close == std::string_view::npos ? std::string_view() : name.substr(1, close - 1);
  if (inner.empty() || std::ranges::find(kNoBuiltins, inner) != kNoBuiltins.end()) {
    out.function = name;
    return out.is_cancellable ? std::nullopt : std::optional(out);
  }
  const auto marks = read_builtin(inner, name.substr(close + 1), out);
  const bool readable = marks && (!out.is_async || (*marks & Async) != 0) &&
                        (!out.is_cancellable || (*marks & Cancellable) != 0);
  return readable ? std::optional(out) : std::nullopt;
}

namespace {

/// "|interface|function", "||function of the world", or a name of its own such as "_memory".
CoreExportName parse_standard_export(std::string_view name) noexcept {
  CoreExportName out;
  out.lift = CoreExportName::Lift::Accessory;
  const std::size_t at = name.starts_with('|') ? name.find('|', 1) : std::string_view::npos;
  if (at == std::string_view::npos) {
    return out;
  }
  out.interface = name.substr(1, at - 1);
  out.function = name.substr(at + 1);
  if (take_end(out.function, kStandardDestructor)) {
    out.lift = CoreExportName::Lift::Destructor;
  } else if (!out.function.ends_with(kStandardPostReturn)) {
    out.lift = CoreExportName::Lift::Plain;
  }
  return out;
}

}  // namespace

CoreExportName parse_core_export(std::string_view name) noexcept {
  if (take(name, kStandardMark)) {
    return parse_standard_export(name);
  }
  CoreExportName out;
  if (name.starts_with("[callback]") || name.starts_with(kPostReturn)) {
    out.lift = CoreExportName::Lift::Accessory;
  } else if (take(name, "[async-lift]")) {
    out.lift = CoreExportName::Lift::Callback;
  } else if (take(name, "[async-lift-stackful]")) {
    out.lift = CoreExportName::Lift::Stackful;
  }
  const std::size_t at = name.rfind('#');
  out.interface = at == std::string_view::npos ? std::string_view() : name.substr(0, at);
  out.function = at == std::string_view::npos ? name : name.substr(at + 1);
  if (out.lift == CoreExportName::Lift::Plain && take(out.function, kDestructor)) {
    out.lift = CoreExportName::Lift::Destructor;
  }
  return out;
}

std::string_view world_label(std::string_view name) noexcept {
  const std::string_view path = name.substr(0, name.find('@'));
  return path.substr(path.rfind('/') + 1);
}

std::string post_return_name(std::string_view export_name) {
  return export_name.starts_with(kStandardMark)
             ? std::string(export_name) + std::string(kStandardPostReturn)
             : std::string(kPostReturn) + std::string(export_name);
}

TypeRef find_payload(const FuncShape& shape, std::uint32_t index, std::size_t& steps) {
  Payloads payloads;
  const auto in = [&](const TypeRef& type) -> TypeRef {
    const std::uint32_t here = payloads.count(type);
    if (index < here) {
      return payloads.find(type, index);
    }
    index -= here;
    return nullptr;
  };
  TypeRef found;
  for (const Member& param : shape.params) {
    found = found == nullptr ? in(param.type) : found;
  }
  found = found == nullptr ? in(shape.result) : found;
  steps = shape.params.size() + payloads.steps();
  return found;
}

}  // namespace whorl::component
