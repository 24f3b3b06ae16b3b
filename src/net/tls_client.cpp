#include "net/tls_client.hpp"

#include "net/address.hpp"
#include "net/socket_bio.hpp"
#include "net/tls_library.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <span>
#include <utility>

namespace whorl::net {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using Store = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;

// Small parts put together make one record instead of several.
constexpr std::size_t kRecordBytes = 8 * 1024;
// Protocol names with their lengths in front (RFC 7301 §3.1), the one liked best first.
constexpr std::array<std::uint8_t, 12> kProtocols{
    2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'
};
constexpr std::size_t kHttp2Name = 3;  ///< bytes of the first

class TlsChannel final : public Channel {
 public:
  TlsChannel(std::unique_ptr<WatchedSocket> socket, Ssl ssl) noexcept
      : Channel(std::move(socket)), ssl_(std::move(ssl)) {}

  Tried try_handshake() override {
    ERR_clear_error();
    const int done = SSL_connect(ssl_.get());
    return done == 1 ? Tried{Tried::Outcome::Done} : judge(done);
  }

  Tried try_read(MutableByteView into) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
    return done == 1 ? Tried{Tried::Outcome::Done, count} : judge(done);
  }

  Tried try_write(std::span<const ByteView> parts) override {
    std::array<std::uint8_t, kRecordBytes> together;
    std::size_t size = 0;
    for (const ByteView part : parts) {
      const std::size_t count = std::min(part.size(), together.size() - size);
      std::copy_n(part.begin(), count, together.begin() + static_cast<std::ptrdiff_t>(size));
      size += count;
    }
    ERR_clear_error();
    std::size_t count = 0;
    const int done = SSL_write_ex(ssl_.get(), together.data(), size, &count);
    return done == 1 ? Tried{Tried::Outcome::Done, count} : judge(done);
  }

  bool is_quiet() override {
    // Session tickets may have arrived; they are processed here. Anything else is not expected.
    std::uint8_t byte = 0;
    return try_read({&byte, 1}).outcome == Tried::Outcome::WantRead;
  }

  std::string_view protocol() const noexcept override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return size == 0 ? std::string_view()
                     : std::string_view(reinterpret_cast<const char*>(name), size);
  }

  void shutdown() noexcept override {
    if (!broken_) {
      ERR_clear_error();
      static_cast<void>(SSL_shutdown(ssl_.get()));
    }
  }

 private:
  Tried judge(int returned) {
    switch (SSL_get_error(ssl_.get(), returned)) {
      case SSL_ERROR_WANT_READ:
        return {Tried::Outcome::WantRead};
      case SSL_ERROR_WANT_WRITE:
        return {Tried::Outcome::WantWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {Tried::Outcome::Closed};
      default:
        break;
    }
    broken_ = true;
    const long verified = SSL_get_verify_result(ssl_.get());
    failure_text_ = verified == X509_V_OK ? take_tls_reason()
                                          : fmt::format(
                                                "the certificate is not accepted: {}",
                                                X509_verify_cert_error_string(verified)
                                            );
    return {Tried::Outcome::Failed};
  }

  Ssl ssl_;
  bool broken_ = false;
};

/// The operating system's roots, which the first who needs them reads for all: there are some
/// hundred of them. Never freed, as the library is never unloaded.
Result<X509_STORE*> system_roots() {
  static std::mutex mutex;
  static X509_STORE* roots = nullptr;
  const std::scoped_lock lock(mutex);
  if (roots == nullptr) {
    Store store(X509_STORE_new());
    if (store == nullptr || X509_STORE_set_default_paths(store.get()) != 1) {
      return tls_error("cannot read the system's root certificates");
    }
    roots = store.release();
  }
  return roots;
}

Result<> load_roots(SSL_CTX* context, const TlsClientOptions& options) {
  if (!options.system_roots) {
    return {};
  }
  if (options.extra_roots_file.empty()) {
    WHORL_TRY(X509_STORE * roots, system_roots());
    SSL_CTX_set1_cert_store(context, roots);
  } else if (SSL_CTX_set_default_verify_paths(context) != 1) {
    // A store of its own, to which others are added.
    return tls_error("cannot read the system's root certificates");
  }
  return {};
}

Result<> load_files(SSL_CTX* context, const TlsClientOptions& options) {
  if (!options.extra_roots_file.empty() &&
      SSL_CTX_load_verify_file(context, options.extra_roots_file.c_str()) != 1) {
    return tls_error("cannot read root certificates").context(options.extra_roots_file);
  }
  if (options.certificate_file.empty()) {
    return {};
  }
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return tls_error("cannot read the client certificate").context(options.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.private_key_file.c_str(), SSL_FILETYPE_PEM) !=
          1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return tls_error("cannot use the private key").context(options.private_key_file);
  }
  return {};
}

}  // namespace

struct TlsClientContext::Impl {
  SslContext context;
};

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::create(
    const TlsClientOptions& options
) {
  WHORL_CHECKED(load_tls_library());
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) {
    return tls_error("cannot set up TLS");
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(
      context.get(),
      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
  );
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const auto protocols = std::span(kProtocols).subspan(options.offers_http2 ? 0 : kHttp2Name);
  if (SSL_CTX_set_alpn_protos(
          context.get(), protocols.data(), static_cast<unsigned>(protocols.size())
      ) != 0) {
    return tls_error("cannot set up TLS");
  }
  WHORL_CHECKED(load_roots(context.get(), options));
  WHORL_CHECKED(load_files(context.get(), options));
  return std::shared_ptr<const TlsClientContext>(
      std::make_shared<TlsClientContext>(std::make_unique<Impl>(std::move(context)))
  );
}

Result<std::unique_ptr<Channel>> TlsClientContext::make_channel(
    std::unique_ptr<WatchedSocket> socket, const std::string& host
) const {
  ERR_clear_error();
  Ssl ssl(SSL_new(impl_->context.get()));
  BIO* bio = ssl == nullptr ? nullptr : make_socket_bio(socket->fd());
  if (bio == nullptr) {
    return tls_error("cannot set up TLS");
  }
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool is_ip = SocketAddress::from_ip(host, 0).has_value();
  const bool ready =
      is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1
            : SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1 &&
                  SSL_set1_host(ssl.get(), host.c_str()) == 1;
  if (!ready) {
    return tls_error("the host's name cannot be verified");
  }
  return std::unique_ptr<Channel>(std::make_unique<TlsChannel>(std::move(socket), std::move(ssl)));
}

void* TlsClientContext::roots() const noexcept {
  return SSL_CTX_get_cert_store(impl_->context.get());
}

}  // namespace whorl::net
