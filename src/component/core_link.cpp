// Matching of core imports, and the rewriter of core_module.hpp.
#include "component/core_module.hpp"
#include "component/wasm_writer.hpp"

#include <algorithm>
#include <map>

namespace whorl::component {
namespace {

std::string explain_limits(
    std::string_view what, const CoreLimits& wanted, const CoreLimits& given
) {
  if (wanted.is_64 != given.is_64) {
    return fmt::format(
        "wants a {}-bit {}, is given a {}-bit one",
        wanted.is_64 ? 64 : 32,
        what,
        given.is_64 ? 64 : 32
    );
  }
  if (wanted.is_shared != given.is_shared) {
    return fmt::format("wants a{} shared {}", wanted.is_shared ? "" : " not", what);
  }
  if (given.min < wanted.min) {
    return fmt::format("wants a {} of at least {}, is given {}", what, wanted.min, given.min);
  }
  if (wanted.max && (!given.max || *given.max > *wanted.max)) {
    return fmt::format(
        "wants a {} of at most {}, is given one that may be larger", what, *wanted.max
    );
  }
  return {};
}

/// Types that refer to others by index are left for the engine to compare.
bool differ(const CoreValType& a, const CoreValType& b) noexcept {
  return a.is_closed() && b.is_closed() && !(a == b);
}

std::string explain_func(
    const CoreModule& wanted_in,
    const CoreExternType& wanted,
    const CoreModule& given_in,
    const CoreExternType& given
) {
  const CoreTypeDef& a = wanted_in.types()[wanted.type];
  const CoreTypeDef& b = given_in.types()[given.type];
  if (a.is_exact && b.is_exact && a.func != b.func) {
    return fmt::format(
        "wants {}, is given {}", engine::to_string(a.func), engine::to_string(b.func)
    );
  }
  return {};
}

/// The export section with one more entry; `old_body` is empty if there was none.
Result<Bytes> with_start_export(ByteView old_body, std::uint32_t start) {
  Reader in(old_body);
  std::uint32_t count = 0;
  if (!old_body.empty()) {
    WHORL_TRY(count, in.u32("exports"));
  }
  Bytes body;
  append_leb(body, std::uint64_t{count} + 1);
  WHORL_TRY(const ByteView entries, in.take(in.remaining(), "exports"));
  append_bytes(body, entries);
  append_name(body, kStartExport);
  body.push_back(0x00);
  append_leb(body, start);
  return body;
}

/// True for the sections that stand after the export section.
bool is_after_exports(std::uint8_t id) noexcept {
  return id >= 8 && id <= 12;
}

}  // namespace

std::string explain_core_mismatch(
    const CoreModule& wanted_in,
    const CoreExternType& wanted,
    const CoreModule& given_in,
    const CoreExternType& given
) {
  if (wanted.kind != given.kind) {
    return fmt::format("wants a {}, is given a {}", to_string(wanted.kind), to_string(given.kind));
  }
  switch (wanted.kind) {
    case CoreKind::Func:
    case CoreKind::Tag:
      return explain_func(wanted_in, wanted, given_in, given);
    case CoreKind::Memory:
      return explain_limits("memory", wanted.limits, given.limits);
    case CoreKind::Table:
      if (differ(wanted.value, given.value)) {
        return "wants a table of other elements";
      }
      return explain_limits("table", wanted.limits, given.limits);
    case CoreKind::Global:
      if (wanted.is_mutable != given.is_mutable) {
        return wanted.is_mutable ? "wants a mutable global" : "wants an immutable global";
      }
      return differ(wanted.value, given.value) ? "wants a global of another type" : "";
  }
  return {};
}

std::string explain_module_mismatch(const CoreModule& wanted, const CoreModule& given) {
  std::map<std::pair<std::string_view, std::string_view>, const CoreImport*> offered;
  for (const CoreImport& import : wanted.imports()) {
    offered.emplace(std::pair(import.module, import.name), &import);
  }
  for (const CoreImport& import : given.imports()) {
    const auto found = offered.find(std::pair(import.module, import.name));
    const std::string place =
        fmt::format("import \"{}\" \"{}\"", printable(import.module), printable(import.name));
    if (found == offered.end()) {
      return place + " is not among those declared";
    }
    const std::string mismatch =
        explain_core_mismatch(given, import.type, wanted, found->second->type);
    if (!mismatch.empty()) {
      return fmt::format("{}: {}", place, mismatch);
    }
  }
  for (const std::string_view name : wanted.export_names()) {
    const CoreExport* declared = wanted.find_export(name);
    const CoreExport* found = given.find_export(name);
    if (found == nullptr) {
      return fmt::format("it has no export \"{}\"", printable(name));
    }
    const std::string mismatch = explain_core_mismatch(
        wanted,
        *wanted.item(declared->kind, declared->index),
        given,
        *given.item(found->kind, found->index)
    );
    if (!mismatch.empty()) {
      return fmt::format("export \"{}\": {}", printable(name), mismatch);
    }
  }
  return {};
}

Result<Bytes> take_out_start(const CoreModule& module) {
  if (!module.start()) {
    return fail(ErrorKind::InvalidInput, "the module has no start function");
  }
  if (module.find_export(kStartExport) != nullptr) {
    return fail(ErrorKind::InvalidInput, "the module exports the reserved name {}", kStartExport);
  }
  Reader in(module.bytes(), module.base());
  Bytes out;
  out.reserve(module.bytes().size() + 32);
  WHORL_TRY(const ByteView preamble, in.take(8, "a preamble"));
  append_bytes(out, preamble);
  bool exported = false;
  while (!in.at_end()) {
    WHORL_TRY(const std::uint8_t id, in.byte("a section"));
    WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
    WHORL_TRY(const ByteView body, in.take(size, "a section"));
    if (id == 7 || (!exported && is_after_exports(id))) {
      WHORL_TRY(
          const Bytes exports, with_start_export(id == 7 ? body : ByteView(), *module.start())
      );
      append_section(out, 7, exports);
      exported = true;
    }
    if (id != 7 && id != 8) {
      append_section(out, id, body);
    }
  }
  return out;
}

}  // namespace whorl::component
