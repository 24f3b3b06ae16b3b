#include "wasi/random.hpp"

#include "base/check.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace whorl::wasi {
namespace {

void fill_from_system(MutableByteView out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      // With these flags the call fails for nothing but a signal once the system has booted.
      WHORL_CHECK(errno == EINTR, "getrandom failed", errno);
      continue;
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

SecureRandom::~SecureRandom() {
  ::explicit_bzero(ahead_.data(), fetched_);
}

void SecureRandom::fill(MutableByteView out) {
  if (out.size() > kMostCopied) {
    fill_from_system(out);
    return;
  }
  while (!out.empty()) {
    if (used_ == fetched_) {
      fetched_ = fetched_ == 0 ? kFirst : ahead_.size();
      fill_from_system(MutableByteView(ahead_).first(fetched_));
      used_ = 0;
    }
    const std::size_t count = std::min(out.size(), fetched_ - used_);
    std::copy_n(ahead_.data() + used_, count, out.data());
    ::explicit_bzero(ahead_.data() + used_, count);
    used_ += count;
    out = out.subspan(count);
  }
}

std::uint64_t SecureRandom::next() {
  std::array<std::uint8_t, 8> bytes{};
  fill(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

std::uint64_t InsecureRandom::next(SecureRandom& seed) {
  if (!seeded_) {
    for (std::uint64_t& word : state_) {
      word = seed.next();
    }
    state_[0] |= 1;  // all zeroes is the one state the generator never leaves
    seeded_ = true;
  }
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void InsecureRandom::fill(MutableByteView out, SecureRandom& seed) {
  while (!out.empty()) {
    const std::uint64_t word = next(seed);
    const std::size_t count = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

}  // namespace whorl::wasi
