/// download(): one file from an http or https URL, while the caller waits.
///
/// For commands and start-up, outside of any shard: it runs an event loop of its own on the calling
/// thread. Whoever wrote the URL may name any host; a server that answers with a redirect may not
/// lead from the public network into this machine's own. @thread blocking
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/fields.hpp"
#include "net/tls_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::http {

/// Takes the bytes of a download in order.
class DownloadSink {
 public:
  virtual ~DownloadSink() = default;
  /// How long the whole will be, where that is told beforehand. An error ends the download.
  [[nodiscard]] virtual Result<void> expect(std::uint64_t bytes) = 0;
  /// The next bytes. An error ends the download.
  [[nodiscard]] virtual Result<void> write(ByteView part) = 0;
};

/// When redirects may not lead to addresses that are not globally routable.
enum class RedirectGuard : std::uint8_t {
  FromPublic,  ///< when the redirect came from a globally routable address
  Always,
};

struct DownloadOptions {
  net::TlsClientOptions tls{};
  std::chrono::seconds connect{30};  ///< for each request: name, connection and handshake
  std::chrono::seconds silence{60};  ///< without a byte, after which it is given up
  std::chrono::seconds whole{3600};  ///< for everything together
  unsigned redirects = 10;
  RedirectGuard guard = RedirectGuard::FromPublic;
  Fields fields{};                  ///< sent with the first request, not with redirected ones
  std::uint16_t* status = nullptr;  ///< receives the status of the last answer, if there was one
};

/// Downloads a file.
/// @return errors: the sink's own; InvalidInput (no such URL, too many redirects), PermissionDenied
///         (a redirect from a public address to one that is not globally routable), NotFound and
///         Unavailable (answers other than 200, in the words of Spin's client; no connection),
///         DeadlineExceeded, Disconnected (the file was cut)
[[nodiscard]] Result<void> download(
    const std::string& url, DownloadSink& sink, const DownloadOptions& options = {}
);

/// An absolute http or https URL, taken apart.
struct DownloadUrl {
  bool is_tls = false;
  std::string authority;       ///< "host" or "host:port"
  std::string path_and_query;  ///< begins with a slash; a fragment is left out

  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] bool operator==(const DownloadUrl&) const = default;
};
/// @return InvalidInput in the words of Spin's client
[[nodiscard]] Result<DownloadUrl> parse_download_url(std::string_view url);
/// Where a redirect leads. @param location  absolute or relative (RFC 9110 §10.2.2)
[[nodiscard]] Result<DownloadUrl> redirected(const DownloadUrl& from, std::string_view location);

}  // namespace whorl::http
