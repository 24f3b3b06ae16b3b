/// ByteSource and ByteSink: the host's ends of wasi:io streams.
///
/// InputStream and OutputStream (p2/streams.hpp) hold the contract of the interface; what differs
/// between a body, standard output and a closed stream is here. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "wasi/input_source.hpp"
#include "wasi/output_sink.hpp"
#include "wasi/p2/error.hpp"
#include "wasi/readiness.hpp"

#include <cstddef>
#include <memory>

namespace whorl::wasi::p2 {

/// Where the bytes of an input-stream come from. Ready when there are bytes, or none will come.
class ByteSource : public Readiness {
 public:
  enum class State : std::uint8_t { Open, Ended, Failed };

  /// Bytes that can be read now; valid until the next call on this object. Asks the far side for
  /// more when there are none.
  [[nodiscard]] virtual ByteView available() = 0;
  /// Drops bytes from the front of available().
  virtual void consume(std::size_t count) = 0;
  /// What it means that available() is empty.
  [[nodiscard]] virtual State state() = 0;
  /// Describes the failure, in state Failed.
  [[nodiscard]] virtual std::unique_ptr<IoError> failure();

  [[nodiscard]] bool is_ready() override { return !available().empty() || state() != State::Open; }
};

/// The standard input of a command.
class InputSourceStream final : public ByteSource {
 public:
  explicit InputSourceStream(InputSource& source) noexcept : source_(source) {}
  [[nodiscard]] ByteView available() override { return source_.available(); }
  void consume(std::size_t count) override { source_.consume(count); }
  [[nodiscard]] State state() override { return source_.is_ended() ? State::Ended : State::Open; }
  [[nodiscard]] async::Event* event() noexcept override { return source_.event(); }

 private:
  InputSource& source_;
};

/// A stream that has ended: the standard input of a service.
class EndedSource final : public ByteSource {
 public:
  [[nodiscard]] ByteView available() override { return {}; }
  void consume(std::size_t) override {}
  [[nodiscard]] State state() override { return State::Ended; }
};

/// Where the bytes of an output-stream go. Ready when there is room, or none will come.
class ByteSink : public Readiness {
 public:
  /// Nobody takes bytes any more.
  [[nodiscard]] virtual bool is_closed() = 0;
  /// How many bytes write() takes now. Shrinks by nothing but write().
  [[nodiscard]] virtual std::size_t room() = 0;
  /// Takes all of `bytes`, at most room().
  /// @return null, or why the stream is closed from now on
  [[nodiscard]] virtual std::unique_ptr<IoError> write(ByteView bytes) = 0;

  [[nodiscard]] bool is_ready() override { return is_closed() || room() > 0; }
};

/// Standard output or error.
class OutputSinkStream final : public ByteSink {
 public:
  explicit OutputSinkStream(OutputSink& sink) noexcept : sink_(sink) {}
  [[nodiscard]] bool is_closed() override { return false; }
  [[nodiscard]] std::size_t room() override { return sink_.room(); }
  [[nodiscard]] std::unique_ptr<IoError> write(ByteView bytes) override;
  [[nodiscard]] async::Event* event() noexcept override { return sink_.room_event(); }

 private:
  OutputSink& sink_;
};

}  // namespace whorl::wasi::p2
