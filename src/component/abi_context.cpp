#include "component/abi_context.hpp"

#include "component/utf8.hpp"

#include <cstring>
#include <utility>

namespace whorl::component {

void AbiFailure::fail(std::string_view reason) {
  if (!trap_) {
    trap_.emplace(HostTrap{engine::TrapKind::HostTrap, std::string(reason), 0});
  }
}

void AbiFailure::fail(HostTrap trap) {
  if (!trap_) {
    trap_.emplace(std::move(trap));
  }
}

const std::uint8_t* LiftContext::load_list_from_range(
    std::uint32_t ptr, std::uint32_t length, std::uint32_t elem_size, std::uint32_t alignment
) {
  const std::uint64_t bytes = std::uint64_t{length} * elem_size;
  if (bytes > kMaxListBytes) [[unlikely]] {
    fail("list is too long");
    return nullptr;
  }
  return range(ptr, bytes, alignment);
}

std::string_view LiftContext::load_string_from_range(std::uint32_t ptr, std::uint32_t byte_length) {
  if (byte_length > kMaxListBytes) [[unlikely]] {
    fail("string is too long");
    return {};
  }
  const std::uint8_t* bytes = range(ptr, byte_length, 1);
  // Checking text takes time even where it is not copied, and lists may repeat the same text.
  if (bytes == nullptr || !charge(byte_length)) [[unlikely]] {
    return {};
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes), byte_length);
  if (!is_valid_utf8(text)) [[unlikely]] {
    fail("string is not valid UTF-8");
    return {};
  }
  return text;
}

bool LiftContext::charge(std::uint64_t bytes) {
  charged_ += bytes;
  if (charged_ > kMaxLiftedBytes) [[unlikely]] {
    fail("the arguments of one call are too large");
    return false;
  }
  return true;
}

HostResource* LiftContext::lift_borrow(std::uint32_t index, const ResourceTag& tag) {
  auto resource = lending_ == Lending::Lend ? handles_.lend(index, tag) : handles_.get(index, tag);
  if (!resource) [[unlikely]] {
    fail(std::move(resource.error()));
    return nullptr;
  }
  if (lending_ == Lending::Lend) {
    lent_.push_back(index);
  }
  return *resource;
}

std::unique_ptr<HostResource> LiftContext::lift_own(std::uint32_t index, const ResourceTag& tag) {
  auto resource = handles_.take(index, tag);
  if (!resource) [[unlikely]] {
    fail(std::move(resource.error()));
    return nullptr;
  }
  return std::move(*resource);
}

void LiftContext::unlend_all() noexcept {
  for (const std::uint32_t index : lent_) {
    handles_.unlend(index);
  }
  lent_.clear();
}

bool LowerContext::accept(std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment) {
  const MutableByteView memory = heap_.memory();
  base_ = memory.data();
  if ((ptr & (alignment - 1)) != 0) [[unlikely]] {
    fail("pointer not aligned");
    return false;
  }
  if (std::uint64_t{ptr} + size > memory.size()) [[unlikely]] {
    fail("pointer out of bounds of memory");
    return false;
  }
  return true;
}

std::uint32_t LowerContext::allocate(std::uint64_t size, std::uint32_t alignment) {
  if (failed()) {
    return 0;
  }
  if (size > kMaxListBytes) [[unlikely]] {
    fail("the host's result is too long for a string or list");
    return 0;
  }
  auto ptr = heap_.reallocate(0, 0, alignment, static_cast<std::uint32_t>(size));
  if (!ptr) [[unlikely]] {
    // The memory may have moved all the same, and what was accepted before is still stored to.
    base_ = heap_.memory().data();
    fail(std::move(ptr.error()));
    return 0;
  }
  if (!accept(*ptr, size, alignment)) [[unlikely]] {
    return 0;
  }
  return *ptr;
}

LowerContext::Range LowerContext::store_string_into_range(std::string_view text) {
  // A guest's own checks end at the boundary: what it is given as a string it trusts to be one.
  if (!is_valid_utf8(text)) [[unlikely]] {
    fail("a string of the host is not valid UTF-8");
    return {};
  }
  return store_bytes_into_range(as_bytes(text));
}

LowerContext::Range LowerContext::store_bytes_into_range(ByteView bytes) {
  const Range range = allocate_list(bytes.size(), 1, 1);
  if (!failed() && !bytes.empty()) {
    std::memcpy(at(range.ptr), bytes.data(), bytes.size());
  }
  return range;
}

LowerContext::Range LowerContext::allocate_list(
    std::size_t length, std::uint32_t elem_size, std::uint32_t alignment
) {
  // Checked before the product can wrap.
  const std::uint64_t bytes = length > kMaxListBytes ? length : std::uint64_t{length} * elem_size;
  const std::uint32_t ptr = allocate(bytes, alignment);
  if (failed()) {
    return {};
  }
  return {ptr, static_cast<std::uint32_t>(length)};
}

std::uint32_t LowerContext::lower_own(
    const ResourceTag& tag, std::unique_ptr<HostResource> resource
) {
  if (resource == nullptr) [[unlikely]] {
    fail("the host returned no resource where one is due");
    return 0;
  }
  auto index = handles_.add(tag, std::move(resource));
  if (!index) [[unlikely]] {
    fail(std::move(index.error()));
    return 0;
  }
  return *index;
}

}  // namespace whorl::component
