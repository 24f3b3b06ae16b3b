/// wasi:random, of 0.2 and 0.3: the same functions, but for a name. @thread shard
#pragma once

#include "wasi/random.hpp"
#include "wit/wasi_random_insecure.hpp"
#include "wit/wasi_random_insecure_p3.hpp"
#include "wit/wasi_random_insecure_seed.hpp"
#include "wit/wasi_random_insecure_seed_p3.hpp"
#include "wit/wasi_random_random.hpp"
#include "wit/wasi_random_random_p3.hpp"

namespace whorl::wasi {

/// Most bytes of one call; a guest that wants more is ended.
inline constexpr std::uint64_t kMaxRandomBytes = std::uint64_t{16} << 20;

class RandomHost final : public wit::wasi_random_random::Host,
                         public wit::wasi_random_random_p3::Host {
 public:
  explicit RandomHost(SecureRandom& source) noexcept : source_(source) {}
  [[nodiscard]] component::HostResult<Bytes> get_random_bytes(
      component::Call& call, std::uint64_t len
  ) override;
  [[nodiscard]] component::HostResult<std::uint64_t> get_random_u64(component::Call& call) override;

 private:
  SecureRandom& source_;
};

class InsecureRandomHost final : public wit::wasi_random_insecure::Host,
                                 public wit::wasi_random_insecure_p3::Host {
 public:
  explicit InsecureRandomHost(SecureRandom& seed) noexcept : seed_(seed) {}
  [[nodiscard]] component::HostResult<Bytes> get_insecure_random_bytes(
      component::Call& call, std::uint64_t len
  ) override;
  [[nodiscard]] component::HostResult<std::uint64_t> get_insecure_random_u64(component::Call& call
  ) override;
  /// The next number comes from a new seed.
  void reset() noexcept { generator_ = {}; }

 private:
  SecureRandom& seed_;
  InsecureRandom generator_;
};

/// The same seed at every call of one instance, as a value that is imported would be.
class InsecureSeedHost final : public wit::wasi_random_insecure_seed::Host,
                               public wit::wasi_random_insecure_seed_p3::Host {
 public:
  explicit InsecureSeedHost(SecureRandom& source) noexcept : source_(source) {}
  [[nodiscard]] component::HostResult<std::tuple<std::uint64_t, std::uint64_t>> insecure_seed(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::tuple<std::uint64_t, std::uint64_t>> get_insecure_seed(
      component::Call& call
  ) override;
  /// The next call draws a new seed.
  void reset() noexcept { seed_.reset(); }

 private:
  SecureRandom& source_;
  std::optional<std::tuple<std::uint64_t, std::uint64_t>> seed_;
};

}  // namespace whorl::wasi
