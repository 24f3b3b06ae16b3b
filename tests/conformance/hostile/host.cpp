#include "host.hpp"

#include "component/thunk.hpp"

#include <array>

namespace whorl::hostile {
namespace {

constexpr std::array<const char*, 0> kNone{};
constexpr std::array<const char*, 1> kOne{"p0"};
constexpr std::array<const char*, 1> kSelf{"self"};

}  // namespace

const component::HostRegistry& Host::registry() {
  using component::host_function;
  static constexpr std::array<component::HostFunction, 13> kFunctions = {{
      host_function<&Host::note, kNone>("note"),
      host_function<&Host::say, kOne>("say"),
      host_function<&Host::bytes, kOne>("bytes"),
      host_function<&Host::numbers, kOne>("numbers"),
      host_function<&Host::texts, kOne>("texts"),
      host_function<&Host::maybe, kOne>("maybe"),
      host_function<&Host::outcome, kOne>("outcome"),
      host_function<&Host::letter, kOne>("letter"),
      host_function<&Host::give, kNone>("give"),
      host_function<&Host::give_list, kNone>("give-list"),
      host_function<&Host::make, kNone>("[constructor]thing"),
      host_function<&Thing::touch, kSelf>("[method]thing.touch"),
      host_function<&Host::eat, kOne>("[static]thing.eat"),
  }};
  static constexpr std::array<component::HostResourceDesc, 1> kResources = {
      {component::host_resource<Thing>()}
  };
  static constexpr component::HostInterface kInterface{
      "test:hostile/host", "1.0.0", kFunctions, kResources
  };
  static const component::HostRegistry kRegistry = [] {
    component::HostRegistry made;
    made.add(kInterface);
    return made;
  }();
  return kRegistry;
}

}  // namespace whorl::hostile
