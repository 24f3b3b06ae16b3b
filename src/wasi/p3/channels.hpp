/// The host's ends of stream<u8> in WASI 0.3, made of the same ByteSource and ByteSink as the
/// streams of 0.2, and futures that tell how they ended. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "component/stream.hpp"
#include "wasi/p2/byte_streams.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <utility>

namespace whorl::wasi::p3 {

using p2::ByteSink;
using p2::ByteSource;
using p2::IoError;

using ByteReader = component::StreamReader<std::uint8_t>;

/// Has a host's end of a stream asked again when an event fires.
class Retry final : public async::Waiter {
 public:
  explicit Retry(component::HostEnd& end) noexcept : end_(end) {}
  void on_event() noexcept override { end_.notify(); }
  /// @param event  null: what is waited for comes without
  void arm(async::Event* event) {
    if (event != nullptr && !is_linked()) {
      event->add(*this);
    }
  }

 private:
  component::HostEnd& end_;
};

/// Told once how a stream that the host gives came to its end: with null when it ended well or the
/// guest wants no more of it.
using ReadEnded = std::move_only_function<void(std::unique_ptr<IoError> failure)>;
/// The bytes of `source` for a guest.
[[nodiscard]] ByteReader read_from(LocalPtr<ByteSource> source, ReadEnded ended);

/// How a stream that a guest writes came to its end.
struct WriteEnd {
  enum class How : std::uint8_t {
    Finished,    ///< the guest ended it
    Aborted,     ///< the guest's event is over
    SinkClosed,  ///< nobody takes bytes any more
    Failed,      ///< with `failure`
  };
  How how = How::Aborted;
  std::unique_ptr<IoError> failure;
};
using WriteEnded = std::move_only_function<void(WriteEnd end)>;
/// Lets `sink` have what a guest writes. `ended` is called once.
void write_to(ByteReader data, LocalPtr<ByteSink> sink, WriteEnded ended);

/// A future whose value is asked for when it is wanted.
template <class T>
[[nodiscard]] component::FutureReader<T> future_of(
    std::unique_ptr<component::FutureProducer<T>> producer
) {
  return component::FutureReader<T>(component::ReadableHalf(component::detail::make_host_stream(
      component::SharedStream::Kind::Future, std::move(producer)
  )));
}

/// `future<result<_, E>>`.
template <class E>
using DoneFuture = component::FutureReader<std::expected<void, E>>;
/// `tuple<stream<u8>, future<result<_, E>>>`.
template <class E>
using ReadChannel = std::tuple<ByteReader, DoneFuture<E>>;

/// The bytes of `source`, and how they ended.
/// @param to_error  E from a const IoError&
template <class E, class ToError>
[[nodiscard]] ReadChannel<E> read_channel(LocalPtr<ByteSource> source, ToError to_error) {
  component::FutureWriter<std::expected<void, E>> done;
  auto future = done.reader();
  auto stream = read_from(
      std::move(source),
      [done = std::move(done), to_error](std::unique_ptr<IoError> failure) mutable {
        using Done = std::expected<void, E>;
        done.resolve(failure == nullptr ? Done() : Done(std::unexpected(to_error(*failure))));
      }
  );
  return {std::move(stream), std::move(future)};
}

/// A stream that ended before it began, and why.
template <class E>
[[nodiscard]] ReadChannel<E> failed_channel(E error) {
  using Done = std::expected<void, E>;
  return {ByteReader::closed(), DoneFuture<E>::ready(Done(std::unexpected(std::move(error))))};
}

/// Lets `sink` have what a guest writes; the future tells how that ended.
/// @param closed  told when the sink takes no more
template <class E, class ToError>
[[nodiscard]] DoneFuture<E> write_channel(
    ByteReader data, LocalPtr<ByteSink> sink, E closed, ToError to_error
) {
  component::FutureWriter<std::expected<void, E>> done;
  auto future = done.reader();
  write_to(
      std::move(data),
      std::move(sink),
      [done = std::move(done), closed = std::move(closed), to_error](WriteEnd end) mutable {
        using Done = std::expected<void, E>;
        switch (end.how) {
          case WriteEnd::How::Failed:
            done.resolve(Done(std::unexpected(to_error(*end.failure))));
            break;
          case WriteEnd::How::SinkClosed:
            done.resolve(Done(std::unexpected(std::move(closed))));
            break;
          case WriteEnd::How::Finished:
          case WriteEnd::How::Aborted:
            done.resolve(Done());
        }
      }
  );
  return future;
}

}  // namespace whorl::wasi::p3
