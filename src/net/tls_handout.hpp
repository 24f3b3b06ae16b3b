/// TlsHandout: TLS for connections that a library makes itself, over the OpenSSL that we share.
///
/// Such a library takes an SSL_CTX and connects by an address that we chose. What is trusted, whose
/// name the certificate must bear and which name is sent (SNI) is said here, as for connections of
/// our own (tls_client.hpp): the library's own checks, which know the address only, are not needed.
#pragma once

#include "base/result.hpp"
#include "net/tls_client.hpp"

#include <memory>
#include <string>

namespace whorl::net {

/// Settings of one connection. Outlives what the library makes of them. @thread one at a time
class TlsHandout {
 public:
  struct Impl;
  /// For make_tls_handout().
  explicit TlsHandout(std::unique_ptr<Impl> impl) noexcept;
  TlsHandout(const TlsHandout&) = delete;
  TlsHandout& operator=(const TlsHandout&) = delete;
  ~TlsHandout();

  /// The SSL_CTX; a library that keeps it counts itself.
  [[nodiscard]] void* context() const noexcept;
  /// Why the peer's certificate was not accepted; empty as long as nothing is known against it.
  [[nodiscard]] const std::string& failure_text() const noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

/// @param trusted  whose roots are trusted; its client certificate is not sent
/// @param host     name or IP address, without brackets and port, that the certificate must be for
/// @return errors: ResourceLimit; InvalidInput (no name of a host). @thread any; reads no file
[[nodiscard]] Result<std::unique_ptr<TlsHandout>> make_tls_handout(
    const TlsClientContext& trusted, const std::string& host
);

/// Whether bytes were decrypted that nobody has read yet: a socket does not tell.
/// @param ssl  an SSL; null: none
[[nodiscard]] bool has_decrypted(void* ssl) noexcept;

}  // namespace whorl::net
