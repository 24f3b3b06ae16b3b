#include "wasi/p2/streams.hpp"

#include "wasi/p2/poll.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::wasi::p2 {
namespace {

constexpr std::array<std::uint8_t, kMaxBlockingWrite> kZeroes{};

std::unexpected<StreamError> closed() {
  return std::unexpected(StreamError::closed());
}

template <class T>
std::unexpected<component::HostTrap> pass(component::HostResult<T>& failed) {
  return std::unexpected(std::move(failed.error()));
}

}  // namespace

// --- InputStream ---------------------------------------------------------------------------------

StreamOutcome<ByteView> InputStream::peek(std::uint64_t len) {
  if (failed_) {
    return closed();
  }
  if (const ByteView bytes = source_->available(); !bytes.empty()) {
    return bytes.first(
        static_cast<std::size_t>(std::min<std::uint64_t>({len, bytes.size(), kMaxRead}))
    );
  }
  switch (source_->state()) {
    case ByteSource::State::Open:
      return ByteView();
    case ByteSource::State::Ended:
      return closed();
    case ByteSource::State::Failed:
      break;
  }
  failed_ = true;
  return std::unexpected(StreamError::last_operation_failed(source_->failure()));
}

StreamResult<Bytes> InputStream::read(component::Call&, std::uint64_t len) {
  auto bytes = peek(len);
  if (!bytes) {
    return StreamOutcome<Bytes>(std::unexpected(std::move(bytes.error())));
  }
  Bytes copy(bytes->begin(), bytes->end());
  source_->consume(copy.size());
  return copy;
}

StreamResult<Bytes> InputStream::blocking_read(component::Call& call, std::uint64_t len) {
  if (auto waited = wait_for(call.fiber, timers_, *source_); !waited) {
    return pass(waited);
  }
  return read(call, len);
}

StreamResult<std::uint64_t> InputStream::skip(component::Call&, std::uint64_t len) {
  auto bytes = peek(len);
  if (!bytes) {
    return StreamOutcome<std::uint64_t>(std::unexpected(std::move(bytes.error())));
  }
  const std::size_t count = bytes->size();
  source_->consume(count);
  return count;
}

StreamResult<std::uint64_t> InputStream::blocking_skip(component::Call& call, std::uint64_t len) {
  if (auto waited = wait_for(call.fiber, timers_, *source_); !waited) {
    return pass(waited);
  }
  return skip(call, len);
}

component::HostResult<component::Own<wit::wasi_io_poll::Pollable>>
InputStream::subscribe(component::Call&) {
  return std::make_unique<Pollable>(timers_, source_);
}

// --- OutputStream --------------------------------------------------------------------------------

StreamOutcome<void> OutputStream::put(ByteView bytes) {
  if (auto failure = sink_->write(bytes); failure != nullptr) {
    failed_ = true;
    return std::unexpected(StreamError::last_operation_failed(std::move(failure)));
  }
  return StreamOutcome<void>();
}

StreamResult<std::uint64_t> OutputStream::check_write(component::Call&) {
  if (is_closed()) {
    return StreamOutcome<std::uint64_t>(closed());
  }
  return sink_->room();
}

StreamResult<void> OutputStream::write(component::Call&, ByteView contents) {
  if (is_closed()) {
    return StreamOutcome<void>(closed());
  }
  if (contents.size() > sink_->room()) {
    return component::trap("the guest wrote more bytes than check-write permitted");
  }
  return put(contents);
}

StreamResult<void> OutputStream::blocking_write(async::Parkable* fiber, ByteView contents) {
  Bytes kept;
  for (;;) {
    if (is_closed()) {
      return StreamOutcome<void>(closed());
    }
    const ByteView chunk = contents.first(std::min(contents.size(), sink_->room()));
    auto written = put(chunk);
    contents = contents.subspan(chunk.size());
    if (!written || contents.empty()) {
      return written;
    }
    if (kept.empty()) {
      // Another fiber of this store may run while we wait, and move what a view of guest memory
      // points to.
      kept.assign(contents.begin(), contents.end());
      contents = kept;
    }
    if (auto waited = wait_for(fiber, timers_, *sink_); !waited) {
      return pass(waited);
    }
  }
}

// No wait at the end: bytes that found room leave with whatever else the guest writes before it
// waits or returns. Who reads the sink sees to it that they leave.
StreamResult<void> OutputStream::blocking_write_and_flush(
    component::Call& call, ByteView contents
) {
  if (contents.size() > kMaxBlockingWrite) {
    return component::trap("blocking-write-and-flush takes at most 4096 bytes");
  }
  return blocking_write(call.fiber, contents);
}

StreamResult<void> OutputStream::flush(component::Call&) {
  if (is_closed()) {
    return StreamOutcome<void>(closed());
  }
  return StreamOutcome<void>();
}

StreamResult<void> OutputStream::blocking_flush(component::Call& call) {
  if (!failed_) {
    if (auto waited = wait_for(call.fiber, timers_, *sink_); !waited) {
      return pass(waited);
    }
  }
  return flush(call);
}

component::HostResult<component::Own<wit::wasi_io_poll::Pollable>>
OutputStream::subscribe(component::Call&) {
  if (failed_) {
    return std::make_unique<Pollable>(timers_, make_local<AlwaysReady>());
  }
  return std::make_unique<Pollable>(timers_, sink_);
}

StreamResult<void> OutputStream::write_zeroes(component::Call&, std::uint64_t len) {
  if (is_closed()) {
    return StreamOutcome<void>(closed());
  }
  if (len > sink_->room()) {
    return component::trap("the guest wrote more zeroes than check-write permitted");
  }
  for (;;) {
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(len, kZeroes.size()));
    auto written = put(ByteView(kZeroes).first(chunk));
    len -= chunk;
    if (!written || len == 0) {
      return written;
    }
  }
}

StreamResult<void> OutputStream::blocking_write_zeroes_and_flush(
    component::Call& call, std::uint64_t len
) {
  if (len > kMaxBlockingWrite) {
    return component::trap("blocking-write-zeroes-and-flush takes at most 4096 bytes");
  }
  return blocking_write(call.fiber, ByteView(kZeroes).first(static_cast<std::size_t>(len)));
}

StreamResult<std::uint64_t> OutputStream::splice(
    component::Call&, wit::wasi_io_streams::InputStream& src, std::uint64_t len
) {
  if (is_closed()) {
    return StreamOutcome<std::uint64_t>(closed());
  }
  len = std::min<std::uint64_t>(len, sink_->room());
  if (len == 0) {
    return 0;
  }
  auto& from = static_cast<InputStream&>(src);  // every stream of this process is ours
  auto bytes = from.peek(len);
  if (!bytes) {
    return StreamOutcome<std::uint64_t>(std::unexpected(std::move(bytes.error())));
  }
  const std::size_t count = bytes->size();
  if (auto written = put(*bytes); !written) {
    return StreamOutcome<std::uint64_t>(std::unexpected(std::move(written.error())));
  }
  from.source().consume(count);
  return count;
}

StreamResult<std::uint64_t> OutputStream::blocking_splice(
    component::Call& call, wit::wasi_io_streams::InputStream& src, std::uint64_t len
) {
  if (!is_closed()) {
    if (auto waited = wait_for(call.fiber, timers_, *sink_); !waited) {
      return pass(waited);
    }
    auto& from = static_cast<InputStream&>(src);
    if (auto waited = wait_for(call.fiber, timers_, from.source()); !waited) {
      return pass(waited);
    }
  }
  return splice(call, src, len);
}

}  // namespace whorl::wasi::p2
