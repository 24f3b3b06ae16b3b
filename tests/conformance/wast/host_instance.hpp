/// The instance "host" that scripts of components import: functions that return small numbers and
/// texts, and resources that count how often they were dropped.
///
/// Named after what public component scripts expect of a host; what needs a host that waits
/// (never-return and the like) comes with asynchronous calls. @thread one
#pragma once

#include "component/host.hpp"

#include <cstdint>
#include <string>

namespace whorl::conformance {

/// The Host object behind "host". State outlives instances: counts go on from one to the next.
class HostInstance {
 public:
  /// How resource1 was dropped so far.
  struct Drops {
    std::uint32_t count = 0;
    std::uint32_t last = 0;  ///< representation of the last one
  };

  /// A resource that carries the number it was made with.
  class Resource1 final : public component::HostResource {
   public:
    static constexpr component::ResourceTag kTag{"host", "resource1"};
    Resource1(Drops& drops, std::uint32_t rep) noexcept : drops_(drops), rep_(rep) {}
    ~Resource1() override {
      ++drops_.count;
      drops_.last = rep_;
    }
    [[nodiscard]] std::uint32_t rep() const noexcept { return rep_; }

    component::HostResult<> simple(component::Call& call, std::uint32_t rep);
    component::HostResult<> take_borrow(component::Call& call, Resource1& other);
    component::HostResult<> take_own(component::Call& call, component::Own<Resource1> other);

   private:
    Drops& drops_;
    std::uint32_t rep_;
  };
  /// Never made: only a type unlike the other.
  class Resource2 final : public component::HostResource {
   public:
    static constexpr component::ResourceTag kTag{"host", "resource2"};
  };

  component::HostResult<std::uint32_t> return_three(component::Call& call);
  component::HostResult<std::string> return_hi(component::Call& call);
  component::HostResult<component::Own<Resource1>> make_resource1(
      component::Call& call, std::uint32_t rep
  );
  component::HostResult<> check_resource1(
      component::Call& call, component::Own<Resource1> resource, std::uint32_t rep
  );
  component::HostResult<std::uint32_t> last_drop(component::Call& call);
  component::HostResult<std::uint32_t> drops(component::Call& call);

  /// Its table for the registry.
  [[nodiscard]] static const component::HostInterface& interface();

 private:
  Drops drops_;
};

}  // namespace whorl::conformance
