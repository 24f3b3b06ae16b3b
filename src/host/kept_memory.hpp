/// KeptMemory: what the handles of one component hold in the host's memory, where a guest can make
/// it as large as it likes: keys, values, certificates. All its instances share the account.
/// @thread any
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace whorl::host {

class KeptMemory {
 public:
  explicit KeptMemory(std::uint64_t most) noexcept : most_(most) {}
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
  [[nodiscard]] std::uint64_t used() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }

  /// What one object has of it; given back with the object.
  class Share {
   public:
    explicit Share(std::shared_ptr<KeptMemory> of) noexcept : of_(std::move(of)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { of_->used_.fetch_sub(bytes_, std::memory_order_relaxed); }

    /// False, and no change, when there is no room for so many.
    [[nodiscard]] bool try_resize(std::uint64_t bytes) noexcept {
      if (bytes > bytes_) {
        const std::uint64_t more = bytes - bytes_;
        const std::uint64_t before = of_->used_.fetch_add(more, std::memory_order_relaxed);
        if (more > of_->most_ || before > of_->most_ - more) {
          of_->used_.fetch_sub(more, std::memory_order_relaxed);
          return false;
        }
      } else {
        of_->used_.fetch_sub(bytes_ - bytes, std::memory_order_relaxed);
      }
      bytes_ = bytes;
      return true;
    }

   private:
    std::shared_ptr<KeptMemory> of_;
    std::uint64_t bytes_ = 0;
  };

 private:
  std::uint64_t most_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace whorl::host
