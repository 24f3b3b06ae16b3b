/// TlsIdentity: a server's certificate, the chain above it and its key, as read from files.
/// Private to the room. @thread any
#pragma once

#include "base/result.hpp"
#include "net/socket_bio.hpp"
#include "net/tls_server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;
struct ssl_ctx_st;
struct x509_st;

namespace whorl::net {

void free_certificate(x509_st* certificate) noexcept;
void free_key(evp_pkey_st* key) noexcept;

using Certificate = std::unique_ptr<x509_st, FreeWith<free_certificate>>;

/// The certificates of a PEM file, in their order; at least one. Blocks.
[[nodiscard]] Result<std::vector<Certificate>> read_certificates(const std::string& path);

class TlsIdentity {
 public:
  /// Blocks. @return as TlsServerContext::create()
  [[nodiscard]] static Result<TlsIdentity> read(const TlsServerOptions::Identity& files);

  /// The certificate is for a host of this name.
  [[nodiscard]] bool is_for(std::string_view name) const noexcept;
  /// Both name the same hosts, word for word, and some at all.
  [[nodiscard]] bool is_for_same_names(const TlsIdentity& other) const noexcept;
  /// OpenSSL's number for the kind of the key: RSA, EC, …
  [[nodiscard]] int key_kind() const noexcept;
  /// Adds it to what a server can show.
  [[nodiscard]] Result<> use_in(ssl_ctx_st* context) const;
  void append_warnings(std::vector<std::string>& to) const;

 private:
  using Key = std::unique_ptr<evp_pkey_st, FreeWith<free_key>>;

  TlsIdentity(
      TlsServerOptions::Identity files, std::vector<Certificate> chain, Key key, bool everybody
  ) noexcept
      : files_(std::move(files)),
        chain_(std::move(chain)),
        key_(std::move(key)),
        everybody_reads_key_(everybody) {}

  [[nodiscard]] std::string key_context() const;
  [[nodiscard]] std::string certificate_context() const;

  TlsServerOptions::Identity files_;
  std::vector<Certificate> chain_;  ///< the server's own first
  Key key_;
  bool everybody_reads_key_;
};

}  // namespace whorl::net
