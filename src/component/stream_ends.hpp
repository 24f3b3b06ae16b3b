/// Producers and consumers: the ends of streams and futures that the host holds. See
/// component/stream.hpp.
/// @thread shard
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "component/abi.hpp"
#include "component/copy_end.hpp"
#include "engine/fault_watch.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace whorl::component {

template <class T>
inline constexpr HostElement kHostElement{
    [] { return TypeRef(Abi<T>::describe()); },
    Abi<T>::kElemSize,
    Abi<T>::kAlignment,
    Abi<T>::kTraits.memory,
};

/// How a stream that the host consumes came to its end.
enum class StreamEnd : std::uint8_t {
  Finished,  ///< the writer dropped its end
  Aborted,   ///< the writer's event ended first
};

// --- producers -----------------------------------------------------------------------------------

/// What the host gives to readers of a stream<T>.
template <class T>
class StreamProducer : public HostSource {
 public:
  StreamProducer() noexcept : HostSource(kHostElement<T>) {}
  /// Asked when the guest reads, and after notify() while it still wants items.
  ///
  /// @param room   most items wanted. 0 asks whether there are any: items(0), blocked() or
  /// dropped()
  /// @param items  empty; to be appended to
  /// @return       items() or last() with as many as were appended; blocked(), dropped()
  [[nodiscard]] virtual Progress produce(std::size_t room, std::vector<T>& items) = 0;

 private:
  /// Bounds what is taken out at once.
  static constexpr std::uint32_t kMostAtOnce = 1024;

  [[nodiscard]] Progress store_into(LowerContext& cx, std::uint32_t ptr, std::uint32_t room) final {
    std::vector<T> items;
    const std::uint32_t most = std::min(room, kMostAtOnce);
    Progress progress = produce(most, items);
    WHORL_CHECK(items.size() <= most, "a producer gave more than there was room for");
    progress.count = items.size();
    if (items.empty() || !cx.accept(ptr, items.size() * Abi<T>::kElemSize, Abi<T>::kAlignment)) {
      return progress;
    }
    for (std::size_t i = 0; i < items.size() && !cx.failed(); ++i) {
      Abi<T>::store(cx, items[i], ptr + static_cast<std::uint32_t>(i) * Abi<T>::kElemSize);
    }
    return progress;
  }
};

/// The same for bytes, which go straight into the guest's memory.
template <>
class StreamProducer<std::uint8_t> : public HostSource {
 public:
  StreamProducer() noexcept : HostSource(kHostElement<std::uint8_t>) {}
  /// @param room  the reader's memory; gone when this returns. Empty asks whether there are any
  ///              bytes: items(0), blocked() or dropped()
  /// @return      items() or last() with how many bytes were written to the start of `room`;
  ///              blocked(), dropped()
  [[nodiscard]] virtual Progress produce(MutableByteView room) = 0;
  /// For a consumer on the host's side: bytes where the producer has them, until the next call, or
  /// until who was given some of them takes no more. Empty: only produce() can tell.
  [[nodiscard]] virtual ByteView peek() { return {}; }
  /// So many of them were used.
  virtual void skip(std::size_t /*count*/) {}

 private:
  [[nodiscard]] Progress store_into(LowerContext& cx, std::uint32_t ptr, std::uint32_t room) final {
    if (!cx.accept(room == 0 ? 0 : ptr, room, 1)) {
      return Progress::blocked();
    }
    if (room == 0) {
      return produce({});
    }
    engine::FaultWatch::expect_kernel_writes();
    return produce(MutableByteView(cx.at(ptr), room));
  }
};

// --- consumers -----------------------------------------------------------------------------------

/// What the host does with the items of a stream<T> that a guest writes.
template <class T>
class StreamConsumer : public HostSink {
 public:
  StreamConsumer() noexcept : HostSink(kHostElement<T>) {}
  /// Given what the guest writes, and after notify() what it still offers.
  ///
  /// @param items  may be moved from, as many as are taken. None asks whether some would be taken:
  ///               items(0) or blocked()
  /// @return       items() with how many were taken, from the first on: at least one unless
  /// blocked.
  ///               blocked(); dropped() or last() to end the stream from this side
  [[nodiscard]] virtual Progress consume(std::span<T> items) = 0;
  /// Nothing follows. The consumer is destroyed afterwards.
  virtual void ended(StreamEnd how) = 0;

 private:
  static constexpr std::uint32_t kMostAtOnce = 64;

  [[nodiscard]] Progress load_from(LiftContext& cx, const std::uint8_t* at, std::uint32_t count)
      final {
    if (const Progress before = ready(); before.kind != Progress::Kind::Items || count == 0) {
      return before;
    }
    const std::uint32_t most = std::min(count, kMostAtOnce);
    for (std::uint32_t i = 0; i < most && !cx.failed(); ++i) {
      kept_.push_back(Abi<T>::load(cx, at + std::size_t{i} * Abi<T>::kElemSize));
    }
    return cx.failed() ? Progress::blocked() : taken(most);
  }
  [[nodiscard]] Progress take_from(HostSource& source) final {
    if (const Progress before = ready(); before.kind != Progress::Kind::Items) {
      return before;
    }
    const Progress given = static_cast<StreamProducer<T>&>(source).produce(kMostAtOnce, kept_);
    if (kept_.empty()) {
      return given;
    }
    const Progress done = taken(kept_.size());
    const bool is_last = given.kind == Progress::Kind::Last || done.kind == Progress::Kind::Last;
    return is_last ? Progress::last(done.count) : done;
  }
  [[nodiscard]] bool finish(bool is_aborted) final {
    if (!is_aborted && !kept_.empty()) {
      const Progress::Kind kind = offer_kept().kind;
      if (!kept_.empty() && (kind == Progress::Kind::Items || kind == Progress::Kind::Blocked)) {
        return false;
      }
    }
    ended(is_aborted ? StreamEnd::Aborted : StreamEnd::Finished);
    return true;
  }

  /// Whether new items may be lifted: not before those kept are gone.
  [[nodiscard]] Progress ready() {
    if (!kept_.empty()) {
      if (const Progress done = offer_kept(); done.kind != Progress::Kind::Items) {
        return done;
      }
      if (!kept_.empty()) {
        return Progress::blocked();
      }
    }
    const Progress would = consume({});
    return would.kind == Progress::Kind::Items ? Progress::items(0) : would;
  }
  /// What is not consumed at once is kept: it has left the guest.
  [[nodiscard]] Progress taken(std::size_t count) {
    const Progress done = offer_kept();
    const bool is_gone = done.kind == Progress::Kind::Dropped || done.kind == Progress::Kind::Last;
    return is_gone ? Progress::last(count) : Progress::items(count);
  }
  [[nodiscard]] Progress offer_kept() {
    const Progress done = consume(kept_);
    const std::size_t count = std::min(done.count, kept_.size());
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
    return done;
  }

  std::vector<T> kept_;
};

/// The same for bytes, which are looked at where the guest has them.
template <>
class StreamConsumer<std::uint8_t> : public HostSink {
 public:
  StreamConsumer() noexcept : HostSink(kHostElement<std::uint8_t>) {}
  /// @param bytes  the writer's memory; gone when this returns. Empty asks whether some would be
  ///               taken: items(0) or blocked()
  /// @return       items() with how many were taken, from the first on: at least one unless
  /// blocked.
  ///               blocked(); dropped() or last() to end the stream from this side
  [[nodiscard]] virtual Progress consume(ByteView bytes) = 0;
  /// Nothing follows. The consumer is destroyed afterwards.
  virtual void ended(StreamEnd how) = 0;

 private:
  static constexpr std::size_t kChunk = 16 * 1024;

  [[nodiscard]] Progress load_from(LiftContext& /*cx*/, const std::uint8_t* at, std::uint32_t count)
      final {
    return consume({at, count});
  }
  /// Bytes that the source lets be seen are used where they are; others go through a buffer of its
  /// own, where stays what is not taken.
  [[nodiscard]] Progress take_from(HostSource& source) final;
  [[nodiscard]] bool finish(bool is_aborted) final;
  [[nodiscard]] Progress offer_kept();

  Bytes kept_;
  std::size_t kept_from_ = 0;
};

/// Where a host's future<T> gets its value from, for a guest or for a consumer on the host's side.
template <class T>
class FutureProducer : public HostSource {
 public:
  FutureProducer() noexcept : HostSource(kHostElement<T>) {}
  /// Asked when the value is wanted, and after notify() while it still is; not again once it was
  /// given.
  ///
  /// @param value  empty; to be set
  /// @return       items(1) when it was set; blocked(), dropped()
  [[nodiscard]] virtual Progress produce(std::optional<T>& value) = 0;

 private:
  [[nodiscard]] Progress store_into(
      LowerContext& cx, std::uint32_t ptr, std::uint32_t /*room*/
  ) final {
    std::optional<T> value;
    const Progress progress = produce(value);
    if (value && cx.accept(ptr, Abi<T>::kElemSize, Abi<T>::kAlignment)) {
      Abi<T>::store(cx, *value, ptr);
    }
    return progress;
  }
};

namespace detail {

/// What a FutureWriter writes.
template <class T>
class FutureSource final : public FutureProducer<T> {
 public:
  struct State {
    std::optional<T> value;
    FutureSource* source = nullptr;  ///< null once the reader is gone
    bool is_given_up = false;
  };
  explicit FutureSource(std::shared_ptr<State> state) : state_(std::move(state)) {
    state_->source = this;
  }
  ~FutureSource() override { state_->source = nullptr; }

  [[nodiscard]] Progress produce(std::optional<T>& value) override {
    if (!state_->value) {
      return state_->is_given_up ? Progress::dropped() : Progress::blocked();
    }
    value = std::exchange(state_->value, std::nullopt);
    return Progress::items(1);
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace detail

/// What the host does with the value of a future<T> that a guest writes. One of both is called,
/// once; the consumer is destroyed afterwards.
template <class T>
class FutureConsumer : public HostSink {
 public:
  FutureConsumer() noexcept : HostSink(kHostElement<T>) {}
  virtual void resolved(T value) = 0;
  /// The writer's event ended before it wrote.
  virtual void dropped() = 0;

 private:
  [[nodiscard]] Progress load_from(
      LiftContext& cx, const std::uint8_t* at, std::uint32_t /*count*/
  ) final {
    T value = Abi<T>::load(cx, at);
    if (cx.failed()) {
      return Progress::blocked();
    }
    is_done_ = true;
    resolved(std::move(value));
    return Progress::items(1);
  }
  [[nodiscard]] Progress take_from(HostSource& source) final {
    std::optional<T> value;
    const Progress given = static_cast<FutureProducer<T>&>(source).produce(value);
    if (!value) {
      return given;
    }
    is_done_ = true;
    resolved(*std::move(value));
    return Progress::last(1);
  }
  [[nodiscard]] bool finish(bool /*is_aborted*/) final {
    if (!std::exchange(is_done_, true)) {
      dropped();
    }
    return true;
  }

  bool is_done_ = false;
};

}  // namespace whorl::component
