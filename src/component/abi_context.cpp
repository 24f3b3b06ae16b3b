#include "component/abi_context.hpp"

#include "engine/store.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::component {

void AbiFailure::fail(std::string_view reason) {
  if (!trap_) {
    trap_.reset(
        std::make_unique<HostTrap>(HostTrap{engine::TrapKind::HostTrap, std::string(reason), 0})
            .release()
    );
  }
}

void AbiFailure::fail(HostTrap trap) {
  if (!trap_) {
    trap_.reset(std::make_unique<HostTrap>(std::move(trap)).release());
  }
}

void AbiFailure::Deleter::operator()(HostTrap* trap) const noexcept {
  std::default_delete<HostTrap>{}(trap);
}

void LiftContext::fail_range(
    std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment, Pointee pointee
) {
  if ((ptr & (alignment - 1)) != 0) {
    return fail(fmt::format("unaligned pointer {:#x}: a multiple of {} is due", ptr, alignment));
  }
  const std::string place = fmt::format("{} bytes at {:#x} of {}", size, ptr, memory_.size());
  switch (pointee) {
    case Pointee::String:
      return fail(
          "string content out-of-bounds: string pointer/length out of bounds of memory, " + place
      );
    case Pointee::List:
      return fail(
          "list content out-of-bounds: list pointer/length out of bounds of memory, " + place
      );
    case Pointee::Value:
      return fail("pointer out of bounds of memory, " + place);
  }
}

LiftContext::Text LiftContext::load_text_from_range(
    std::uint32_t ptr, std::uint32_t tagged_code_units
) {
  Text text;
  std::uint64_t byte_length = tagged_code_units;
  std::uint32_t alignment = 2;
  switch (encoding_) {
    case StringEncoding::Utf8:
      alignment = 1;
      break;
    case StringEncoding::Utf16:
      text.form = TextForm::Utf16;
      byte_length *= 2;
      break;
    case StringEncoding::Latin1OrUtf16:
      text.form = TextForm::Latin1;
      if ((tagged_code_units & kUtf16Tag) != 0) {
        text.form = TextForm::CompactUtf16;
        byte_length = 2 * std::uint64_t{tagged_code_units ^ kUtf16Tag};
      }
      break;
  }
  if (byte_length > kMaxListBytes) [[unlikely]] {
    fail("string is too long");
    return {};
  }
  const std::uint8_t* bytes = range(ptr, byte_length, alignment, Pointee::String);
  // Checking text takes time even where it is not copied, and lists may repeat the same text.
  if (bytes == nullptr || !charge(byte_length)) [[unlikely]] {
    return {};
  }
  text.bytes = ByteView(bytes, byte_length);
  const char* wrong = check_in_pieces(text.bytes, text.form, [this] { return go_on(); });
  if (wrong != nullptr) [[unlikely]] {
    fail(wrong);
  }
  return failed() ? Text{} : text;
}

std::string_view LiftContext::load_long_utf8(std::uint32_t ptr, std::uint32_t byte_length) {
  const Text text = load_text_from_range(ptr, byte_length);
  return {reinterpret_cast<const char*>(text.bytes.data()), text.bytes.size()};
}

std::string_view LiftContext::fail_utf8(std::string_view text) {
  fail(check_text(as_bytes(text), TextForm::Utf8));
  return {};
}

std::string_view LiftContext::load_transcoded(std::uint32_t ptr, std::uint32_t tagged_code_units) {
  const Text text = load_text_from_range(ptr, tagged_code_units);
  const std::size_t room = max_utf8_size(text.bytes.size(), text.form);
  if (room == 0 || !charge(room)) {
    return {};
  }
  auto& out = spill().transcoded.emplace_back(std::make_unique_for_overwrite<char[]>(room));
  const Transcoded done = transcode_in_pieces(
      text.bytes,
      MutableByteView(reinterpret_cast<std::uint8_t*>(out.get()), room),
      [&](ByteView from, MutableByteView to) { return to_utf8(from, text.form, to); },
      [this] { return go_on(); }
  );
  return {out.get(), done.written};
}

LiftContext::Spill& LiftContext::spill() {
  if (spill_ == nullptr) {
    spill_.reset(std::make_unique<Spill>().release());
  }
  return *spill_;
}

void LiftContext::SpillDeleter::operator()(Spill* spill) const noexcept {
  std::default_delete<Spill>{}(spill);
}

void LiftContext::spill_lent(std::uint32_t index) {
  spill().lent.push_back(index);
}

bool LiftContext::charge_and_look(std::uint64_t bytes) {
  if (bytes > until_look_ + left_) [[unlikely]] {
    until_look_ = left_ = 0;
    fail("the arguments of one call are too large");
    return false;
  }
  limit(until_look_ + left_ - bytes);
  return go_on();
}

bool LiftContext::go_on() {
  if (store_ == nullptr || store_->give_way_if_due()) [[likely]] {
    return true;
  }
  fail(being_ended());
  return false;
}

void LiftContext::unlend_all() noexcept {
  for (std::size_t i = 0; i < kInlineLent && i < lent_count_; ++i) {
    handles_.unlend(lent_[i]);
  }
  if (spill_ != nullptr) {
    for (const std::uint32_t index : spill_->lent) {
      handles_.unlend(index);
    }
  }
}

BorrowedRep LiftContext::lift_borrow(std::uint32_t index, ResourceKey key) {
  auto rep = lending_ == Lending::Lend ? handles_.lend(index, key) : handles_.rep(index, key);
  if (!rep) [[unlikely]] {
    fail(std::move(rep.error()));
    return {};
  }
  if (lending_ == Lending::Lend) {
    keep_lent(index);
  }
  return *rep;
}

HostResource* LiftContext::lift_other_borrow(std::uint32_t index, const ResourceTag& tag) {
  auto object = lending_ == Lending::Lend ? handles_.lend(index, tag) : handles_.get(index, tag);
  if (!object) [[unlikely]] {
    fail(std::move(object.error()));
    return nullptr;
  }
  if (lending_ == Lending::Lend) {
    keep_lent(index);
  }
  return *object;
}

ResourceRep LiftContext::lift_own(std::uint32_t index, ResourceKey key) {
  auto rep = handles_.take_own(index, key);
  if (!rep) [[unlikely]] {
    fail(std::move(rep.error()));
    return {};
  }
  return std::move(*rep);
}

std::unique_ptr<HostResource> LiftContext::lift_own(std::uint32_t index, const ResourceTag& tag) {
  return lift_own(index, resource_key(tag)).take_object();
}

void LowerContext::fail_accept(
    std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment, std::size_t memory_size
) {
  if ((ptr & (alignment - 1)) != 0) {
    return fail(fmt::format("unaligned pointer {:#x}: a multiple of {} is due", ptr, alignment));
  }
  fail(fmt::format(
      "pointer out of bounds of memory, {} bytes at {:#x} of {}", size, ptr, memory_size
  ));
}

void LowerContext::fail_realloc(
    Block block, std::uint32_t alignment, Pointee pointee, std::size_t memory_size
) {
  if ((block.ptr & (alignment - 1)) != 0) {
    return fail(fmt::format(
        "realloc return: result not aligned: unaligned pointer {:#x}, a multiple of {} is due",
        block.ptr,
        alignment
    ));
  }
  const std::string_view content = pointee == Pointee::String ? "string content out-of-bounds, "
                                   : pointee == Pointee::List ? "list content out-of-bounds, "
                                                              : "";
  fail(fmt::format(
      "realloc return: beyond end of memory: {}{} bytes at {:#x} of {}",
      content,
      block.size,
      block.ptr,
      memory_size
  ));
}

GuestHeap::Answer GuestHeap::reallocate_in(
    Block old, std::uint32_t alignment, std::uint32_t new_size, AbiFailure& failure
) {
  auto ptr = reallocate(old.ptr, old.size, alignment, new_size);
  if (!ptr) [[unlikely]] {
    failure.fail(std::move(ptr.error()));
    return {memory(), 0};
  }
  return {memory(), *ptr};
}

bool LowerContext::reallocate(
    Block& block, std::uint64_t size, std::uint32_t alignment, Pointee pointee
) {
  if (failed()) {
    return false;
  }
  const auto new_size = static_cast<std::uint32_t>(size);
  const GuestHeap::Answer answer = heap_.reallocate_in(block, alignment, new_size, *this);
  // Also after a failure: the memory may have moved, and what was accepted before is stored to.
  base_ = answer.memory.data();
  if (failed()) [[unlikely]] {
    return false;
  }
  // Not read back from `block`: two halves just stored, loaded as one, cost 9 ns.
  const Block made{answer.ptr, new_size};
  block = made;
  if ((made.ptr & (alignment - 1)) != 0 ||
      std::uint64_t{made.ptr} + made.size > answer.memory.size()) [[unlikely]] {
    fail_realloc(made, alignment, pointee, answer.memory.size());
    return false;
  }
  return true;
}

std::uint32_t LowerContext::allocate(std::uint64_t size, std::uint32_t alignment, Pointee pointee) {
  if (size > kMaxListBytes) [[unlikely]] {
    fail("the host's result is too long for a string or list");
  }
  Block block;
  return reallocate(block, size, alignment, pointee) ? block.ptr : 0;
}

LowerContext::Range LowerContext::store_bytes_into_range(ByteView bytes) {
  const Range range = allocate_list(bytes.size(), 1, 1);
  if (!failed()) {
    copy_to(range.ptr, bytes);
  }
  return range;
}

void LowerContext::copy_in_pieces(std::uint32_t offset, ByteView from) {
  (void)move_in_pieces({at(offset), from.size()}, from, [this] { return go_on(); });
}

bool LowerContext::go_on() {
  if (heap_.give_way_if_due()) [[likely]] {
    return true;
  }
  fail(being_ended());
  return false;
}

LowerContext::Range LowerContext::allocate_list(
    std::size_t length, std::uint32_t elem_size, std::uint32_t alignment
) {
  // Checked before the product can wrap.
  const std::uint64_t bytes = length > kMaxListBytes ? length : std::uint64_t{length} * elem_size;
  const std::uint32_t ptr = allocate(bytes, alignment, Pointee::List);
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
  return lower_own(resource_key(tag), ResourceRep(std::move(resource)));
}

std::uint32_t LowerContext::lower_own(ResourceKey key, ResourceRep rep) {
  if (failed()) {
    return 0;
  }
  auto index = handles_.add_own(key, std::move(rep));
  if (!index) [[unlikely]] {
    fail(std::move(index.error()));
    return 0;
  }
  return *index;
}

std::uint32_t LowerContext::lower_borrow(const ResourceType& type, BorrowedRep rep) {
  if (failed()) {
    return 0;
  }
  if (type.host == nullptr && type.impl == component_index_) {
    return rep.rep;
  }
  if (scope_ == nullptr) [[unlikely]] {
    fail("a borrow is passed where no call is under way that lends it");
    return 0;
  }
  auto index = handles_.add_borrow(resource_key(type), rep, *scope_);
  if (!index) [[unlikely]] {
    fail(std::move(index.error()));
    return 0;
  }
  return *index;
}

}  // namespace whorl::component
