#include "host_instance.hpp"

#include "component/thunk.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::conformance {

using component::Call;
using component::HostResult;
using component::Own;

namespace {

HostResult<> check(std::uint32_t got, std::uint32_t wanted) {
  if (got != wanted) {
    return component::trap(fmt::format("the resource is {}, not {}", got, wanted));
  }
  return {};
}

constexpr std::array<const char*, 0> kNone{};
constexpr std::array<const char*, 1> kRep{"rep"};
constexpr std::array<const char*, 2> kResourceAndRep{"r", "rep"};
constexpr std::array<const char*, 2> kSelfAndRep{"self", "rep"};
constexpr std::array<const char*, 2> kSelfAndOther{"self", "b"};

}  // namespace

HostResult<> HostInstance::Resource1::simple(Call&, std::uint32_t rep) {
  return check(rep_, rep);
}
HostResult<> HostInstance::Resource1::take_borrow(Call&, Resource1&) {
  return {};
}
HostResult<> HostInstance::Resource1::take_own(Call&, Own<Resource1>) {
  return {};
}

HostResult<std::uint32_t> HostInstance::return_three(Call&) {
  return 3;
}
HostResult<std::string> HostInstance::return_hi(Call&) {
  return "hi";
}
HostResult<Own<HostInstance::Resource1>> HostInstance::make_resource1(Call&, std::uint32_t rep) {
  return std::make_unique<Resource1>(drops_, rep);
}
HostResult<> HostInstance::check_resource1(Call&, Own<Resource1> resource, std::uint32_t rep) {
  return check(resource->rep(), rep);
}
HostResult<std::uint32_t> HostInstance::last_drop(Call&) {
  return drops_.last;
}
HostResult<std::uint32_t> HostInstance::drops(Call&) {
  return drops_.count;
}

const component::HostInterface& HostInstance::interface() {
  using component::host_function;
  static constexpr std::array<component::HostFunction, 9> kFunctions = {{
      host_function<&HostInstance::return_three, kNone>("return-three"),
      host_function<&HostInstance::return_hi, kNone>("return-hi"),
      host_function<&HostInstance::make_resource1, kRep>("[constructor]resource1"),
      host_function<&HostInstance::check_resource1, kResourceAndRep>("[static]resource1.assert"),
      host_function<&HostInstance::last_drop, kNone>("[static]resource1.last-drop"),
      host_function<&HostInstance::drops, kNone>("[static]resource1.drops"),
      host_function<&Resource1::simple, kSelfAndRep>("[method]resource1.simple"),
      host_function<&Resource1::take_borrow, kSelfAndOther>("[method]resource1.take-borrow"),
      host_function<&Resource1::take_own, kSelfAndOther>("[method]resource1.take-own"),
  }};
  static constexpr std::array<component::HostResourceDesc, 2> kResources = {{
      component::host_resource<Resource1>(),
      component::host_resource<Resource2>(),
  }};
  static constexpr component::HostInterface kInterface{"host", "", kFunctions, kResources};
  return kInterface;
}

}  // namespace whorl::conformance
