// Names of imports and exports, versions: what parses must be made of parts that parse, and
// comparing must be an order.
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "component/names.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::component {
namespace {

void check_name(std::string_view text) {
  const auto name = parse_extern_name(text);
  if (!name) {
    return;
  }
  (void)uniqueness_key(text);
  switch (name->kind) {
    case ExternName::Kind::Label:
      WHORL_CHECK(is_label(text), "a label is a label");
      break;
    case ExternName::Kind::Method:
    case ExternName::Kind::Static:
      WHORL_CHECK(is_label(name->resource) && is_label(name->label), "parts are labels");
      break;
    case ExternName::Kind::Constructor:
      WHORL_CHECK(is_label(name->resource), "the resource is a label");
      break;
    case ExternName::Kind::Interface: {
      std::string whole(name->interface);
      if (!name->version.empty()) {
        whole.append("@").append(name->version);
      }
      WHORL_CHECK(whole == text, "interface and version make the name");
      WHORL_CHECK(parse_interface_name(text).has_value(), "it is an interface name");
      break;
    }
    case ExternName::Kind::Url:
      break;
  }
}

void check_versions(std::string_view a, std::string_view b) {
  WHORL_CHECK(versions_compatible(a, b) == versions_compatible(b, a), "it goes both ways");
  WHORL_CHECK(versions_compatible(a, a), "a version is compatible with itself");
  const auto left = parse_semver(a);
  const auto right = parse_semver(b);
  if (left && right) {
    WHORL_CHECK(((*left <=> *right) == 0) == ((*right <=> *left) == 0), "equal both ways");
    WHORL_CHECK(((*left <=> *right) < 0) == ((*right <=> *left) > 0), "less is greater");
  }
}

}  // namespace
}  // namespace whorl::component

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl;
  using namespace whorl::component;
  const std::string_view text = as_text(ByteView(data, size));
  check_name(text);
  (void)is_label(text);
  const auto middle = text.find('\n');
  if (middle != std::string_view::npos) {
    check_name(text.substr(0, middle));
    check_name(text.substr(middle + 1));
    check_versions(text.substr(0, middle), text.substr(middle + 1));
    (void)nearest(text.substr(0, middle), {std::string(text.substr(middle + 1))});
  }
  return 0;
}
