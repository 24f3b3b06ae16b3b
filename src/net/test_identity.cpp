#include "net/test_identity.hpp"

#include "net/socket_bio.hpp"

#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace whorl::net::test {
namespace {

constexpr long kYear = 365L * 24 * 3600;

void add_extension(X509* certificate, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())
  );
  REQUIRE(extension != nullptr);
  REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

TestIdentity write_identity(
    const std::string& folder, const std::string& stem, const std::string& names
) {
  const std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, FreeWith<X509_free>> certificate(X509_new());
  X509* made = certificate.get();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), kYear);
  X509_NAME* subject = X509_get_subject_name(made);
  const auto* text = reinterpret_cast<const unsigned char*>(stem.c_str());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(made, subject);
  X509_set_pubkey(made, key.get());
  add_extension(made, NID_subject_alt_name, names);
  add_extension(made, NID_basic_constraints, "critical,CA:TRUE");
  REQUIRE(X509_sign(made, key.get(), EVP_sha256()) > 0);

  TestIdentity identity{folder + "/" + stem + ".pem", folder + "/" + stem + ".key"};
  using File = std::unique_ptr<BIO, FreeWith<BIO_free>>;
  const File certificate_file(BIO_new_file(identity.certificate_file.c_str(), "w"));
  REQUIRE(PEM_write_bio_X509(certificate_file.get(), made) == 1);
  const File key_file(BIO_new_file(identity.private_key_file.c_str(), "w"));
  REQUIRE(
      PEM_write_bio_PKCS8PrivateKey(
          key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr
      ) == 1
  );
  return identity;
}

}  // namespace whorl::net::test
