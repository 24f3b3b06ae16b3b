#include "base/hash.hpp"

#include "base/check.hpp"

#include <openssl/evp.h>

namespace whorl {

struct Sha256::Impl {
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> ctx{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  WHORL_CHECK(
      impl_->ctx && EVP_DigestInit_ex(impl_->ctx.get(), EVP_sha256(), nullptr) == 1,
      "the digest library has no SHA-256"
  );
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(ByteView part) {
  WHORL_CHECK(
      EVP_DigestUpdate(impl_->ctx.get(), part.data(), part.size()) == 1, "digest update failed"
  );
  return *this;
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  unsigned int size = 0;
  WHORL_CHECK(
      EVP_DigestFinal_ex(impl_->ctx.get(), digest.data(), &size) == 1 && size == digest.size(),
      "digest finish failed"
  );
  return digest;
}

Sha256Digest sha256(ByteView data) {
  return Sha256().update(data).finish();
}

std::string to_hex(ByteView data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(data.size() * 2);
  for (std::uint8_t byte : data) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

}  // namespace whorl
