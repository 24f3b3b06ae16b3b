/// HostMemory: the account of what a guest's handles hold in the host's memory.
///
/// A handle is cheap for the guest, but what stands behind it may be large: fields, the buffer of a
/// body. What a guest can make grow is charged here, and a guest over the limit is ended.
/// @thread shard
#pragma once

#include <cstddef>
#include <utility>

namespace whorl::wasi {

/// One per instance; outlives its handles.
class HostMemory {
 public:
  /// Bytes an instance may hold by default: far more than a service of a thousand requests at a
  /// time needs.
  static constexpr std::size_t kDefaultLimit = std::size_t{64} << 20;

  explicit HostMemory(std::size_t limit = kDefaultLimit) noexcept : limit_(limit) {}
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

 private:
  friend class MemoryCharge;
  std::size_t limit_;
  std::size_t used_ = 0;
};

/// What one object has been charged; given back when it is destroyed.
class MemoryCharge {
 public:
  /// Charges nobody: for what the guest cannot make grow.
  MemoryCharge() = default;
  explicit MemoryCharge(HostMemory& account) noexcept : account_(&account) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : account_(other.account_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    if (this != &other) {
      release();
      account_ = other.account_;
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  ~MemoryCharge() { release(); }

  /// Changes the charge to `bytes`; false, and no change, when the account has no room for it.
  [[nodiscard]] bool try_resize(std::size_t bytes) noexcept {
    if (account_ != nullptr) {
      const std::size_t others = account_->used_ - bytes_;
      if (bytes > bytes_ && (bytes > account_->limit_ || others > account_->limit_ - bytes)) {
        return false;
      }
      account_->used_ = others + bytes;
    }
    bytes_ = bytes;
    return true;
  }
  void release() noexcept { static_cast<void>(try_resize(0)); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  HostMemory* account_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The trap text for a guest over its limit.
inline constexpr const char* kOverHostMemory =
    "the guest's handles hold more than 64 MiB of the host's memory";

}  // namespace whorl::wasi
