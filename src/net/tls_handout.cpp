#include "net/tls_handout.hpp"

#include "net/address.hpp"
#include "net/socket_bio.hpp"
#include "net/tls_library.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <utility>

namespace whorl::net {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

}  // namespace

struct TlsHandout::Impl {
  SslContext context;
  std::string server_name;  ///< sent in the clear; empty for an IP address
  std::string failure_text;

  static Impl& of(const SSL* ssl) {
    return *static_cast<Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }

  /// The library has named the address it connects to; the name is what a server chooses by.
  static void on_progress(const SSL* ssl, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) != 0) {
      const std::string& wanted = of(ssl).server_name;
      const char* name = wanted.empty() ? nullptr : wanted.c_str();
      SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), const_cast<char*>(name));
    }
  }

  static int on_verified(int is_good, X509_STORE_CTX* store) {
    if (is_good == 0) {
      const auto* ssl = static_cast<const SSL*>(
          X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
      );
      of(ssl).failure_text = fmt::format(
          "the certificate is not accepted: {}",
          X509_verify_cert_error_string(X509_STORE_CTX_get_error(store))
      );
    }
    return is_good;
  }
};

TlsHandout::TlsHandout(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TlsHandout::~TlsHandout() = default;

void* TlsHandout::context() const noexcept {
  return impl_->context.get();
}
const std::string& TlsHandout::failure_text() const noexcept {
  return impl_->failure_text;
}

Result<std::unique_ptr<TlsHandout>> make_tls_handout(
    const TlsClientContext& trusted, const std::string& host
) {
  WHORL_CHECKED(load_tls_library());
  ERR_clear_error();
  auto impl = std::make_unique<TlsHandout::Impl>();
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = impl->context.get();
  if (context == nullptr) {
    return fail(ErrorKind::ResourceLimit, "cannot set up TLS");
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(
      context,
      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
  );
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set1_cert_store(context, static_cast<X509_STORE*>(trusted.roots()));
  X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool is_ip = SocketAddress::from_ip(host, 0).has_value();
  impl->server_name = is_ip ? std::string() : host;
  if ((is_ip ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
             : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size())) != 1) {
    return tls_error("the host's name cannot be verified");
  }
  SSL_CTX_set_app_data(context, impl.get());
  SSL_CTX_set_info_callback(context, TlsHandout::Impl::on_progress);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, TlsHandout::Impl::on_verified);
  return std::make_unique<TlsHandout>(std::move(impl));
}

bool has_decrypted(void* ssl) noexcept {
  return ssl != nullptr && SSL_pending(static_cast<const SSL*>(ssl)) > 0;
}

}  // namespace whorl::net
