/// InProcessHosts: who answers requests to hosts that are not on the network.
///
/// The host `<component>.spin.internal` names a component of the same application. A request to it
/// never becomes bytes: the trigger that knows the components answers the exchange, as it would one
/// from a client. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"

#include <memory>
#include <string_view>

namespace whorl::http {

class InProcessHosts {
 public:
  /// Whether a component of that id answers HTTP, under a public or a private route.
  [[nodiscard]] virtual bool has_component(std::string_view component_id) const = 0;
  /// Starts answering: the component runs as under the route `/...`, whatever its own is. Called
  /// from the loop, never from inside a fiber, so it may run the guest at once.
  ///
  /// @param component_id  one that has_component() knows
  /// @param exchange      scheme http; the authority as in the URL; client address "0.0.0.0:0"; no
  ///                      host field. Its requester may go away at any time.
  virtual void serve(std::string_view component_id, LocalPtr<Exchange> exchange) = 0;

 protected:
  ~InProcessHosts() = default;
};

/// What stands behind the component's id in such a host.
inline constexpr std::string_view kInternalSuffix = ".spin.internal";

}  // namespace whorl::http
