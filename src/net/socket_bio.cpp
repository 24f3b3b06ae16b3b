#include "net/socket_bio.hpp"

#include "net/receive.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace whorl::net {
namespace {

using BioMethod = std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>>;

// A flag of ours beside OpenSSL's.
constexpr int kDrained = 0x0100'0000;

int fd_of(BIO* bio) noexcept {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(fd_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(count);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  BIO_clear_flags(bio, kDrained);
  const auto [count, left] =
      receive(fd_of(bio), {reinterpret_cast<std::uint8_t*>(data), static_cast<std::size_t>(size)});
  if (count < 0 && errno == EAGAIN) {
    BIO_set_retry_read(bio);
    BIO_set_flags(bio, kDrained);
  }
  if (left == Left::Nothing) {
    BIO_set_flags(bio, kDrained);
  }
  if (count == 0) {
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  }
  return static_cast<int>(count);
}

long bio_ctrl(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

const BIO_METHOD* socket_method() {
  static const BioMethod method = [] {
    BioMethod made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "whorl socket"));
    BIO_meth_set_write(made.get(), bio_write);
    BIO_meth_set_read(made.get(), bio_read);
    BIO_meth_set_ctrl(made.get(), bio_ctrl);
    return made;
  }();
  return method.get();
}

}  // namespace

bio_st* make_socket_bio(int fd) noexcept {
  BIO* bio = BIO_new(socket_method());
  if (bio != nullptr) {
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    BIO_set_init(bio, 1);
  }
  return bio;
}

bool is_drained(const bio_st* bio) noexcept {
  return BIO_test_flags(bio, kDrained) != 0;
}

std::string take_tls_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "TLS error" : reason;
}

Error tls_error(std::string_view what) {
  return fail(ErrorKind::InvalidInput, "{}: {}", what, take_tls_reason());
}

}  // namespace whorl::net
