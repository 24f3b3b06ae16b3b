/// Service: one component of an application, prepared, with everything its instances are given.
///
/// @thread any (immutable, shared by all shards)
#pragma once

#include "component/component.hpp"
#include "host/capability.hpp"
#include "http/allowed_hosts.hpp"
#include "runtime/component_output.hpp"
#include "runtime/fiber_stacks.hpp"
#include "runtime/instance_gate.hpp"
#include "runtime/reuse.hpp"
#include "wasi/context.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace whorl::runtime {

/// What one event of a component may use. Named in the messages by the flags that set them.
struct Limits {
  /// CPU of guest and host functions together; zero lifts the limit. `--max-request-cpu`
  std::chrono::milliseconds cpu{std::chrono::seconds{30}};
  /// Wall time to the first byte of the response, and again for what a guest does after its
  /// response has ended; zero lifts the limit. `--max-response-delay`
  std::chrono::milliseconds response_delay{std::chrono::seconds{600}};
  /// Bytes of each linear memory. `--max-instance-memory`
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  /// Events of one component that may be under way at once, over all shards; zero lifts the limit.
  /// `--max-component-instances`
  std::uint32_t component_instances = 0;
  /// Events of one component that may wait for others of it to end, where `component_instances`
  /// bounds them. `--max-queued-requests`
  std::uint32_t queued = 0;
  /// Whether an instance may be put back after an event and serve the next, instead of being made
  /// anew. `WHORL_KEEP_INSTANCES=0`
  bool keep_instances = true;
  /// Every so many resets the instance is compared whole with a fresh one; 0: never. A difference
  /// is an error of ours: it is logged, and nothing of the service is kept any more.
  /// `WHORL_AUDIT_RESETS`
  std::uint32_t audit_every = 0;
  /// Of instances that serve several events without being put back between them.
  ReuseLimits reuse;
};

/// Which interface a component answers HTTP by.
enum class HandlerKind : std::uint8_t {
  Wasi2,  ///< wasi:http/incoming-handler@0.2.x
  Wasi3,  ///< wasi:http/handler, 0.3.x or its release candidate
};

/// A copy is the same service, with the same limits and output, and may be given another component.
struct Service {
  std::string id;  ///< component id, for messages
  std::shared_ptr<const component::Component> component;
  /// The handler of HTTP requests; points into `component`.
  const component::ExportedFunc* http_handler = nullptr;
  /// The handler of a guest of Spin 1, buffered; then there is neither of the others.
  const component::ExportedFunc* spin1_handler = nullptr;
  HandlerKind handler_kind = HandlerKind::Wasi2;
  /// Its instances serve several events, at once and one after the other, as limits.reuse says.
  bool is_shared = false;
  /// The entry of a WASI command that answers by what it writes; then there is no handler.
  const component::ExportedFunc* command = nullptr;
  /// The handler of Redis messages; then there is neither of the two.
  const component::ExportedFunc* message_handler = nullptr;
  std::vector<std::pair<std::string, std::string>> environment;
  /// What the capabilities give to its instances, in the order they were configured.
  std::vector<std::shared_ptr<const host::Grant>> grants;
  /// Where its instances may connect to.
  http::AllowedHosts allowed_hosts;
  /// Folders of the host that are open to its instances.
  std::vector<wasi::Preopen> preopens;
  std::shared_ptr<ComponentOutput> standard_output;
  std::shared_ptr<ComponentOutput> standard_error;
  Limits limits;
  /// Of its events under way; null without a limit.
  std::shared_ptr<InstanceGate> gate;
  /// Its events' fibers besides their first ones.
  std::shared_ptr<ComponentFibers> fibers;
  /// Of its events that wait for a place at the gate; null where none may.
  std::shared_ptr<InstanceGate> queue;
};

}  // namespace whorl::runtime
