// Imports, exports and their types in the decoder. @spec Binary.md "Import and Export Definitions"
#include "component/binary_decoder.hpp"
#include "component/names.hpp"

namespace whorl::component::detail {

using ir::Sort;

Result<Decoder::ExternNames> Decoder::extern_name(Reader& in) {
  ExternNames out;
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t form, in.byte("a name"));
  if (form > 2) {
    return malformed(start, "expected a name, found {:#04x}", form);
  }
  out.offset = in.offset();
  WHORL_TRY(out.name, in.name("a name"));
  if (form == 2) {
    WHORL_CHECKED(name_attributes(in, out));
  }
  return out;
}

Result<> Decoder::name_attributes(Reader& in, ExternNames& out) {
  WHORL_TRY(const std::uint32_t count, in.count("the attributes of a name", 3));
  std::array<bool, 3> seen{};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint8_t kind, in.byte("an attribute"));
    if (kind >= seen.size()) {
      return malformed(start, "expected an attribute, found {:#04x}", kind);
    }
    if (seen[kind]) {
      return malformed(start, "the same attribute is given twice");
    }
    seen[kind] = true;
    WHORL_TRY(const std::string_view text, in.name("an attribute"));
    if (kind == 0) {
      if (!parse_interface_name(text)) {
        return malformed(start, "\"{}\" is not a valid interface name", printable(text));
      }
      out.implements = text;
    }
  }
  return {};
}

namespace {

Result<> check_implements(bool is_given, const ExternName& name, Sort sort, std::uint64_t offset) {
  if (is_given && (sort != Sort::Instance || name.kind != ExternName::Kind::Label)) {
    return malformed(offset, "only an instance with a plain name can say what it implements");
  }
  return {};
}

}  // namespace

Result<> Decoder::check_import_name(const ExternNames& name, Sort sort, Scope& scope) {
  const auto parsed = parse_extern_name(name.name);
  if (!parsed) {
    return malformed(name.offset, "\"{}\" is not a valid import name", printable(name.name));
  }
  WHORL_CHECKED(check_implements(!name.implements.empty(), *parsed, sort, name.offset));
  if (!scope.import_names.insert(uniqueness_key(name.name)).second) {
    return malformed(
        name.offset, "import name \"{}\" conflicts with an earlier one", printable(name.name)
    );
  }
  return {};
}

Result<> Decoder::check_export_name(const ExternNames& name, Sort sort, Scope& scope) {
  const auto parsed = parse_extern_name(name.name);
  if (!parsed || parsed->kind == ExternName::Kind::Url) {
    return malformed(name.offset, "\"{}\" is not a valid export name", printable(name.name));
  }
  WHORL_CHECKED(check_implements(!name.implements.empty(), *parsed, sort, name.offset));
  if (!scope.export_names.insert(uniqueness_key(name.name)).second) {
    return malformed(
        name.offset, "export name \"{}\" conflicts with an earlier one", printable(name.name)
    );
  }
  return {};
}

Result<ir::Import> Decoder::import(Reader& in, Scope& scope) {
  WHORL_TRY(const ExternNames name, extern_name(in));
  ir::Import out{name.name, name.implements, {}};
  WHORL_TRY(out.type, extern_type(in, scope));
  WHORL_CHECKED(check_import_name(name, out.type.sort, scope));
  WHORL_CHECKED(define_extern(scope, out.type, name.offset));
  return out;
}

Result<ir::Export> Decoder::export_item(Reader& in, Scope& scope) {
  WHORL_TRY(const ExternNames name, extern_name(in));
  ir::Export out{name.name, name.implements, {}, {}};
  WHORL_TRY(out.item, sort_index(in, scope));
  WHORL_TRY(const bool ascribed, flag_byte(in, "whether an export has a type"));
  if (ascribed) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(out.type, extern_type(in, scope));
    if (out.type->sort != out.item->sort) {
      return malformed(
          start,
          "the export is a {}, but its type is that of a {}",
          ir::to_string(out.item->sort),
          ir::to_string(out.type->sort)
      );
    }
  }
  WHORL_CHECKED(check_export_name(name, out.item->sort, scope));
  const bool is_type = out.item->sort == Sort::Type;
  WHORL_CHECKED(define(
      scope, out.item->sort, name.offset, is_type ? scope.types[out.item->index] : Category::Unknown
  ));
  return out;
}

Result<ir::ExternType> Decoder::extern_type(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("the type of an import or export"));
  ir::ExternType out;
  switch (code) {
    case 0x00: {
      const std::uint64_t core_at = in.offset();
      WHORL_TRY(const std::uint8_t kind, in.byte("the kind of a core item"));
      if (kind != 0x11) {
        return malformed(core_at, "expected a core module (0x11), found {:#04x}", kind);
      }
      out.sort = Sort::CoreModule;
      WHORL_TRY(out.index, type_index(in, scope, Category::CoreModule));
      return out;
    }
    case 0x02:
      return unsupported(start, "the component uses values; those are not supported");
    case 0x03: {
      out.sort = Sort::Type;
      const std::uint64_t bound_at = in.offset();
      WHORL_TRY(const std::uint8_t bound, in.byte("the bound of a type"));
      if (bound > 1) {
        return malformed(bound_at, "expected the bound of a type, found {:#04x}", bound);
      }
      out.bound = bound == 0 ? ir::ExternType::Bound::Equal : ir::ExternType::Bound::SubResource;
      if (bound == 0) {
        WHORL_TRY(out.index, index(in, scope, Sort::Type));
      }
      return out;
    }
    case 0x01:
    case 0x04:
    case 0x05: {
      out.sort = code == 0x01 ? Sort::Func : code == 0x04 ? Sort::Component : Sort::Instance;
      WHORL_TRY(
          out.index,
          type_index(
              in,
              scope,
              code == 0x01   ? Category::Func
              : code == 0x04 ? Category::Component
                             : Category::Instance
          )
      );
      return out;
    }
    default:
      return malformed(start, "expected the type of an import or export, found {:#04x}", code);
  }
}

}  // namespace whorl::component::detail
