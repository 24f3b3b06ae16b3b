/// TLS for connections this process makes: OpenSSL, with the peer's certificate always verified.
///
/// Versions 1.2 and 1.3. The certificate must chain to a trusted root and be for the host that was
/// asked for; the host's name is sent in the clear (SNI), an IP address is not.
/// @spec RFC 8446, RFC 5246, RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 9110 §4.3.4 (what the
/// certificate must say)
#pragma once

#include "base/result.hpp"
#include "net/channel.hpp"

#include <memory>
#include <string>

namespace whorl::net {

/// Which roots are trusted and who we are.
struct TlsClientOptions {
  /// The operating system's roots; SSL_CERT_FILE and SSL_CERT_DIR move them, as in other programs.
  bool system_roots = true;
  std::string extra_roots_file;  ///< PEM; empty: none
  std::string certificate_file;  ///< PEM, the chain of a client certificate; empty: none
  std::string private_key_file;  ///< PEM; with certificate_file
  /// The server may choose HTTP/2 (Channel::protocol()); else it is offered HTTP/1.1 only.
  bool offers_http2 = false;
};

/// Settings shared by connections. @thread any (immutable)
class TlsClientContext {
 public:
  /// Reads the files that are named; the system's roots, if no others are added to them, only the
  /// first time in the process. That is some 17 ms of work: not on a shard.
  /// @return InvalidInput naming the file
  [[nodiscard]] static Result<std::shared_ptr<const TlsClientContext>> create(
      const TlsClientOptions& options
  );
  struct Impl;
  /// For create().
  explicit TlsClientContext(std::unique_ptr<Impl> impl) noexcept;
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;
  ~TlsClientContext();

  /// A channel over a connected socket; its handshake is still to be made.
  /// @param host  name or IP address, without brackets and port
  [[nodiscard]] Result<std::unique_ptr<Channel>> make_channel(
      std::unique_ptr<WatchedSocket> socket, const std::string& host
  ) const;
  /// The X509_STORE of what is trusted; who keeps it counts itself.
  [[nodiscard]] void* roots() const noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::net
