#include "http/buffer_pool.hpp"

#include "base/check.hpp"

#include <sys/mman.h>

#include <exception>

namespace whorl::http {
namespace {

constexpr std::size_t kSlabBytes = 256 * 1024;

}  // namespace

BufferPool::~BufferPool() {
  WHORL_DCHECK(lent_ == 0, "a buffer outlives its pool", lent_);
  for (std::uint8_t* slab : slabs_) {
    ::munmap(slab, kSlabBytes);
  }
}

/// Room in the lists is made here, so that give() never needs memory.
bool BufferPool::add_slab() noexcept {
  const std::size_t count = kSlabBytes / buffer_bytes_;
  try {
    slabs_.reserve(slabs_.size() + 1);
    warm_.reserve(kWarm);
    cold_.reserve((slabs_.size() + 1) * count);
  } catch (const std::exception&) {
    return false;
  }
  void* slab =
      ::mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) {
    return false;
  }
  slabs_.push_back(static_cast<std::uint8_t*>(slab));
  for (std::size_t i = count; i-- > 0;) {
    cold_.push_back(slabs_.back() + i * buffer_bytes_);
  }
  return true;
}

std::uint8_t* BufferPool::take() noexcept {
  std::vector<std::uint8_t*>& from = warm_.empty() ? cold_ : warm_;
  if (from.empty() && !add_slab()) {
    return nullptr;
  }
  std::uint8_t* buffer = from.back();
  from.pop_back();
  ++lent_;
  return buffer;
}

void BufferPool::give(std::uint8_t* buffer) noexcept {
  --lent_;
  if (warm_.size() < kWarm) {
    warm_.push_back(buffer);
    return;
  }
  ::madvise(buffer, buffer_bytes_, MADV_DONTNEED);
  cold_.push_back(buffer);
}

}  // namespace whorl::http
