#include "component/core_rewrite.hpp"

#include "component/reader.hpp"
#include "component/wasm_writer.hpp"

namespace whorl::component {
namespace {

constexpr std::uint8_t kExportSection = 7;

/// The codes of export kinds stand in another order than ours.
std::uint8_t export_code(CoreKind kind) noexcept {
  switch (kind) {
    case CoreKind::Func:
      return 0;
    case CoreKind::Table:
      return 1;
    case CoreKind::Memory:
      return 2;
    case CoreKind::Global:
      return 3;
    case CoreKind::Tag:
      return 4;
  }
  return 0;
}

Result<Bytes> longer_export_section(ByteView body, std::span<const AddedExport> exports) {
  Reader in(body);
  std::uint32_t count = 0;
  if (!body.empty()) {
    WHORL_TRY(count, in.u32("exports"));
  }
  Bytes out;
  append_leb(out, std::uint64_t{count} + exports.size());
  WHORL_TRY(const ByteView entries, in.take(in.remaining(), "exports"));
  append_bytes(out, entries);
  for (const AddedExport& added : exports) {
    append_name(out, added.name);
    out.push_back(export_code(added.kind));
    append_leb(out, added.index);
  }
  return out;
}

/// True for the sections that stand behind the export section.
bool is_after_exports(std::uint8_t id) noexcept {
  return id >= 8 && id <= 12;
}

}  // namespace

Result<Bytes> add_exports(const CoreModule& module, std::span<const AddedExport> exports) {
  for (const AddedExport& added : exports) {
    if (module.find_export(added.name) != nullptr) {
      return fail(ErrorKind::InvalidInput, "the module exports the reserved name {}", added.name);
    }
  }
  Reader in(module.bytes(), module.base());
  Bytes out;
  out.reserve(module.bytes().size() + 32 * (exports.size() + 1));
  WHORL_TRY(const ByteView preamble, in.take(8, "a preamble"));
  append_bytes(out, preamble);
  bool written = false;
  const auto write = [&](ByteView old) -> Result<> {
    WHORL_TRY(const Bytes section, longer_export_section(old, exports));
    append_section(out, kExportSection, section);
    written = true;
    return {};
  };
  while (!in.at_end()) {
    WHORL_TRY(const std::uint8_t id, in.byte("a section"));
    WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
    WHORL_TRY(const ByteView body, in.take(size, "a section"));
    if (!written && (id == kExportSection || is_after_exports(id))) {
      WHORL_CHECKED(write(id == kExportSection ? body : ByteView()));
    }
    if (id != kExportSection) {
      append_section(out, id, body);
    }
  }
  if (!written) {
    WHORL_CHECKED(write({}));
  }
  return out;
}

}  // namespace whorl::component
