/// wasi:io/streams: the contract of input-stream and output-stream, over ByteSource and ByteSink.
///
/// Limits: one read returns at most kMaxRead bytes, whatever the guest asks for; a blocking write
/// takes at most kMaxBlockingWrite, as the interface says. Writing more than there is room for ends
/// the guest. After an operation failed the stream is closed.
#pragma once

#include "base/local_ptr.hpp"
#include "wasi/p2/byte_streams.hpp"
#include "wit/wasi_io_poll.hpp"
#include "wit/wasi_io_streams.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <utility>

namespace whorl::wasi::p2 {

using StreamError = wit::wasi_io_streams::StreamError;
/// What a stream operation tells the guest.
template <class T>
using StreamOutcome = std::expected<T, StreamError>;
/// The same, or a trap.
template <class T>
using StreamResult = component::HostResult<StreamOutcome<T>>;

inline constexpr std::size_t kMaxRead = 64 * 1024;
inline constexpr std::size_t kMaxBlockingWrite = 4096;

class InputStream final : public wit::wasi_io_streams::InputStream {
 public:
  InputStream(Timers& timers, LocalPtr<ByteSource> source) noexcept
      : timers_(timers), source_(std::move(source)) {}

  [[nodiscard]] StreamResult<Bytes> read(component::Call& call, std::uint64_t len) override;
  [[nodiscard]] StreamResult<Bytes> blocking_read(component::Call& call, std::uint64_t len)
      override;
  [[nodiscard]] StreamResult<std::uint64_t> skip(component::Call& call, std::uint64_t len) override;
  [[nodiscard]] StreamResult<std::uint64_t> blocking_skip(component::Call& call, std::uint64_t len)
      override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_io_poll::Pollable>> subscribe(
      component::Call& call
  ) override;

  // --- for splice ------------------------------------------------------------------------------
  [[nodiscard]] ByteSource& source() noexcept { return *source_; }
  /// At most `len` bytes that can be read now, or the error that a read gives.
  [[nodiscard]] StreamOutcome<ByteView> peek(std::uint64_t len);

 private:
  Timers& timers_;
  LocalPtr<ByteSource> source_;
  bool failed_ = false;  ///< the failure was reported; closed from now on
};

class OutputStream final : public wit::wasi_io_streams::OutputStream {
 public:
  OutputStream(Timers& timers, LocalPtr<ByteSink> sink) noexcept
      : timers_(timers), sink_(std::move(sink)) {}

  [[nodiscard]] StreamResult<std::uint64_t> check_write(component::Call& call) override;
  [[nodiscard]] StreamResult<void> write(component::Call& call, ByteView contents) override;
  [[nodiscard]] StreamResult<void> blocking_write_and_flush(
      component::Call& call, ByteView contents
  ) override;
  [[nodiscard]] StreamResult<void> flush(component::Call& call) override;
  [[nodiscard]] StreamResult<void> blocking_flush(component::Call& call) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_io_poll::Pollable>> subscribe(
      component::Call& call
  ) override;
  [[nodiscard]] StreamResult<void> write_zeroes(component::Call& call, std::uint64_t len) override;
  [[nodiscard]] StreamResult<void> blocking_write_zeroes_and_flush(
      component::Call& call, std::uint64_t len
  ) override;
  [[nodiscard]] StreamResult<std::uint64_t> splice(
      component::Call& call, wit::wasi_io_streams::InputStream& src, std::uint64_t len
  ) override;
  [[nodiscard]] StreamResult<std::uint64_t> blocking_splice(
      component::Call& call, wit::wasi_io_streams::InputStream& src, std::uint64_t len
  ) override;

 private:
  [[nodiscard]] bool is_closed() { return failed_ || sink_->is_closed(); }
  /// Hands bytes to the sink, at most its room.
  [[nodiscard]] StreamOutcome<void> put(ByteView bytes);
  [[nodiscard]] StreamResult<void> blocking_write(async::Parkable* fiber, ByteView contents);

  Timers& timers_;
  LocalPtr<ByteSink> sink_;
  bool failed_ = false;  ///< a failure was reported; closed from now on
};

}  // namespace whorl::wasi::p2
