// The plain functions of the library for AES and GCM, inside the program as those of base/hash.cpp:
// a start checks entries before it serves, and the library itself is loaded by who speaks TLS.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/cache_entry.hpp"

#include "base/check.hpp"

#include <openssl/aes.h>
#include <openssl/modes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace whorl::engine {
namespace {

struct FreeGcm {
  void operator()(GCM128_CONTEXT* gcm) const noexcept { CRYPTO_gcm128_release(gcm); }
};
constexpr int kKeyBits = 128;  // AES-128; the first half of an entry's key
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
  AES_KEY cipher;
  std::unique_ptr<GCM128_CONTEXT, FreeGcm> gcm;
};

EntryChecksum::EntryChecksum(const Sha256Digest& key) : impl_(std::make_unique<Impl>()) {
  WHORL_CHECK(AES_set_encrypt_key(key.data(), kKeyBits, &impl_->cipher) == 0, "no AES key");
  const auto encrypt = [](const unsigned char* in, unsigned char* out, const void* cipher) {
    AES_encrypt(in, out, static_cast<const AES_KEY*>(cipher));
  };
  impl_->gcm.reset(CRYPTO_gcm128_new(&impl_->cipher, encrypt));
  WHORL_CHECK(impl_->gcm != nullptr, "no memory for a checksum");
  const std::array<std::uint8_t, 12> nonce = {};
  CRYPTO_gcm128_setiv(impl_->gcm.get(), nonce.data(), nonce.size());
}
EntryChecksum::~EntryChecksum() = default;

void EntryChecksum::update(ByteView part) {
  WHORL_CHECK(
      CRYPTO_gcm128_aad(impl_->gcm.get(), part.data(), part.size()) == 0, "GMAC update failed"
  );
}

std::array<std::uint8_t, 16> EntryChecksum::finish() {
  std::array<std::uint8_t, 16> checksum = {};
  CRYPTO_gcm128_tag(impl_->gcm.get(), checksum.data(), checksum.size());
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
