// Streams, futures and error contexts crossing the boundary.
#include "component/async_state.hpp"
#include "component/copy_end.hpp"

#include <utility>

namespace whorl::component {

void ReadableHalf::drop() noexcept {
  if (const auto shared = std::move(shared_)) {
    shared->drop(CopyEnd::Side::Readable);
  }
}

namespace {

/// An error context in a handle table.
struct ErrorContext final : HostResource {
  explicit ErrorContext(ErrorContextRef of) noexcept : context(std::move(of)) {}
  ErrorContextRef context;
};

const ResourceTag& readable_tag(SharedStream::Kind kind) noexcept {
  return kind == SharedStream::Kind::Stream ? kReadableStreamTag : kReadableFutureTag;
}

/// Why an end cannot be given away; null if it can.
const char* refuse_transfer(const CopyEnd& end, SharedStream::Kind kind) noexcept {
  const bool is_stream = kind == SharedStream::Kind::Stream;
  if (end.is_copying()) {
    return is_stream ? "cannot remove busy stream" : "cannot remove busy future";
  }
  if (end.state == CopyState::Done) {
    return is_stream ? "cannot lift stream after being notified that the writable end dropped"
                     : "cannot lift future after previous read succeeded";
  }
  if (end.in_waitable_set()) {
    return is_stream ? "cannot lift stream while it's in a waitable set"
                     : "cannot lift future while it's in a waitable set";
  }
  return nullptr;
}

}  // namespace

ReadableHalf lift_async_value(
    LiftContext& cx, std::uint32_t index, SharedStream::Kind kind, const PayloadType* type
) {
  auto found = cx.handles().get(index, readable_tag(kind));
  if (!found) [[unlikely]] {
    cx.fail(std::move(found.error()));
    return {};
  }
  auto& end = static_cast<CopyEnd&>(**found);
  if (end.shared().type() != type) [[unlikely]] {
    cx.fail(
        kind == SharedStream::Kind::Stream ? "the stream has another element type"
                                           : "the future has another element type"
    );
    return {};
  }
  if (const char* refused = refuse_transfer(end, kind)) [[unlikely]] {
    cx.fail(refused);
    return {};
  }
  ReadableHalf half(end.release());
  (void)cx.handles().take(index, readable_tag(kind));
  return half;
}

ReadableHalf lift_async_value(
    LiftContext& cx, std::uint32_t index, SharedStream::Kind kind, const HostElement& element
) {
  AsyncState* state = cx.handles().async();
  if (state == nullptr) [[unlikely]] {
    cx.fail("the component has no streams");
    return {};
  }
  return lift_async_value(cx, index, kind, state->payload_of(element));
}

std::uint32_t lower_async_value(LowerContext& cx, ReadableHalf half) {
  AsyncState* state = cx.handles().async();
  if (state == nullptr || half.shared() == nullptr || !half.shared()->bind(*state)) [[unlikely]] {
    cx.fail("a stream or future can't be passed on to another instance");
    return 0;
  }
  if (!half.shared()->count_kept_bytes()) [[unlikely]] {
    cx.fail(KeptBytes::kTooMany);
    return 0;
  }
  LocalPtr<SharedStream> shared = half.take();
  const ResourceTag& tag = readable_tag(shared->kind());
  auto end = std::make_unique<CopyEnd>(std::move(shared), CopyEnd::Side::Readable);
  CopyEnd& made = *end;
  auto index = cx.handles().add(tag, std::move(end));
  if (!index) [[unlikely]] {
    cx.fail(std::move(index.error()));
    return 0;
  }
  made.index = *index;
  return *index;
}

ErrorContextRef lift_error_context(LiftContext& cx, std::uint32_t index) {
  auto found = cx.handles().get(index, kErrorContextTag);
  if (!found) [[unlikely]] {
    cx.fail(std::move(found.error()));
    return nullptr;
  }
  return static_cast<ErrorContext&>(**found).context;
}

std::uint32_t lower_error_context(LowerContext& cx, ErrorContextRef context) {
  auto index =
      cx.handles().add(kErrorContextTag, std::make_unique<ErrorContext>(std::move(context)));
  if (!index) [[unlikely]] {
    cx.fail(std::move(index.error()));
    return 0;
  }
  return *index;
}

}  // namespace whorl::component
