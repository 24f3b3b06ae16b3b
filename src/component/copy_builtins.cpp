// The built-ins of streams and futures.
#include "component/async_builtin_support.hpp"

namespace whorl::component::builtins {
namespace {

// --- streams and futures -------------------------------------------------------------------------

template <SharedStream::Kind kKind, CopyEnd::Side kSide>
constexpr const ResourceTag& kEndTag =
    kKind == SharedStream::Kind::Stream
        ? (kSide == CopyEnd::Side::Readable ? kReadableStreamTag : kWritableStreamTag)
        : (kSide == CopyEnd::Side::Readable ? kReadableFutureTag : kWritableFutureTag);

template <SharedStream::Kind kKind, CopyEnd::Side kSide>
CopyEnd* end_at(const Builtin& call, std::uint32_t index, Failure& failed) {
  auto* end = object_at<CopyEnd>(call, index, kEndTag<kKind, kSide>, failed);
  if (end != nullptr && end->shared().type() != call.site.payload) [[unlikely]] {
    failed = failure(
        kKind == SharedStream::Kind::Stream ? "the stream has another element type"
                                            : "the future has another element type"
    );
    return nullptr;
  }
  return end;
}

template <SharedStream::Kind kKind>
Failure new_pair(Builtin& call) {
  using Side = CopyEnd::Side;
  auto shared = make_local<SharedStream>(&call.async, kKind, call.site.payload);
  std::uint64_t packed = 0;
  for (const Side side : {Side::Readable, Side::Writable}) {
    auto end = std::make_unique<CopyEnd>(shared, side);
    CopyEnd& made = *end;
    auto index = call.handles().add(
        side == Side::Readable ? kEndTag<kKind, Side::Readable> : kEndTag<kKind, Side::Writable>,
        std::move(end)
    );
    if (!index) [[unlikely]] {
      return std::move(index.error());
    }
    made.index = *index;
    packed |= std::uint64_t{*index} << (side == Side::Readable ? 0 : 32);
  }
  call.give(packed);
  return std::nullopt;
}

/// @spec definitions.py BufferGuestImpl
Failure make_buffer(
    const Builtin& call, std::uint32_t ptr, std::uint32_t length, GuestBuffer& out
) {
  if (length > GuestBuffer::kMaxLength) [[unlikely]] {
    return failure("stream read/write count too large");
  }
  out = {.site = call.site.site, .type = call.site.payload, .ptr = ptr, .length = length};
  const TypeLayout* layout = call.site.payload->layout;
  if (layout == nullptr || length == 0) {
    return std::nullopt;
  }
  const engine::Memory* memory = call.instance.memory(call.site.site.memory_slot);
  const std::uint64_t size = memory == nullptr ? 0 : call.store.bytes_of(*memory).size();
  if (ptr % layout->alignment != 0) [[unlikely]] {
    return failure(call.site.payload != nullptr ? "unaligned pointer" : "unaligned pointer");
  }
  if (ptr + std::uint64_t{length} * layout->size > size) [[unlikely]] {
    return failure("pointer out of bounds of memory: the buffer does not fit");
  }
  return std::nullopt;
}

/// Why a copy can't begin; null if it can.
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
const char* refuse_copy(const CopyEnd& end) noexcept {
  constexpr bool kStream = kKind == SharedStream::Kind::Stream;
  constexpr bool kReads = kSide == CopyEnd::Side::Readable;
  if (end.is_copying()) {
    return "cannot have concurrent operations active on a future/stream";
  }
  if (end.state != CopyState::Done) {
    return nullptr;
  }
  if constexpr (kStream) {
    return kReads ? "cannot read from stream after being notified that the writable end dropped"
                  : "cannot write to stream after being notified that the readable end dropped";
  } else {
    return kReads ? "cannot read from future after previous read succeeded"
                  : "cannot write to future after previous write succeeded or readable end dropped";
  }
}

/// @spec definitions.py stream_copy, future_copy
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure copy(Builtin& call) {
  const bool is_async = call.site.is_async;
  if (!is_async) {
    if (auto failed = refuse_sync(call)) {
      return failed;
    }
  }
  Failure failed;
  CopyEnd* end = end_at<kKind, kSide>(call, call.slots[0].u32, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (const char* refused = refuse_copy<kKind, kSide>(*end)) [[unlikely]] {
    return failure(refused);
  }
  if (end->in_waitable_set() && !is_async) [[unlikely]] {
    return failure(kInSet);
  }
  const std::uint32_t length = kKind == SharedStream::Kind::Stream ? call.slots[2].u32 : 1;
  GuestBuffer buffer;
  if (failed = make_buffer(call, call.slots[1].u32, length, buffer); failed) [[unlikely]] {
    return failed;
  }
  end->buffer = buffer;
  end->state = CopyState::Copying;
  const Call context{call.instance, call.store, nullptr};
  if (failed = end->copy(context); failed) [[unlikely]] {
    return failed;
  }
  if (!end->has_pending_event()) {
    if (is_async) {
      call.give(kBlocked);
      return std::nullopt;
    }
    if (failed = wait_for_pending_event(call, *end); failed) [[unlikely]] {
      return failed;
    }
  }
  call.give(end->get_pending_event().payload);
  return std::nullopt;
}

/// @spec definitions.py cancel_copy
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure cancel_copy(Builtin& call) {
  const bool is_async = call.site.is_async;
  if (!is_async) {
    if (auto failed = refuse_sync(call)) {
      return failed;
    }
  }
  Failure failed;
  CopyEnd* end = end_at<kKind, kSide>(call, call.slots[0].u32, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (end->state != CopyState::Copying || end->sync_waiter() != nullptr) [[unlikely]] {
    return failure(
        kKind == SharedStream::Kind::Stream
            ? "stream read/write cancelled when no read/write is pending"
            : "future read/write cancelled when no read/write is pending"
    );
  }
  if (end->in_waitable_set() && !is_async) [[unlikely]] {
    return failure(kInSet);
  }
  end->state = CopyState::CancellingCopy;
  if (!end->has_pending_event()) {
    end->shared().cancel();
  }
  call.give(end->get_pending_event().payload);
  return std::nullopt;
}

/// @spec definitions.py drop, CopyEnd.drop
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure drop_end(Builtin& call) {
  constexpr bool kStream = kKind == SharedStream::Kind::Stream;
  Failure failed;
  const std::uint32_t index = call.slots[0].u32;
  CopyEnd* end = end_at<kKind, kSide>(call, index, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (!kStream && kSide == CopyEnd::Side::Writable && end->state != CopyState::Done) [[unlikely]] {
    return failure("cannot drop future write end without first writing a value");
  }
  if (end->is_copying()) [[unlikely]] {
    return failure(kStream ? "cannot drop busy stream" : "cannot drop busy future");
  }
  (void)call.handles().take(index, kEndTag<kKind, kSide>);
  return std::nullopt;
}

}  // namespace

engine::HostFn copy_builtin(ir::CanonOp op) noexcept {
  using ir::CanonOp;
  constexpr auto kStream = SharedStream::Kind::Stream;
  constexpr auto kFuture = SharedStream::Kind::Future;
  constexpr auto kReadable = CopyEnd::Side::Readable;
  constexpr auto kWritable = CopyEnd::Side::Writable;
  switch (op) {
    case CanonOp::StreamNew:
      return &builtin<new_pair<kStream>>;
    case CanonOp::FutureNew:
      return &builtin<new_pair<kFuture>>;
    case CanonOp::StreamRead:
      return &builtin<copy<kStream, kReadable>>;
    case CanonOp::StreamWrite:
      return &builtin<copy<kStream, kWritable>>;
    case CanonOp::FutureRead:
      return &builtin<copy<kFuture, kReadable>>;
    case CanonOp::FutureWrite:
      return &builtin<copy<kFuture, kWritable>>;
    case CanonOp::StreamCancelRead:
      return &builtin<cancel_copy<kStream, kReadable>>;
    case CanonOp::StreamCancelWrite:
      return &builtin<cancel_copy<kStream, kWritable>>;
    case CanonOp::FutureCancelRead:
      return &builtin<cancel_copy<kFuture, kReadable>>;
    case CanonOp::FutureCancelWrite:
      return &builtin<cancel_copy<kFuture, kWritable>>;
    case CanonOp::StreamDropReadable:
      return &builtin<drop_end<kStream, kReadable>>;
    case CanonOp::StreamDropWritable:
      return &builtin<drop_end<kStream, kWritable>>;
    case CanonOp::FutureDropReadable:
      return &builtin<drop_end<kFuture, kReadable>>;
    case CanonOp::FutureDropWritable:
      return &builtin<drop_end<kFuture, kWritable>>;
    default:
      return nullptr;
  }
}

}  // namespace whorl::component::builtins
