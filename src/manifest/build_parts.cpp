#include "manifest/build_parts.hpp"

#include "manifest/decoder.hpp"

namespace whorl::manifest {
namespace {

Result<void> check_part(Decoder& decoder, const Entry& entry) {
  if (entry.name == "source") {
    WHORL_CHECKED(decode_source(decoder, entry.value));
  } else if (entry.name == "build") {
    WHORL_CHECKED(decode_build(decoder, entry.value));
  } else if (entry.name == "dependencies") {
    WHORL_CHECKED(decode_dependencies(decoder, entry.value));
  }
  return {};
}

Result<void> check_component(Decoder& decoder, const Node& component) {
  // A list in place of the table is left to who reads all of it.
  if (component.is(Node::Kind::Array)) {
    return {};
  }
  WHORL_CHECKED(decoder.table(component, "struct Component"));
  for (const Entry& entry : component.entries) {
    decoder.keep(check_part(decoder, entry));
  }
  return {};
}

}  // namespace

Result<void> check_build_parts(std::string_view text, std::string_view file_name) {
  WHORL_TRY(const Node root, parse_document(text, file_name));
  Decoder decoder(text, file_name);
  WHORL_CHECKED(read_version(decoder, root));
  if (const Entry* components = root.find("component")) {
    for (const Node& component : components->value.items) {  // version 1
      decoder.keep(check_component(decoder, component));
    }
    for (const Entry& component : components->value.entries) {
      decoder.keep(check_component(decoder, component.value));
    }
  }
  return decoder.verdict();
}

}  // namespace whorl::manifest
