// The plain functions of the digest library, which it would rather see called through its engine
// for all digests: that one needs the whole library and sets it up first (2 ms together), while
// these stand inside the program (cmake/WhorlOpenssl.cmake), and a start hashes before it serves.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.hpp"

#include "base/check.hpp"

#include <openssl/sha.h>

namespace whorl {

struct Sha256::Impl {
  SHA256_CTX ctx;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  WHORL_CHECK(SHA256_Init(&impl_->ctx) == 1, "the digest library has no SHA-256");
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(ByteView part) {
  WHORL_CHECK(SHA256_Update(&impl_->ctx, part.data(), part.size()) == 1, "digest update failed");
  return *this;
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  WHORL_CHECK(SHA256_Final(digest.data(), &impl_->ctx) == 1, "digest finish failed");
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
