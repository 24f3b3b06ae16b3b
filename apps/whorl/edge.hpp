/// What of a command line is about clients, as servers want it. @thread main
#pragma once

#include "async/deadline.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "http/server.hpp"
#include "net/tls_server.hpp"

#include <memory>
#include <string>

namespace whorl {

/// How the process meets its clients.
struct Edge {
  http::ServerOptions server;                        ///< of each shard
  std::shared_ptr<const net::TlsServerContext> tls;  ///< null: none
  async::Milliseconds drain_time{0};

  [[nodiscard]] http::Scheme scheme() const noexcept { return server.scheme; }
};

/// @param shards  they share the limits of the process
/// @return errors: those of the certificates' files
[[nodiscard]] Result<Edge> make_edge(const cli::UpRequest& request, unsigned shards);

/// Notices when certificates are to be read anew.
class TlsFiles {
 public:
  explicit TlsFiles(const cli::EdgeSettings& settings);

  [[nodiscard]] bool is_empty() const noexcept;
  /// Whether a file has changed since this was asked, or read() was called. Looks at the files.
  [[nodiscard]] bool have_changed();
  /// Reads them all. @return null when there are none
  [[nodiscard]] Result<std::shared_ptr<const net::TlsServerContext>> read();

 private:
  [[nodiscard]] std::string look() const;

  const cli::EdgeSettings& settings_;
  std::string seen_;  ///< what tells one state of the files from another
};

}  // namespace whorl
