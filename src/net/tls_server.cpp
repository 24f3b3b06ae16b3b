#include "net/tls_server.hpp"

#include "net/socket_bio.hpp"
#include "net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <utility>

namespace whorl::net {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

constexpr std::uint64_t kMaxFile = 1 << 20;
// Protocol names with their lengths in front (RFC 7301 §3.1), the preferred one first.
constexpr std::string_view kProtocols{"\x02h2\x08http/1.1\x08http/1.0"};
// Forward secrecy and authenticated encryption; also what RFC 9113 §9.2.2 demands of HTTP/2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kSessionContext = "whorl";

/// Keeps OpenSSL from asking a person at the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) noexcept {
  return -1;
}

Result<Bio> open_pem(const std::string& path, Bytes& bytes) {
  WHORL_TRY(bytes, fs::read_file(path, kMaxFile));
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// The certificates of a file, in their order.
Result<std::vector<Certificate>> read_certificates(const std::string& path) {
  Bytes bytes;
  WHORL_TRY(const Bio bio, open_pem(path, bytes));
  std::vector<Certificate> list;
  ERR_clear_error();
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
    list.push_back(std::move(next));
  }
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
    return tls_error("a certificate cannot be read");
  }
  ERR_clear_error();
  if (list.empty()) {
    return fail(ErrorKind::InvalidInput, "the file holds no certificate in PEM form");
  }
  return list;
}

Result<Key> read_key(const std::string& path) {
  Bytes bytes;
  WHORL_TRY(const Bio bio, open_pem(path, bytes));
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (key != nullptr) {
    return key;
  }
  const unsigned long code = ERR_peek_last_error();
  const bool encrypted =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_BAD_PASSWORD_READ;
  ERR_clear_error();
  return fail(
      ErrorKind::InvalidInput,
      "{}",
      encrypted ? "the key is encrypted" : "the file holds no private key in PEM form"
  );
}

Result<> use_identity(SSL_CTX* context, const TlsServerOptions::Identity& identity) {
  auto chain = read_certificates(identity.certificate_file);
  if (!chain) {
    return chain.take_error().context(
        fmt::format("failed to load certificate(s) from '{}'", identity.certificate_file)
    );
  }
  const auto key_context =
      fmt::format("failed to load private key from '{}'", identity.private_key_file);
  auto key = read_key(identity.private_key_file);
  if (!key) {
    return key.take_error().context(key_context);
  }
  for (std::size_t i = 0; i < chain->size(); ++i) {
    X509* certificate = (*chain)[i].get();
    const bool used = i == 0 ? SSL_CTX_use_certificate(context, certificate) == 1
                             : SSL_CTX_add1_chain_cert(context, certificate) == 1;
    if (!used) {
      return tls_error("a certificate cannot be used")
          .context(fmt::format("failed to load certificate(s) from '{}'", identity.certificate_file)
          );
    }
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(
               ErrorKind::InvalidInput,
               "the key does not belong to the certificate in '{}'",
               identity.certificate_file
    )
        .context(key_context);
  }
  return {};
}

Result<> use_client_roots(SSL_CTX* context, const std::string& path) {
  if (path.empty()) {
    return {};
  }
  const auto what = fmt::format("failed to load client root certificate(s) from '{}'", path);
  auto roots = read_certificates(path);
  if (!roots) {
    return roots.take_error().context(what);
  }
  for (const Certificate& root : *roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1 ||
        SSL_CTX_add_client_CA(context, root.get()) != 1) {
      return tls_error("a certificate cannot be used").context(what);
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

/// A client that offers protocols, none of them ours, is refused (RFC 7301 §3.2): it may have been
/// led here from a server of another kind.
int choose_protocol(
    SSL* /*ssl*/,
    const unsigned char** out,
    unsigned char* out_size,
    const unsigned char* offered,
    unsigned int offered_size,
    void* /*user*/
) noexcept {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(
      &chosen,
      out_size,
      reinterpret_cast<const unsigned char*>(kProtocols.data()),
      kProtocols.size(),
      offered,
      offered_size
  );
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void harden(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Requests say themselves how long they are, so an end without goodbye is an end like any other.
  SSL_CTX_set_options(
      context,
      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
          SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF
  );
  SSL_CTX_set_mode(
      context,
      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
  );
  // A record takes one call to the kernel instead of one for its head and one for the rest.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

Result<SslContext> make_context(
    const TlsServerOptions::Identity& identity, const std::string& client_roots_file
) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1 ||
      SSL_CTX_set_session_id_context(
          context.get(),
          reinterpret_cast<const unsigned char*>(kSessionContext.data()),
          kSessionContext.size()
      ) != 1) {
    return tls_error("cannot set up TLS");
  }
  harden(context.get());
  WHORL_CHECKED(use_identity(context.get(), identity));
  WHORL_CHECKED(use_client_roots(context.get(), client_roots_file));
  return context;
}

}  // namespace

struct TlsServerContext::Impl {
  std::vector<SslContext> contexts;  ///< as the identities

  static int choose_identity(SSL* ssl, int* /*alert*/, void* user) noexcept;
};

/// Takes the first certificate that is for the name a client asks for.
int TlsServerContext::Impl::choose_identity(SSL* ssl, int* /*alert*/, void* user) noexcept {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  for (const SslContext& context : static_cast<const Impl*>(user)->contexts) {
    X509* certificate = SSL_CTX_get0_certificate(context.get());
    const auto flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    if (X509_check_host(certificate, name, std::strlen(name), flags, nullptr) == 1) {
      return SSL_set_SSL_CTX(ssl, context.get()) == nullptr ? SSL_TLSEXT_ERR_ALERT_FATAL
                                                            : SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

TlsServerContext::TlsServerContext(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::create(
    const TlsServerOptions& options
) {
  auto impl = std::make_unique<Impl>();
  for (const auto& identity : options.identities) {
    WHORL_TRY(auto context, make_context(identity, options.client_roots_file));
    impl->contexts.push_back(std::move(context));
  }
  if (impl->contexts.empty()) {
    return fail(ErrorKind::InvalidInput, "TLS needs a certificate");
  }
  if (impl->contexts.size() > 1) {
    SSL_CTX* first = impl->contexts.front().get();
    SSL_CTX_set_tlsext_servername_callback(first, Impl::choose_identity);
    SSL_CTX_set_tlsext_servername_arg(first, impl.get());
  }
  return std::shared_ptr<const TlsServerContext>(std::make_shared<TlsServerContext>(std::move(impl))
  );
}

std::unique_ptr<TlsServerStream> TlsServerContext::make_stream(async::Shard& shard, fs::Fd socket)
    const {
  return make_tls_stream(
      shard, std::move(socket), impl_->contexts.front().get(), shared_from_this()
  );
}

}  // namespace whorl::net
