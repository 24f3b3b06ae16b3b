/// TLS for connections that clients make: OpenSSL on our sockets.
///
/// Versions 1.2 and 1.3, forward secrecy and authenticated ciphers only, no renegotiation, no early
/// data. Sessions are resumed by tickets, so nothing is kept for clients that are gone. HTTP/2 or
/// HTTP/1.1 is agreed on in the handshake.
/// @spec RFC 8446, RFC 5246, RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 9325 (what to offer)
#pragma once

#include "async/shard.hpp"
#include "base/result.hpp"
#include "fs/file.hpp"
#include "net/stream.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::net {

struct TlsServerOptions {
  /// A certificate with the key that belongs to it.
  struct Identity {
    std::string certificate_file;  ///< PEM: the server's certificate, then the chain above it
    std::string private_key_file;  ///< PEM, not encrypted
  };
  /// At least one. A client that asks for a name gets the first that is for it, else the first.
  /// Several for the same names with different kinds of keys are one: a client gets what it knows.
  std::vector<Identity> identities;
  /// PEM; clients must show a certificate that chains to one of these. Empty: none is asked for.
  std::string client_roots_file{};
};

/// A server's end of a TLS connection. Reading and writing begin after the handshake.
class TlsServerStream : public Stream {
 public:
  enum class Step : std::uint8_t { Done, WantRead, WantWrite, Failed };
  /// Goes on with the handshake; after WantRead or WantWrite the caller waits with
  /// start_wait_readable() or start_wait_writable() and tries again.
  [[nodiscard]] virtual Step try_handshake() = 0;
  /// What was agreed on by ALPN; empty when the client did not offer any.
  [[nodiscard]] virtual std::string_view protocol() const noexcept = 0;
  /// Whether a former session was resumed.
  [[nodiscard]] virtual bool is_resumed() const noexcept = 0;
  /// The handshake failed because the client speaks HTTP without TLS.
  [[nodiscard]] virtual bool is_plain_http() const noexcept = 0;
  /// Answers such a client in its language, as well as that can be done without waiting for it.
  virtual void answer_plainly(std::string_view text) noexcept = 0;
  /// Why the handshake failed, for a log.
  [[nodiscard]] virtual const std::string& failure_text() const noexcept = 0;
};

/// Certificates and settings, shared by connections. @thread any (immutable)
class TlsServerContext : public std::enable_shared_from_this<TlsServerContext> {
 public:
  /// Reads the files. Blocks.
  /// @return "failed to load certificate(s) from '<f>'", "failed to load private key from '<f>'",
  ///         "failed to load client root certificate(s) from '<f>'", each with its cause
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> create(
      const TlsServerOptions& options
  );
  /// What the operator should know of the files, a sentence each: a certificate that clients will
  /// refuse, a key that is no secret.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;
  struct Impl;
  /// For create().
  explicit TlsServerContext(std::unique_ptr<Impl> impl) noexcept;
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  ~TlsServerContext();

  /// @param socket  accepted and non-blocking; closed when there is no memory
  /// @return        null without memory; keeps the context while it lives
  [[nodiscard]] std::unique_ptr<TlsServerStream> make_stream(async::Shard& shard, fs::Fd socket)
      const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::net
