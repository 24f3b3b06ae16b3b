#include "component/copy_end.hpp"

#include "component/async_state.hpp"
#include "component/component.hpp"
#include "component/fiber_run.hpp"
#include "component/guest_copy.hpp"
#include "component/interpret.hpp"
#include "component/thunk.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {
namespace {

/// Rounds between two ends of the host before others get their turn.
constexpr int kHostRounds = 16;

/// Where the next item of a buffer is.
std::uint32_t place_in(const GuestBuffer& buffer) noexcept {
  const std::uint32_t size = buffer.type->layout == nullptr ? 0 : buffer.type->layout->size;
  return buffer.ptr + buffer.progress * size;
}

/// Why a copy can't meet the one that waits, even if there is nothing to copy; nothing if it can.
Failure refuse_own(const CopyEnd& waiting, const CopyEnd& end) {
  if (end.shared().type()->is_none_or_number ||
      end.buffer.site.component_index != waiting.buffer.site.component_index) {
    return std::nullopt;
  }
  return failure(
      end.shared().kind() == SharedStream::Kind::Stream
          ? "cannot read from and write to intra-component stream"
          : "cannot read from and write to intra-component future"
  );
}

}  // namespace

// --- ends ----------------------------------------------------------------------------------------

void HostEnd::notify() noexcept {
  if (shared_ != nullptr) {
    shared_->pump_later();
  }
}

void HostEnd::ask() noexcept {
  if (shared_ != nullptr) {
    shared_->pump_now();
  }
}

CopyEnd::CopyEnd(LocalPtr<SharedStream> shared, Side side) noexcept
    : shared_(std::move(shared)), side_(side) {}

CopyEnd::~CopyEnd() {
  if (shared_ == nullptr) {
    return;
  }
  if (shared_->pending_ == this) {
    shared_->pending_ = nullptr;
  }
  shared_->drop(side_);
}

EventCode CopyEnd::event_code() const noexcept {
  const bool is_stream = shared_->kind() == SharedStream::Kind::Stream;
  if (side_ == Side::Readable) {
    return is_stream ? EventCode::StreamRead : EventCode::FutureRead;
  }
  return is_stream ? EventCode::StreamWrite : EventCode::FutureWrite;
}

Failure CopyEnd::copy(const Call& call) {
  // What is shared may lose its last owner inside.
  const LocalPtr<SharedStream> shared = shared_;
  return side_ == Side::Readable ? shared->read(call, *this) : shared->write(call, *this);
}

void CopyEnd::on_copy() {
  result_ = CopyResult::Completed;
  reclaims_ = true;
  set_pending_event();
}

void CopyEnd::on_copy_done(CopyResult result) {
  result_ = result;
  reclaims_ = false;
  set_pending_event();
}

EventTuple CopyEnd::make_event() {
  if (std::exchange(reclaims_, false) && shared_->pending_ == this) {
    shared_->pending_ = nullptr;
  }
  const bool is_future = shared_->kind() == SharedStream::Kind::Future;
  if (!is_future && state == CopyState::CancellingCopy && result_ == CopyResult::Completed) {
    // What was asked for was cancelled; how much of it was done is said with it.
    result_ = CopyResult::Cancelled;
  }
  const bool is_over =
      result_ == CopyResult::Dropped || (is_future && result_ == CopyResult::Completed);
  state = is_over ? CopyState::Done : CopyState::Idle;
  was_told_dropped = result_ == CopyResult::Dropped;
  auto payload = static_cast<std::uint32_t>(result_);
  if (!is_future) {
    payload |= buffer.progress << 4;
  }
  return {event_code(), index, payload};
}

// --- what is shared ------------------------------------------------------------------------------

SharedStream::SharedStream(AsyncState* state, Kind kind, const PayloadType* type) noexcept
    : state_(state), kind_(kind), type_(type) {
  if (state_ != nullptr) {
    state_->add(*this);
  }
}

SharedStream::~SharedStream() {
  if (state_ != nullptr) {
    state_->count_host_ends(counted_, 0);
    state_->remove(*this);
  }
  if (source_ != nullptr) {
    source_->shared_ = nullptr;
  }
  if (sink_ != nullptr) {
    sink_->shared_ = nullptr;
  }
}

bool SharedStream::bind(AsyncState& state) {
  if (state_ == nullptr && type_ == nullptr && source_ != nullptr) {
    type_ = state.payload_of(source_->element());
  }
  if (state_ == nullptr) {
    state_ = &state;
    state_->add(*this);
    count_host_ends();
  }
  return state_ == &state;
}

bool SharedStream::count_kept_bytes() noexcept {
  if (source_ == nullptr || kept_.bytes() != 0) {
    return true;
  }
  const std::uint64_t bytes = source_->kept_bytes();
  return bytes == 0 || kept_.take(*state_, bytes);
}

void SharedStream::count_host_ends() noexcept {
  if (source_ == nullptr) {
    kept_.give_back();
  }
  if (state_ != nullptr) {
    const std::uint8_t before = counted_;
    counted_ = static_cast<std::uint8_t>((source_ != nullptr ? 1 : 0) + (sink_ != nullptr ? 1 : 0));
    state_->count_host_ends(before, counted_);
  }
}

void SharedStream::attach(std::unique_ptr<HostSource> source) {
  source_ = std::move(source);
  source_->shared_ = this;
  count_host_ends();
}

void SharedStream::attach(std::unique_ptr<HostSink> sink) {
  const LocalPtr<SharedStream> keep = shared_from_this();
  sink_ = std::move(sink);
  sink_->shared_ = this;
  count_host_ends();
  self_ = keep;
  const bool is_foreign = source_ != nullptr && &source_->element() != &sink_->element();
  if (is_foreign || (state_ == nullptr && source_ == nullptr && !dropped_)) {
    return end_sink(true);
  }
  pump_now();
}

void SharedStream::reset_and_notify_pending(CopyResult result) {
  std::exchange(pending_, nullptr)->on_copy_done(result);
}

void SharedStream::cancel() {
  reset_and_notify_pending(CopyResult::Cancelled);
}

void SharedStream::drop(CopyEnd::Side side) {
  const LocalPtr<SharedStream> keep = weak_from_this().lock();
  if (!dropped_) {
    dropped_ = true;
    if (pending_ != nullptr) {
      reset_and_notify_pending(CopyResult::Dropped);
    }
  }
  if (side == CopyEnd::Side::Readable) {
    const auto source = std::move(source_);
    const auto sink = std::move(sink_);
    count_host_ends();
    if (source != nullptr) {
      source->shared_ = nullptr;
    }
    if (sink != nullptr) {
      sink->shared_ = nullptr;
    }
    self_.reset();
  } else if (sink_ != nullptr) {
    end_sink(false);
  }
}

bool SharedStream::finish_sink(bool is_aborted) {
  // What the sink does at its end may make its own source notify: that must not take both away now.
  const bool was_pumping = std::exchange(is_pumping_, true);
  const bool is_finished = sink_->finish(is_aborted);
  is_pumping_ = was_pumping;
  return is_finished;
}

void SharedStream::end_sink(bool is_aborted) {
  if (sink_ == nullptr || !finish_sink(is_aborted)) {
    return;
  }
  const auto sink = std::move(sink_);
  const auto source = std::move(source_);
  count_host_ends();
  sink->shared_ = nullptr;
  if (source != nullptr) {
    source->shared_ = nullptr;
  }
  dropped_ = true;
  const auto self = std::move(self_);
}

void SharedStream::abandon() noexcept {
  const LocalPtr<SharedStream> keep = weak_from_this().lock();
  if (state_ != nullptr) {
    state_->count_host_ends(std::exchange(counted_, 0), 0);
  }
  kept_.give_back();
  state_ = nullptr;
  pending_ = nullptr;
  const bool was_dropped = std::exchange(dropped_, true);
  if (sink_ != nullptr) {
    (void)finish_sink(!was_dropped);
  }
  drop(CopyEnd::Side::Readable);
}

/// Copies between two guests what fits. @spec definitions.py SharedStreamImpl.read, write
Failure SharedStream::meet(const Call& call, CopyEnd& src, CopyEnd& dst) {
  const std::uint32_t n = std::min(src.buffer.remain(), dst.buffer.remain());
  if (type_->layout != nullptr) {
    if (auto failed = copy_between(call, src.buffer, dst.buffer, n)) [[unlikely]] {
      return failed;
    }
  }
  src.buffer.progress += n;
  dst.buffer.progress += n;
  return std::nullopt;
}

Failure SharedStream::read(const Call& call, CopyEnd& end) {
  if (kind_ == Kind::Stream && dropped_) {
    end.on_copy_done(CopyResult::Dropped);
    return std::nullopt;
  }
  if (source_ != nullptr) {
    return ask_source(call, end, true);
  }
  if (pending_ == nullptr) {
    pending_ = &end;
    return std::nullopt;
  }
  if (auto refused = refuse_own(*pending_, end)) [[unlikely]] {
    return refused;
  }
  CopyEnd& writer = *pending_;
  if (kind_ == Kind::Future) {
    if (auto failed = meet(call, writer, end)) [[unlikely]] {
      return failed;
    }
    reset_and_notify_pending(CopyResult::Completed);
    end.on_copy_done(CopyResult::Completed);
    return std::nullopt;
  }
  if (writer.buffer.remain() > 0) {
    if (end.buffer.remain() > 0) {
      if (auto failed = meet(call, writer, end)) [[unlikely]] {
        return failed;
      }
      writer.on_copy();
    }
    end.on_copy_done(CopyResult::Completed);
  } else {
    reset_and_notify_pending(CopyResult::Completed);
    pending_ = &end;
  }
  return std::nullopt;
}

Failure SharedStream::write(const Call& call, CopyEnd& end) {
  if (dropped_) {
    end.on_copy_done(CopyResult::Dropped);
    return std::nullopt;
  }
  if (sink_ != nullptr) {
    return offer_sink(call, end, true);
  }
  if (pending_ == nullptr) {
    pending_ = &end;
    return std::nullopt;
  }
  if (auto refused = refuse_own(*pending_, end)) [[unlikely]] {
    return refused;
  }
  CopyEnd& reader = *pending_;
  if (kind_ == Kind::Future) {
    if (auto failed = meet(call, end, reader)) [[unlikely]] {
      return failed;
    }
    reset_and_notify_pending(CopyResult::Completed);
    end.on_copy_done(CopyResult::Completed);
    return std::nullopt;
  }
  if (reader.buffer.remain() > 0) {
    if (end.buffer.remain() > 0) {
      if (auto failed = meet(call, end, reader)) [[unlikely]] {
        return failed;
      }
      reader.on_copy();
    }
    end.on_copy_done(CopyResult::Completed);
  } else if (end.buffer.is_zero_length() && reader.buffer.is_zero_length()) {
    end.on_copy_done(CopyResult::Completed);
  } else {
    reset_and_notify_pending(CopyResult::Completed);
    pending_ = &end;
  }
  return std::nullopt;
}

// --- ends of the host ----------------------------------------------------------------------------

Failure SharedStream::ask_source(const Call& call, CopyEnd& reader, bool is_new) {
  InstanceHeap heap(call.instance, call.store, reader.buffer.site);
  const CallSite& site = reader.buffer.site;
  LowerContext cx(
      heap, call.instance.handles(site.component_index), site.encoding, site.component_index
  );
  is_pumping_ = true;
  const Progress progress =
      source_->store_into(cx, place_in(reader.buffer), reader.buffer.remain());
  is_pumping_ = false;
  if (cx.failed()) [[unlikely]] {
    return cx.take_trap();
  }
  return settle(reader, progress, is_new);
}

Failure SharedStream::offer_sink(const Call& call, CopyEnd& writer, bool is_new) {
  InstanceHeap heap(call.instance, call.store, writer.buffer.site);
  const CallSite& site = writer.buffer.site;
  LiftContext cx(
      site.memory_slot == CallSite::kNone ? MutableByteView{} : heap.memory(),
      call.instance.handles(site.component_index),
      Lending::Lookup,
      site.encoding
  );
  const std::uint32_t remain = writer.buffer.remain();
  const std::uint32_t size = type_->layout == nullptr ? 0 : type_->layout->size;
  const std::uint8_t* at =
      remain == 0 ? nullptr : cx.range(place_in(writer.buffer), std::uint64_t{remain} * size, 1);
  Progress progress;
  if (!cx.failed()) {
    is_pumping_ = true;
    progress = sink_->load_from(cx, at, remain);
    is_pumping_ = false;
  }
  if (cx.failed()) [[unlikely]] {
    return cx.take_trap();
  }
  return settle(writer, progress, is_new);
}

/// What a copy with an end of the host came to.
///
/// @param is_new  the guest's copy has just begun; else it is pending
Failure SharedStream::settle(CopyEnd& end, Progress progress, bool is_new) {
  using Kind = Progress::Kind;
  const auto done = [&](CopyResult result) {
    pending_ = nullptr;
    end.on_copy_done(result);
  };
  const auto count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(progress.count, end.buffer.remain()));
  end.buffer.progress += count;
  const bool is_future = kind_ == SharedStream::Kind::Future;
  const bool is_over = progress.kind == Kind::Last || progress.kind == Kind::Dropped;
  if (is_over || (is_future && count != 0)) {
    const auto source = std::move(source_);
    const auto sink = std::move(sink_);
    count_host_ends();
    if (source != nullptr) {
      source->shared_ = nullptr;
    }
    if (sink != nullptr) {
      sink->shared_ = nullptr;
    }
    dropped_ = true;
    if (is_future && count == 0 && end.side() == CopyEnd::Side::Readable) {
      return failure("the host gave up a future without a value");
    }
    done(is_future && count != 0 ? CopyResult::Completed : CopyResult::Dropped);
    self_.reset();
    return std::nullopt;
  }
  const bool was_probe = end.buffer.is_zero_length();
  if (progress.kind == Kind::Blocked || (count == 0 && !was_probe)) {
    pending_ = &end;
    return std::nullopt;
  }
  if (is_new || was_probe) {
    done(CopyResult::Completed);
  } else {
    end.on_copy();
  }
  return std::nullopt;
}

bool SharedStream::wants_fiber() const noexcept {
  return source_ != nullptr && sink_ == nullptr && pending_ != nullptr &&
         source_->element().needs_fiber;
}

void SharedStream::pump_later() noexcept {
  if (state_ != nullptr) {
    state_->pump_later(*this);
  } else if (source_ != nullptr && sink_ != nullptr) {
    pump_now();
  }
}

void SharedStream::pump_now() {
  if (wants_fiber()) {
    return pump_later();
  }
  if (state_ == nullptr || state_->run() == nullptr) {
    if (auto failed = pump(nullptr)) {
      end_sink(true);
    }
    return;
  }
  AsyncState& state = *state_;
  const Call call{state.instance(), state.run()->store(), nullptr};
  if (auto failed = pump(&call)) {
    state.fail(*std::move(failed));
  }
}

Failure SharedStream::pump(const Call* call) {
  if (is_pumping_) {
    return std::nullopt;
  }
  const LocalPtr<SharedStream> keep = weak_from_this().lock();
  if (source_ != nullptr && sink_ != nullptr) {
    pump_between_hosts();
  } else if (dropped_) {
    end_sink(false);
  } else if (pending_ != nullptr && call != nullptr) {
    const bool is_full = pending_->buffer.remain() == 0 && !pending_->buffer.is_zero_length();
    if (source_ != nullptr && !is_full) {
      return ask_source(*call, *pending_, false);
    }
    if (sink_ != nullptr && !is_full) {
      return offer_sink(*call, *pending_, false);
    }
  }
  return std::nullopt;
}

void SharedStream::pump_between_hosts() {
  is_pumping_ = true;
  Progress progress = Progress::items(1);
  for (int round = 0; round < kHostRounds; ++round) {
    progress = sink_->take_from(*source_);
    if (progress.kind != Progress::Kind::Items || progress.count == 0) {
      break;
    }
  }
  is_pumping_ = false;
  if (progress.kind == Progress::Kind::Last || progress.kind == Progress::Kind::Dropped) {
    dropped_ = true;
    source_->shared_ = nullptr;
    source_.reset();
    count_host_ends();
    end_sink(false);
  } else if (progress.kind == Progress::Kind::Items && progress.count != 0) {
    if (state_ != nullptr) {
      state_->pump_later(*this);
    }
  }
}

}  // namespace whorl::component
