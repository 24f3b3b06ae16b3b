#include "net/tls_identity.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>
#include <utility>

namespace whorl::net {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;

constexpr std::uint64_t kMaxFile = 1 << 20;

/// Keeps OpenSSL from asking a person at the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) noexcept {
  return -1;
}

Result<Bio> open_pem(const std::string& path, Bytes& bytes) {
  WHORL_TRY(bytes, fs::read_file(path, kMaxFile));
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

Result<EVP_PKEY*> read_key(const std::string& path) {
  Bytes bytes;
  WHORL_TRY(const Bio bio, open_pem(path, bytes));
  ERR_clear_error();
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr);
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

/// The names of a certificate as they are encoded; empty without any.
std::string_view names_of(const X509* certificate) noexcept {
  const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  if (at < 0) {
    return {};
  }
  const ASN1_OCTET_STRING* names = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  return {
      reinterpret_cast<const char*>(ASN1_STRING_get0_data(names)),
      static_cast<std::size_t>(ASN1_STRING_length(names))
  };
}

std::string to_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return "a date that is none";
  }
  return fmt::format(
      "{:04}-{:02}-{:02} {:02}:{:02} UTC",
      parts.tm_year + 1900,
      parts.tm_mon + 1,
      parts.tm_mday,
      parts.tm_hour,
      parts.tm_min
  );
}

}  // namespace

void free_certificate(x509_st* certificate) noexcept {
  X509_free(certificate);
}

void free_key(evp_pkey_st* key) noexcept {
  EVP_PKEY_free(key);
}

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

std::string TlsIdentity::key_context() const {
  return fmt::format("failed to load private key from '{}'", files_.private_key_file);
}

std::string TlsIdentity::certificate_context() const {
  return fmt::format("failed to load certificate(s) from '{}'", files_.certificate_file);
}

Result<TlsIdentity> TlsIdentity::read(const TlsServerOptions::Identity& files) {
  TlsIdentity identity(files, {}, nullptr, false);
  auto chain = read_certificates(files.certificate_file);
  if (!chain) {
    return chain.take_error().context(identity.certificate_context());
  }
  auto key = read_key(files.private_key_file);
  if (!key) {
    return key.take_error().context(identity.key_context());
  }
  struct stat info{};
  identity.chain_ = *std::move(chain);
  identity.key_ = Key(*key);
  identity.everybody_reads_key_ =
      ::stat(files.private_key_file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
  return identity;
}

bool TlsIdentity::is_for(std::string_view name) const noexcept {
  const auto flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  return X509_check_host(chain_.front().get(), name.data(), name.size(), flags, nullptr) == 1;
}

bool TlsIdentity::is_for_same_names(const TlsIdentity& other) const noexcept {
  const std::string_view names = names_of(chain_.front().get());
  return !names.empty() && names == names_of(other.chain_.front().get());
}

int TlsIdentity::key_kind() const noexcept {
  return EVP_PKEY_get_base_id(key_.get());
}

Result<> TlsIdentity::use_in(ssl_ctx_st* context) const {
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    X509* certificate = chain_[i].get();
    const bool used = i == 0 ? SSL_CTX_use_certificate(context, certificate) == 1
                             : SSL_CTX_add1_chain_cert(context, certificate) == 1;
    if (!used) {
      return tls_error("a certificate cannot be used").context(certificate_context());
    }
  }
  if (SSL_CTX_use_PrivateKey(context, key_.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(
               ErrorKind::InvalidInput,
               "the key does not belong to the first certificate in '{}'",
               files_.certificate_file
    )
        .context(key_context());
  }
  return {};
}

void TlsIdentity::append_warnings(std::vector<std::string>& to) const {
  const X509* certificate = chain_.front().get();
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    to.push_back(fmt::format(
        "the certificate in '{}' expired on {}: clients refuse it",
        files_.certificate_file,
        to_text(X509_get0_notAfter(certificate))
    ));
  } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    to.push_back(fmt::format(
        "the certificate in '{}' is not valid before {}: clients refuse it",
        files_.certificate_file,
        to_text(X509_get0_notBefore(certificate))
    ));
  }
  if (everybody_reads_key_) {
    to.push_back(fmt::format(
        "every user of this machine can read the private key in '{}'", files_.private_key_file
    ));
  }
}

}  // namespace whorl::net
