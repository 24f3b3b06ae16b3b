#include "net/tls_server.hpp"

#include "net/socket_bio.hpp"
#include "net/tls_identity.hpp"
#include "net/tls_library.hpp"
#include "net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

namespace whorl::net {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

// Protocol names with their lengths in front (RFC 7301 §3.1), the preferred one first.
constexpr std::string_view kProtocols{"\x02h2\x08http/1.1\x08http/1.0"};
// Forward secrecy and authenticated encryption; also what RFC 9113 §9.2.2 demands of HTTP/2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kSessionContext = "whorl";

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

Result<SslContext> make_context(const std::string& client_roots_file) {
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
  WHORL_CHECKED(use_client_roots(context.get(), client_roots_file));
  return context;
}

}  // namespace

struct TlsServerContext::Impl {
  /// One certificate for each kind of key, all for the same names.
  struct Choice {
    SslContext context;
    std::vector<TlsIdentity> identities;

    [[nodiscard]] bool takes(const TlsIdentity& other) const;
  };

  Result<> add(TlsIdentity identity, const std::string& client_roots_file);
  static int choose_identity(SSL* ssl, int* /*alert*/, void* user) noexcept;

  std::vector<Choice> choices;  ///< in the order of the identities
  std::vector<std::string> warnings;
};

bool TlsServerContext::Impl::Choice::takes(const TlsIdentity& other) const {
  return std::ranges::all_of(identities, [&](const TlsIdentity& mine) {
    return mine.is_for_same_names(other) && mine.key_kind() != other.key_kind();
  });
}

/// A client is shown the certificate whose kind of key it knows.
Result<> TlsServerContext::Impl::add(TlsIdentity identity, const std::string& client_roots_file) {
  auto choice =
      std::ranges::find_if(choices, [&](const Choice& one) { return one.takes(identity); });
  if (choice == choices.end()) {
    WHORL_TRY(auto context, make_context(client_roots_file));
    choices.push_back({.context = std::move(context), .identities = {}});
    choice = choices.end() - 1;
  }
  WHORL_CHECKED(identity.use_in(choice->context.get()));
  identity.append_warnings(warnings);
  choice->identities.push_back(std::move(identity));
  return {};
}

/// Takes the first certificate that is for the name a client asks for.
int TlsServerContext::Impl::choose_identity(SSL* ssl, int* /*alert*/, void* user) noexcept {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string_view name = asked == nullptr ? std::string_view() : asked;
  // RFC 6066 §3 wants it without a dot at its end; some clients pass on what was typed.
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.empty()) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  for (const Choice& choice : static_cast<const Impl*>(user)->choices) {
    if (choice.identities.front().is_for(name)) {
      return SSL_set_SSL_CTX(ssl, choice.context.get()) == nullptr ? SSL_TLSEXT_ERR_ALERT_FATAL
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
  WHORL_CHECKED(load_tls_library());
  auto impl = std::make_unique<Impl>();
  for (const auto& files : options.identities) {
    WHORL_TRY(auto identity, TlsIdentity::read(files));
    WHORL_CHECKED(impl->add(std::move(identity), options.client_roots_file));
  }
  if (impl->choices.empty()) {
    return fail(ErrorKind::InvalidInput, "TLS needs a certificate");
  }
  if (impl->choices.size() > 1) {
    SSL_CTX* first = impl->choices.front().context.get();
    SSL_CTX_set_tlsext_servername_callback(first, Impl::choose_identity);
    SSL_CTX_set_tlsext_servername_arg(first, impl.get());
  }
  return std::shared_ptr<const TlsServerContext>(std::make_shared<TlsServerContext>(std::move(impl))
  );
}

const std::vector<std::string>& TlsServerContext::warnings() const noexcept {
  return impl_->warnings;
}

std::unique_ptr<TlsServerStream> TlsServerContext::make_stream(async::Shard& shard, fs::Fd socket)
    const {
  return make_tls_stream(
      shard, std::move(socket), impl_->choices.front().context.get(), shared_from_this()
  );
}

}  // namespace whorl::net
