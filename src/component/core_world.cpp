#include "component/core_world.hpp"

#include "component/binary.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {
namespace {

/// The first byte of the form in use until the end of 2023; a component begins with a zero.
constexpr std::uint8_t kPackageForm = 0x03;
/// The one before it.
constexpr std::uint8_t kDocumentForm = 0x02;

Result<StringEncoding> read_encoding(std::uint8_t code, std::uint64_t offset) {
  if (code > static_cast<std::uint8_t>(StringEncoding::Latin1OrUtf16)) {
    return malformed(offset, "unknown string encoding {:#x}", code);
  }
  return static_cast<StringEncoding>(code);
}

}  // namespace

Result<DecodedWorld> decode_world(const ComponentTypeSection& section) {
  DecodedWorld out;
  Reader in(section.payload, section.offset);
  if (in.peek() == kPackageForm) {
    WHORL_TRY(std::uint8_t code, in.byte("a version"));
    WHORL_TRY(code, in.byte("a string encoding"));
    WHORL_TRY(out.encoding, read_encoding(code, in.offset()));
    WHORL_TRY(out.world, in.name("the name of a world"));
  }
  if (in.peek() == kDocumentForm) {
    return unsupported(section.offset, "its world is described as wit-bindgen did before June 2023")
        .with_help("build the module with a newer wit-bindgen");
  }
  const std::uint64_t offset = in.offset();
  WHORL_TRY(const ByteView rest, in.take(in.remaining(), "a component"));
  WHORL_TRY(out.root, decode_component(rest, offset));
  if (out.world.empty() && out.root->wit_encoding.size() >= 2) {
    WHORL_TRY(out.encoding, read_encoding(out.root->wit_encoding[1], offset));
  }
  return out;
}

Result<> CoreWorlds::read(Linker& linker, const ComponentTypeSection& section) {
  WHORL_TRY(const DecodedWorld parts, decode_world(section));
  WHORL_TRY(World world, linker.read_world(*parts.root, {parts.world, &defined_}));
  for (auto& [name, item] : world.imports) {
    imports_[name].push_back({item, parts.encoding});
  }
  for (auto& [name, item] : world.exports) {
    exports_[name].push_back({item, parts.encoding});
  }
  worlds_.push_back(std::move(world));
  return {};
}

std::string_view CoreWorlds::resolve(Side side, std::string_view interface) const {
  const auto wanted = parse_interface_name(interface);
  if (!wanted || has(side, interface)) {
    return interface;
  }
  for (const World& world : worlds_) {
    for (const auto& [name, item] : side == Side::Imports ? world.imports : world.exports) {
      const auto there = parse_interface_name(name);
      if (there && there->interface == wanted->interface &&
          versions_compatible(wanted->version, there->version)) {
        return name;
      }
    }
  }
  return interface;
}

CoreWorlds::DeclaredFunc CoreWorlds::find(
    Side side, std::string_view interface, std::string_view func
) const {
  const Items& in = items(side);
  const auto found = in.find(interface.empty() ? func : interface);
  if (found == in.end()) {
    return {};
  }
  for (const Declared& declared : found->second) {
    if (interface.empty()) {
      return {std::get_if<FuncItem>(&declared.item), declared.encoding};
    }
    const auto* instance = std::get_if<InstanceRef>(&declared.item);
    const Item* inner = instance == nullptr ? nullptr : (*instance)->find(func);
    if (inner != nullptr) {
      return {std::get_if<FuncItem>(inner), declared.encoding};
    }
  }
  return {};
}

const FuncItem* CoreWorlds::find_func(Side side, std::string_view interface, std::string_view func)
    const {
  return find(side, interface, func).func;
}

StringEncoding CoreWorlds::encoding(Side side, std::string_view interface, std::string_view func)
    const {
  return find(side, interface, func).encoding;
}

ResourceRef CoreWorlds::imported_resource(std::string_view interface, std::string_view name) const {
  const auto found = imports_.find(interface.empty() ? name : interface);
  if (found == imports_.end()) {
    return nullptr;
  }
  for (const Declared& declared : found->second) {
    const auto* instance = std::get_if<InstanceRef>(&declared.item);
    const Item* inner = interface.empty()     ? &declared.item
                        : instance == nullptr ? nullptr
                                              : (*instance)->find(name);
    const auto* type = inner == nullptr ? nullptr : std::get_if<TypeItem>(inner);
    if (type != nullptr) {
      return type->resource;
    }
  }
  return nullptr;
}

std::optional<std::uint32_t> CoreWorlds::defined_resource(
    std::string_view interface, std::string_view name
) const {
  const auto found = defined_.entries.find({interface, name});
  return found == defined_.entries.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace whorl::component
