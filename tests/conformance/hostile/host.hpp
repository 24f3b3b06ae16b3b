/// The host that hostile guests call: "test:hostile/host@1.0.0", one function for each kind of
/// argument, one resource. @thread one
#pragma once

#include "base/bytes.hpp"
#include "component/host.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::hostile {

class Host {
 public:
  class Thing final : public component::HostResource {
   public:
    static constexpr component::ResourceTag kTag{"test:hostile/host", "thing"};
    component::HostResult<> touch(component::Call&) { return {}; }
  };

  component::HostResult<> note(component::Call&) { return {}; }
  component::HostResult<> say(component::Call&, std::string_view) { return {}; }
  component::HostResult<> bytes(component::Call&, ByteView) { return {}; }
  component::HostResult<> numbers(component::Call&, std::vector<std::uint32_t>) { return {}; }
  component::HostResult<> texts(component::Call&, std::vector<std::string>) { return {}; }
  component::HostResult<> maybe(component::Call&, std::optional<std::string>) { return {}; }
  component::HostResult<> outcome(component::Call&, std::expected<std::uint32_t, std::string>) {
    return {};
  }
  component::HostResult<> letter(component::Call&, char32_t) { return {}; }
  component::HostResult<std::string> give(component::Call&) { return "given"; }
  component::HostResult<std::vector<std::string>> give_list(component::Call&) {
    return std::vector<std::string>{"one", "two"};
  }
  component::HostResult<component::Own<Thing>> make(component::Call&) {
    return std::make_unique<Thing>();
  }
  component::HostResult<> eat(component::Call&, component::Own<Thing>) { return {}; }

  [[nodiscard]] static const component::HostRegistry& registry();
};

}  // namespace whorl::hostile
