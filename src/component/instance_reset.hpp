/// InstanceReset: puts a used instance of a component back into its prepared state, so that the
/// next event finds it as a fresh one (design.md §2, "Exact reset").
///
/// Prepared is what instantiation left, together with the start functions that were put off if they
/// saw nothing of the host. Restored are memories, mutable globals, handle tables and the flags of
/// the component instances; components whose code can change anything else are not eligible.
/// @thread shard
#pragma once

#include "component/component.hpp"
#include "engine/memory_reset.hpp"
#include "engine/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

/// What the memories of a component's instances hold when prepared; one per component and shard,
/// outlives the InstanceResets made with it.
struct ResetImages {
  std::vector<engine::PageImages> memories;
  [[nodiscard]] std::size_t size_bytes() const noexcept;
};

/// Why instances of a component are not reset; empty if they can be.
[[nodiscard]] std::string_view reset_obstacle(const Component& component) noexcept;

class InstanceReset {
 public:
  /// Takes the instance as it is now for the prepared state.
  ///
  /// @return nothing if instances of the component, or on this machine, can't be reset
  [[nodiscard]] static std::optional<InstanceReset> prepare(
      ComponentInstance& instance, engine::Store& store, ResetImages& images
  );

  /// After an event that ended well and before the next. Resources that the guest left behind are
  /// destroyed first. With any outcome but Restored the instance must not be used again.
  ///
  /// @param faulted  whether this thread had page faults while the event ran
  [[nodiscard]] engine::MemoryReset::Outcome restore(bool faulted);

  /// For audits: how the state of this instance differs from another one's of the same component,
  /// for people; empty if all memories and variables are equal. Reads every byte of both.
  [[nodiscard]] std::string difference_from(const InstanceReset& other) const;

 private:
  InstanceReset(ComponentInstance& instance, engine::Store& store) noexcept
      : instance_(&instance), store_(&store) {}

  struct Memory {
    engine::Memory memory;
    engine::MemoryReset reset;
  };
  struct Global {
    engine::Global global;
    engine::GlobalValue prepared;
    /// It was different after an event: then it mostly is after the next, and need not be read.
    bool changes = false;
  };

  ComponentInstance* instance_;
  engine::Store* store_;
  std::vector<Memory> memories_;
  std::vector<Global> globals_;
};

}  // namespace whorl::component
