#include "component/guest_copy.hpp"

#include "component/component.hpp"
#include "component/interpret.hpp"
#include "component/payloads.hpp"
#include "component/pieces.hpp"
#include "component/thread.hpp"
#include "component/thunk.hpp"

#include <algorithm>
#include <vector>

namespace whorl::component {
namespace {

/// Values passed on in one go: bounds host memory, and the time until others get their turn.
constexpr std::uint32_t kChunk = 256;

Failure copy_integers(
    const Call& call, const GuestBuffer& from, const GuestBuffer& to, std::uint32_t n
) {
  const TypeLayout& element = *from.type->layout;
  const std::size_t size = std::size_t{n} * element.size;
  const engine::Memory* source = call.instance.memory(from.site.memory_slot);
  const engine::Memory* target = call.instance.memory(to.site.memory_slot);
  const ByteView src = call.store.bytes_of(*source);
  const MutableByteView dst = call.store.bytes_of(*target);
  const std::uint64_t src_at = from.ptr + std::uint64_t{from.progress} * element.size;
  const std::uint64_t dst_at = to.ptr + std::uint64_t{to.progress} * element.size;
  if (src_at + size > src.size() || dst_at + size > dst.size()) [[unlikely]] {
    return failure("a buffer of a stream is out of bounds");
  }
  const bool is_done = move_in_pieces(dst.subspan(dst_at, size), src.subspan(src_at, size), [&] {
    return call.store.give_way_if_due();
  });
  return is_done ? Failure() : being_ended();
}

Failure copy_values(
    const Call& call, const GuestBuffer& from, const GuestBuffer& to, std::uint32_t n
) {
  const TypeLayout& element = *from.type->layout;
  InstanceHeap source(call.instance, call.store, from.site);
  InstanceHeap target(call.instance, call.store, to.site);
  std::uint64_t src_at = from.ptr + std::uint64_t{from.progress} * element.size;
  std::uint64_t dst_at = to.ptr + std::uint64_t{to.progress} * element.size;
  while (n != 0) {
    const std::uint32_t count = std::min(n, kChunk);
    const std::uint64_t size = std::uint64_t{count} * element.size;
    LiftContext lift(
        source.memory(),
        call.instance.handles(from.site.component_index),
        Lending::Lookup,
        from.site.encoding,
        &call.store
    );
    lift.allow_views(source);
    const std::uint8_t* at =
        lift.range(static_cast<std::uint32_t>(src_at), size, element.alignment);
    std::vector<Value> values;
    values.reserve(count);
    for (std::uint32_t i = 0; i < count && !lift.failed(); ++i) {
      values.push_back(load(lift, at + std::size_t{i} * element.size, element));
    }
    if (lift.failed()) [[unlikely]] {
      return lift.take_trap();
    }
    LowerContext lower(
        target,
        call.instance.handles(to.site.component_index),
        to.site.encoding,
        to.site.component_index
    );
    const auto offset = static_cast<std::uint32_t>(dst_at);
    if (lower.accept(offset, size, element.alignment)) {
      for (std::uint32_t i = 0; i < count && !lower.failed(); ++i) {
        store(lower, values[i], element, offset + i * element.size);
      }
    }
    if (lower.failed()) [[unlikely]] {
      return lower.take_trap();
    }
    n -= count;
    src_at += size;
    dst_at += size;
    if (n != 0 && !call.store.give_way_if_due()) [[unlikely]] {
      return being_ended();
    }
  }
  return std::nullopt;
}

}  // namespace

Failure copy_between(
    const Call& call, const GuestBuffer& from, const GuestBuffer& to, std::uint32_t n
) {
  return from.type->is_integer ? copy_integers(call, from, to, n) : copy_values(call, from, to, n);
}

}  // namespace whorl::component
