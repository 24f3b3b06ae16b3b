/// The stream of a TLS connection that a client made. Private to the room. @thread shard
#pragma once

#include "net/tls_server.hpp"

struct ssl_ctx_st;

namespace whorl::net {

/// @param context  settings and default certificate; kept alive by `owner`
/// @param owner    held as long as the stream lives
/// @return         null without memory
[[nodiscard]] std::unique_ptr<TlsServerStream> make_tls_stream(
    async::Shard& shard, fs::Fd socket, ssl_ctx_st* context, std::shared_ptr<const void> owner
);

}  // namespace whorl::net
