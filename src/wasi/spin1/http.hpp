/// The HTTP of Spin 1: buffered requests and responses, out and in. Guests are components of the
/// unversioned `fermyon:spin` interfaces, and, through component/legacy_abi.hpp, modules of 2022.
/// @thread shard
#pragma once

#include "component/component.hpp"
#include "engine/store.hpp"
#include "http/exchange.hpp"
#include "wasi/context.hpp"
#include "wit/fermyon_spin_http_v1.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::wasi::spin1 {

/// The longest body that is held in memory, in either direction, bytes.
inline constexpr std::size_t kMaxBody = std::size_t{128} << 20;

/// Registers `fermyon:spin/http`. @return its slot
[[nodiscard]] std::uint16_t register_http(component::HostRegistry& registry);

/// `fermyon:spin/http`, of one instance.
class HttpHost final : public wit::fermyon_spin_http_v1::Host {
 public:
  /// @param context  what it borrows outlives this object
  explicit HttpHost(const InstanceContext& context) noexcept : context_(context) {}

  /// Sends a request that is granted and waits for the whole response.
  [[nodiscard]] component::HostResult<
      std::expected<wit::fermyon_spin_http_v1::Response, wit::fermyon_spin_http_v1::HttpError>>
  send_request(component::Call& call, wit::fermyon_spin_http_v1::Request req) override;

 private:
  InstanceContext context_;
};

/// Where a URL leads: absolute, or a path of the own application.
struct Target {
  http::Scheme scheme = http::Scheme::Http;
  std::string authority;  ///< empty: the own application
  std::string path_and_query;
};
/// @return nothing for what is no URL of HTTP
[[nodiscard]] std::optional<Target> parse_target(std::string_view url);

/// The function that answers requests in this way; null if there is none.
[[nodiscard]] const component::ExportedFunc* find_inbound_http(const component::Component& component
);

/// Reads the whole request, calls the handler, and answers. On the fiber.
/// @return why the guest ended, if it did not end well
[[nodiscard]] std::expected<void, engine::Trap> call_inbound_http(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    Timers& timers,
    http::Exchange& exchange
);

}  // namespace whorl::wasi::spin1
