/// SocketAccess: what an instance's sockets may reach, and the names it has looked up.
///
/// A grant for an address or a network covers what is dialled by number. A grant for a name lets
/// the guest look that name up, and covers the addresses that came out, as long as the instance
/// serves this event. @thread shard
#pragma once

#include "net/address.hpp"
#include "wasi/context.hpp"
#include "wasi/p2/socket_address.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::wasi::p2 {

class SocketAccess {
 public:
  /// Names and addresses remembered at most.
  static constexpr std::size_t kMaxLearned = 256;

  explicit SocketAccess(const InstanceContext& context) noexcept : context_(context) {}

  /// Null: the host offers no sockets.
  [[nodiscard]] NetworkAccess* network() const noexcept { return context_.network; }
  [[nodiscard]] BlockingWork* blocking() const noexcept { return context_.blocking; }
  /// AccessDenied, told to the operator, when nothing covers the address, or it is blocked.
  /// @param scheme  "tcp" or "udp"
  [[nodiscard]] SocketOutcome<> check(std::string_view scheme, const net::SocketAddress& address)
      const;
  /// What a guest wants looked up, in the form that grants are compared with.
  struct Name {
    std::string text;                           ///< in lower case
    std::optional<net::SocketAddress> address;  ///< where it is one already
  };
  /// InvalidArgument for what can be neither a name nor an address.
  [[nodiscard]] static SocketOutcome<Name> parse_name(std::string_view name);
  /// Whether a grant names it.
  [[nodiscard]] bool may_look_up(std::string_view name) const;
  /// What a name that may_look_up() stands for.
  void learn(const std::string& name, std::span<const net::SocketAddress> addresses);
  /// Forgets what was learned.
  void reset() noexcept { learned_.clear(); }

 private:
  struct Learned {
    std::string name;
    std::string ip;
  };

  const InstanceContext& context_;
  std::vector<Learned> learned_;
};

}  // namespace whorl::wasi::p2
