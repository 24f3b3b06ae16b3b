/// The plug between the runtime and what a host offers to guests: stores, variables, databases.
///
/// A capability has three forms, each made from the one before:
///   Capability     of the process: which interfaces there are
///   AppCapability  of one application: settings read and checked, what each component was granted
///   Grant          of one component: gives each new instance its host objects
/// How an AppCapability is made (which settings it needs) is between its own type and apps/whorl;
/// the runtime knows only what stands here (docs/adr/0007-capability-contract.md).
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "component/host.hpp"

#include <memory>
#include <span>

namespace whorl::host {

/// Host objects that keep something of the instance they belong to. Outlives the instance and what
/// its handle tables hold. @thread shard
class InstanceHosts {
 public:
  virtual ~InstanceHosts() = default;
  /// Forgets what the last event left behind, so that the next one starts like the first. The
  /// handle tables are empty by then.
  virtual void reset() noexcept = 0;
};

/// What a capability gives to the instances of one component; outlived by none of them.
/// @thread any (immutable, shared by all shards)
class Grant {
 public:
  virtual ~Grant() = default;
  /// Writes the host objects of a new instance to their places in `hosts`, which has one per slot
  /// of the registry. Cheap, never waits. @thread shard
  /// @return objects that are the instance's own; null when instances share all of them. Shared
  ///         ones live as long as the grant
  [[nodiscard]] virtual std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const = 0;
};

/// A capability configured for one application. Needed only until the components are prepared: a
/// grant owns what it uses, so that an application can be replaced while its guests still run.
/// @thread main or the blocking pool
class AppCapability {
 public:
  virtual ~AppCapability() = default;
  /// Once per component, before anything is served.
  /// @return errors: InvalidInput when the component asks for what is not there
  [[nodiscard]] virtual Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const = 0;
};

/// A capability of the process. @thread any, after link()
class Capability {
 public:
  virtual ~Capability() = default;
  /// Registers the interfaces and remembers where. Once, before components are prepared.
  virtual void link(component::HostRegistry& registry) = 0;
};

}  // namespace whorl::host
