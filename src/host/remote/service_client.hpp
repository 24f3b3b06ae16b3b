/// ServiceClient: requests that backends make to services of the operator's choice, over HTTP.
///
/// A guest's call parks while the request is under way. Connections are kept per shard and used by
/// all guests. The operator has named the service, so that neither grants nor blocked networks
/// apply; redirects are not followed: credentials must not travel to another host.
/// @thread shard; one object serves all shards
#pragma once

#include "async/deadline.hpp"
#include "async/shard_local.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/remote/service_url.hpp"
#include "http/client.hpp"
#include "http/fields.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::host::remote {

/// Whether a request may be made a second time when the first one got no answer.
enum class Repeat : std::uint8_t { Safe, Never };

struct ServiceRequest {
  std::string method = "POST";
  bool is_tls = false;
  std::string authority{};
  std::string path_and_query = "/";
  http::Fields fields{};
  std::string body{};
  Repeat repeat = Repeat::Safe;

  /// A request to a path below a service's own.
  [[nodiscard]] static ServiceRequest to(const ServiceUrl& url, std::string_view path);
};

struct ServiceAnswer {
  std::uint16_t status = 0;
  http::Fields fields{};
  std::string body{};
  [[nodiscard]] bool is_success() const noexcept { return status >= 200 && status < 300; }
};

/// How long one request may take, and how much may come back.
struct ServiceLimits {
  std::chrono::milliseconds connect{10'000};  ///< name, connection and handshake
  std::chrono::milliseconds silence{30'000};  ///< without a byte of an answer
  std::chrono::milliseconds whole{60'000};
  std::size_t answer_bytes = std::size_t{8} << 20;
};

class ServiceClient {
 public:
  /// Connections open at once, over all shards.
  static constexpr std::uint64_t kMaxConnections = 1024;

  explicit ServiceClient(net::TlsClientOptions tls = {});
  ServiceClient(const ServiceClient&) = delete;
  ServiceClient& operator=(const ServiceClient&) = delete;
  ~ServiceClient();

  /// Makes a request and collects its answer, whatever its status.
  /// @return errors: Unavailable (no connection, no HTTP), DeadlineExceeded, Disconnected (a cut
  ///         answer), ResourceLimit (too long an answer), Cancelled; their message names neither
  ///         address nor content, so that it may reach a guest
  [[nodiscard]] Result<ServiceAnswer> send(
      Caller caller, ServiceRequest request, const ServiceLimits& limits = {}
  );
  /// Makes a request whose answer nobody wants; it may be lost.
  void tell(async::Shard& shard, const ServiceRequest& request);

 private:
  struct OfShard;
  [[nodiscard]] OfShard& of(async::Shard& shard);
  [[nodiscard]] Result<ServiceAnswer> send_once(
      Caller caller,
      const ServiceRequest& request,
      const ServiceLimits& limits,
      async::Deadline deadline,
      bool& is_unanswered
  );

  http::ClientOptions options_;
  async::PerShard<OfShard> clients_;
};

/// What a peer says, fit for a guest: a secret in it becomes `***`, control characters blanks; at
/// most 500 bytes, so that it ends where a character does.
[[nodiscard]] std::string without_secret(std::string_view text, std::string_view secret);

}  // namespace whorl::host::remote
