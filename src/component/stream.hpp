/// stream<T> and future<T> for host code: StreamReader and FutureReader in the signatures of host
/// functions, and what the host does with them.
///
///   HostResult<StreamReader<std::uint8_t>> read_via_stream(Call&);    // the host gives, guests
///   read HostResult<void> write_via_stream(Call&, StreamReader<std::uint8_t> data);   // guests
///   write
///
/// A reader that a guest passed can be
///   consumed   reader.consume(std::make_unique<MyConsumer>(…)): an object that is given the items
///              when the guest writes them, on the guest's fiber or on none;
///   read       reader.read(call, space): waits on the fiber of an async function of the host;
///   passed on  given to a guest of the same instance: as a result, or as an argument of an export;
///   dropped    the guest learns of it.
/// A reader for a guest is made of a producer, an object that is asked when the guest reads:
///   return StreamReader<std::uint8_t>(std::make_unique<MyProducer>(…));
/// Producers and consumers never wait. They say Progress::blocked() and call notify() when there is
/// more to give, or room again: no fiber is needed. Destroying one is telling it that the other
/// side is gone or that the event is over. They may hold what lives as long as the event's store.
///
/// Between two instances (one's output is the other's input) there is no passing on: a consumer of
/// one and a producer of the other with a buffer between them do it.
/// @thread shard; notify() and resolve() too, on or off fibers
/// @spec CanonicalABI.md "Stream State", "Future State"
#pragma once

#include "async/parkable.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/result.hpp"
#include "component/abi.hpp"
#include "component/copy_end.hpp"
#include "component/stream_ends.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace whorl::component {

// --- readers -------------------------------------------------------------------------------------

namespace detail {

/// What a reader of the host waits with.
template <class T, class Consumer>
struct Waiting {
  async::Parkable* fiber = nullptr;
  bool is_over = false;
  bool is_aborted = false;
  std::size_t filled = 0;
  Consumer* consumer = nullptr;  ///< null once it was destroyed

  void wake() noexcept {
    if (fiber != nullptr) {
      fiber->unpark();
    }
  }
};

/// Copies into the space that read() was given.
template <class T>
class PullConsumer final : public StreamConsumer<T> {
 public:
  using State = Waiting<T, PullConsumer>;
  explicit PullConsumer(std::shared_ptr<State> state) : state_(std::move(state)) {
    state_->consumer = this;
  }
  ~PullConsumer() override {
    state_->consumer = nullptr;
    state_->is_over = true;
    state_->wake();
  }
  using Items = std::conditional_t<std::is_same_v<T, std::uint8_t>, ByteView, std::span<T>>;
  [[nodiscard]] Progress consume(Items items) override {
    if (space.empty()) {
      return Progress::blocked();
    }
    const std::size_t count = std::min(space.size(), items.size());
    std::move(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count), space.begin());
    space = space.subspan(count);
    state_->filled += count;
    if (count != 0) {
      state_->wake();
    }
    return Progress::items(count);
  }
  void ended(StreamEnd how) override {
    state_->is_over = true;
    state_->is_aborted = how == StreamEnd::Aborted;
    state_->wake();
  }

  std::span<T> space;

 private:
  std::shared_ptr<State> state_;
};

template <class T>
class PullValue final : public FutureConsumer<T> {
 public:
  struct State : Waiting<T, PullValue> {
    std::optional<T> value;
  };
  explicit PullValue(std::shared_ptr<State> state) : state_(std::move(state)) {
    state_->consumer = this;
  }
  ~PullValue() override {
    state_->consumer = nullptr;
    dropped();
  }
  void resolved(T value) override {
    state_->value = std::move(value);
    dropped();
  }
  void dropped() override {
    state_->is_over = true;
    state_->wake();
  }

 private:
  std::shared_ptr<State> state_;
};

/// Gives nothing.
template <class T>
class NoItems final : public StreamProducer<T> {
 public:
  [[nodiscard]] Progress produce(std::size_t /*room*/, std::vector<T>& /*items*/) override {
    return Progress::dropped();
  }
};
template <>
class NoItems<std::uint8_t> final : public StreamProducer<std::uint8_t> {
 public:
  [[nodiscard]] Progress produce(MutableByteView /*room*/) override { return Progress::dropped(); }
};

[[nodiscard]] LocalPtr<SharedStream> make_host_stream(
    SharedStream::Kind kind, std::unique_ptr<HostSource> source
);

}  // namespace detail

/// The readable end of a stream<T> in the hands of the host. Dropped with the object.
template <class T>
class StreamReader {
 public:
  /// No stream; what lifting gives after a failure.
  StreamReader() = default;
  explicit StreamReader(ReadableHalf half) noexcept : half_(std::move(half)) {}
  /// A stream that the host writes.
  explicit StreamReader(std::unique_ptr<StreamProducer<T>> producer)
      : half_(detail::make_host_stream(SharedStream::Kind::Stream, std::move(producer))) {}
  /// A stream that has ended before anything was in it.
  [[nodiscard]] static StreamReader closed() {
    return StreamReader(std::make_unique<detail::NoItems<T>>());
  }

  [[nodiscard]] explicit operator bool() const noexcept { return half_.shared() != nullptr; }
  /// Gives everything that is written from now on to the consumer, what the guest offers already at
  /// once. The reader is empty afterwards; the stream keeps the consumer.
  void consume(std::unique_ptr<StreamConsumer<T>> consumer) {
    if (const auto shared = half_.take()) {
      shared->attach(std::move(consumer));
    }
  }
  /// Waits for at least one item. In functions that are async in WIT only: while another waits its
  /// guest can't go on, and never writes.
  ///
  /// @param space  not empty
  /// @return       how many items were read; 0 at the end of the stream. Cancelled, Disconnected
  ///               (the writer's event ended)
  [[nodiscard]] Result<std::size_t> read(Call& call, std::span<T> space) {
    if (pull_ == nullptr) {
      if (half_.shared() == nullptr) {
        return std::size_t{0};
      }
      pull_ = std::make_shared<typename Pull::State>();
      half_.shared()->attach(std::make_unique<Pull>(pull_));
    }
    pull_->filled = 0;
    Result<> waited;
    if (pull_->consumer != nullptr) {
      pull_->fiber = call.fiber;
      pull_->consumer->space = space;
      pull_->consumer->ask();
      while (waited && !pull_->is_over && pull_->filled == 0) {
        waited = call.fiber->park();
      }
      pull_->fiber = nullptr;
      if (pull_->consumer != nullptr) {
        pull_->consumer->space = {};
      }
    }
    if (!waited) {
      return waited.take_error();
    }
    if (pull_->is_aborted && pull_->filled == 0) {
      return Error(ErrorKind::Disconnected, "the writer of the stream is gone");
    }
    return pull_->filled;
  }

  /// For Abi<>.
  [[nodiscard]] ReadableHalf take_half() noexcept { return std::move(half_); }

 private:
  using Pull = detail::PullConsumer<T>;
  ReadableHalf half_;
  std::shared_ptr<typename Pull::State> pull_;
};

/// The host's promise of a future<T>.
template <class T>
class FutureWriter;

/// The readable end of a future<T> in the hands of the host. Dropped with the object.
template <class T>
class FutureReader {
 public:
  FutureReader() = default;
  explicit FutureReader(ReadableHalf half) noexcept : half_(std::move(half)) {}
  /// A future that has its value.
  [[nodiscard]] static FutureReader ready(T value);

  [[nodiscard]] explicit operator bool() const noexcept { return half_.shared() != nullptr; }
  /// As StreamReader::consume().
  void consume(std::unique_ptr<FutureConsumer<T>> consumer) {
    if (const auto shared = half_.take()) {
      shared->attach(std::move(consumer));
    }
  }
  /// Waits for the value, as StreamReader::read(); once.
  ///
  /// @return  Cancelled; Disconnected: the writer's event ended before it wrote
  [[nodiscard]] Result<T> get(Call& call) {
    auto state = std::make_shared<typename detail::PullValue<T>::State>();
    if (half_.shared() != nullptr) {
      state->fiber = call.fiber;
      half_.shared()->attach(std::make_unique<detail::PullValue<T>>(state));
      Result<> waited;
      while (waited && !state->is_over) {
        waited = call.fiber->park();
      }
      state->fiber = nullptr;
      half_.drop();
      if (!waited) {
        return waited.take_error();
      }
    }
    if (!state->value) {
      return Error(ErrorKind::Disconnected, "the writer of the future is gone");
    }
    return *std::move(state->value);
  }

  /// For Abi<>.
  [[nodiscard]] ReadableHalf take_half() noexcept { return std::move(half_); }

 private:
  ReadableHalf half_;
};

template <class T>
class FutureWriter {
 public:
  /// Makes a future that the host writes.
  FutureWriter() : state_(std::make_shared<typename Source::State>()) {}
  FutureWriter(FutureWriter&&) noexcept = default;
  FutureWriter& operator=(FutureWriter&&) = delete;
  /// A future without a value ends the guest that waits for it.
  ~FutureWriter() {
    if (state_ != nullptr && !state_->value) {
      state_->is_given_up = true;
      notify();
    }
  }

  /// The readable end; once.
  [[nodiscard]] FutureReader<T> reader() {
    return FutureReader<T>(ReadableHalf(
        detail::make_host_stream(SharedStream::Kind::Future, std::make_unique<Source>(state_))
    ));
  }
  /// Once, from the shard's thread, on or off a fiber.
  void resolve(T value) {
    state_->value = std::move(value);
    notify();
    // The source keeps the value; nothing is left to give up.
    state_ = nullptr;
  }
  /// Nobody will read the value.
  [[nodiscard]] bool is_reader_gone() const noexcept {
    return state_ == nullptr || state_->source == nullptr;
  }

 private:
  using Source = detail::FutureSource<T>;
  void notify() noexcept {
    if (state_->source != nullptr) {
      state_->source->notify();
    }
  }

  std::shared_ptr<typename Source::State> state_;
};

template <class T>
FutureReader<T> FutureReader<T>::ready(T value) {
  FutureWriter<T> writer;
  FutureReader reader = writer.reader();
  writer.resolve(std::move(value));
  return reader;
}

// --- crossing ------------------------------------------------------------------------------------

/// The one component-level type of a stream or future of that element.
[[nodiscard]] TypeRef async_type(TypeKind kind, TypeRef element);

namespace detail {

template <class Reader, class T, SharedStream::Kind kKind>
struct AsyncValueAbi : HandleAbi {
  static constexpr AbiTraits kTraits{.own = true};

  static Reader lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return Reader(lift_async_value(cx, slots[0].u32, kKind, kHostElement<T>));
  }
  static Reader load(LiftContext& cx, const std::uint8_t* at) {
    return Reader(lift_async_value(cx, load_int<std::uint32_t>(at), kKind, kHostElement<T>));
  }
  static void lower_flat(LowerContext& cx, Reader& value, engine::RawVal* slots) {
    set_i32(slots[0], lower_async_value(cx, value.take_half()));
  }
  static void store(LowerContext& cx, Reader& value, std::uint32_t offset) {
    store_int(cx, lower_async_value(cx, value.take_half()), offset);
  }
  static TypeRef describe() {
    static const TypeRef type = async_type(
        kKind == SharedStream::Kind::Stream ? TypeKind::Stream : TypeKind::Future,
        Abi<T>::describe()
    );
    return type;
  }
};

}  // namespace detail

template <class T>
struct Abi<StreamReader<T>>
    : detail::AsyncValueAbi<StreamReader<T>, T, SharedStream::Kind::Stream> {};
template <class T>
struct Abi<FutureReader<T>>
    : detail::AsyncValueAbi<FutureReader<T>, T, SharedStream::Kind::Future> {};

}  // namespace whorl::component
