// What the root component exports: functions that can be called from outside.
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {

Result<> Linker::add_export(
    std::string_view interface, std::string_view version, std::string_view name, const Item& item
) {
  const auto* func = std::get_if<FuncItem>(&item);
  if (func == nullptr) {
    return {};
  }
  if (!func->lift) {
    return fail(
               ErrorKind::Unsupported,
               "the component exports \"{}\", which is one of its own imports",
               printable(name)
    )
        .with_help("passing an import of the host through as an export is not supported yet");
  }
  graph_.exports.push_back(
      {std::string(interface), std::string(version), std::string(name), *func->lift}
  );
  return {};
}

Result<> Linker::export_root(const InstanceItem& exports) {
  for (const auto& [name, item] : exports.exports) {
    WHORL_CHECKED(add_export({}, {}, name, item));
    const auto* instance = std::get_if<InstanceRef>(&item);
    if (instance == nullptr) {
      continue;
    }
    const auto parsed = parse_interface_name(name);
    for (const auto& [inner_name, inner] : (*instance)->exports) {
      WHORL_CHECKED(add_export(
          parsed ? parsed->interface : name, parsed ? parsed->version : "", inner_name, inner
      ));
    }
  }
  return {};
}

}  // namespace whorl::component
