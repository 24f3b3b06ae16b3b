#include "engine/cache_entry.hpp"

#include "base/check.hpp"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace whorl::engine {
namespace {

struct FreeMac {
  void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* ctx) const noexcept { EVP_MAC_CTX_free(ctx); }
};
constexpr std::size_t kKeyBytes = 16;  // AES-128
constexpr std::size_t kChunkBytes = 256 * 1024;

std::string errno_text() {
  return std::strerror(errno);
}

/// Reads exactly `into` from `offset`; false at the end of the file or on an error.
bool read_at(int fd, MutableByteView into, std::uint64_t offset) {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return false;
    }
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

Result<> write_all(int fd, ByteView data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return fail(ErrorKind::Unavailable, "writing: {}", errno_text());
    }
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

struct EntryChecksum::Impl {
  std::unique_ptr<EVP_MAC, FreeMac> mac;
  std::unique_ptr<EVP_MAC_CTX, FreeMac> context;
};

EntryChecksum::EntryChecksum(const Sha256Digest& key) : impl_(std::make_unique<Impl>()) {
  impl_->mac.reset(EVP_MAC_fetch(nullptr, "GMAC", nullptr));
  WHORL_CHECK(impl_->mac != nullptr, "the crypto library has no GMAC");
  impl_->context.reset(EVP_MAC_CTX_new(impl_->mac.get()));
  std::array<char, 12> cipher = {"AES-128-GCM"};
  std::array<std::uint8_t, 12> nonce = {};
  const std::array params = {
      OSSL_PARAM_construct_utf8_string("cipher", cipher.data(), 0),
      OSSL_PARAM_construct_octet_string("iv", nonce.data(), nonce.size()),
      OSSL_PARAM_construct_end(),
  };
  WHORL_CHECK(
      impl_->context != nullptr &&
          EVP_MAC_init(impl_->context.get(), key.data(), kKeyBytes, params.data()) == 1,
      "GMAC does not start"
  );
}
EntryChecksum::~EntryChecksum() = default;

void EntryChecksum::update(ByteView part) {
  WHORL_CHECK(
      EVP_MAC_update(impl_->context.get(), part.data(), part.size()) == 1, "GMAC update failed"
  );
}

std::array<std::uint8_t, 16> EntryChecksum::finish() {
  std::array<std::uint8_t, 16> checksum = {};
  std::size_t size = 0;
  WHORL_CHECK(
      EVP_MAC_final(impl_->context.get(), checksum.data(), &size, checksum.size()) == 1 &&
          size == checksum.size(),
      "GMAC did not end"
  );
  return checksum;
}

Result<> verify_entry(int fd, const Sha256Digest& key) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) {
    return fail(ErrorKind::Corrupt, "{}", errno_text());
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size < sizeof(CacheTrailer)) {
    return fail(ErrorKind::Corrupt, "it is too short");
  }
  CacheTrailer trailer;
  const std::uint64_t payload_bytes = size - sizeof trailer;
  if (!read_at(fd, {reinterpret_cast<std::uint8_t*>(&trailer), sizeof trailer}, payload_bytes)) {
    return fail(ErrorKind::Corrupt, "its end cannot be read");
  }
  if (trailer.magic != CacheTrailer::kMagic || trailer.payload_bytes != payload_bytes) {
    return fail(ErrorKind::Corrupt, "it is cut short or of another format");
  }
  if (trailer.key != key) {
    return fail(ErrorKind::Corrupt, "it belongs to another module or engine");
  }
  EntryChecksum checksum(key);
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kChunkBytes);
  for (std::uint64_t at = 0; at < payload_bytes;) {
    const auto part =
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, payload_bytes - at));
    if (!read_at(fd, {buffer.get(), part}, at)) {
      return fail(ErrorKind::Corrupt, "it cannot be read to its end");
    }
    checksum.update({buffer.get(), part});
    at += part;
  }
  if (checksum.finish() != trailer.checksum) {
    return fail(ErrorKind::Corrupt, "its checksum is wrong");
  }
  return {};
}

Result<> write_entry(int fd, const Sha256Digest& key, ByteView payload) {
  EntryChecksum checksum(key);
  checksum.update(payload);
  CacheTrailer trailer;
  trailer.payload_bytes = payload.size();
  trailer.key = key;
  trailer.checksum = checksum.finish();
  WHORL_CHECKED(write_all(fd, payload));
  return write_all(fd, {reinterpret_cast<const std::uint8_t*>(&trailer), sizeof trailer});
}

}  // namespace whorl::engine
