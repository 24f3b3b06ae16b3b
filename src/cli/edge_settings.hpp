/// EdgeSettings: how the server meets its clients. @thread any (a value)
#pragma once

#include "cli/listen_address.hpp"
#include "net/trusted_peers.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {

/// Files of a certificate and of the key that belongs to it, as they were given.
struct TlsFiles {
  std::string certificate;
  std::string private_key;
};

/// What is absent is left to the server's defaults (http/server.hpp).
struct EdgeSettings {
  std::vector<ListenTarget> listen;  ///< as given; empty: what was passed to us, or the default
  std::string takeover_path;         ///< where sockets are handed over; empty: nowhere
  std::vector<TlsFiles> tls;         ///< empty: no TLS
  std::string tls_client_roots;      ///< whose certificates clients must show; empty: nobody's
  net::TrustedPeers proxies;         ///< whose connections begin with a PROXY header
  /// From the signal to stop to the end: requests in flight are waited for, then cut.
  std::chrono::milliseconds drain_time{4000};
  std::optional<std::chrono::milliseconds> header_timeout;
  std::optional<std::chrono::milliseconds> idle_timeout;
  std::optional<std::chrono::milliseconds> body_timeout;
  std::optional<std::chrono::milliseconds> write_timeout;
  std::optional<std::uint64_t> min_body_rate;   ///< bytes a second; 0 lifts the limit
  std::optional<std::uint64_t> min_write_rate;  ///< the same
  std::optional<std::chrono::milliseconds> rate_grace;
  std::optional<std::uint64_t> max_connections;         ///< of the process
  std::optional<std::uint64_t> max_client_connections;  ///< of one client; 0 lifts the limit
  std::optional<std::uint64_t> max_body_bytes;
};

}  // namespace whorl::cli
