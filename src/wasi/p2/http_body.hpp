/// wasi:http/types, the body resources: incoming-body, future-trailers, outgoing-body.
///
/// A body is shared by its resource, its stream, its pollables and the other party; each keeps what
/// it needs alive, so that a guest may drop its handles in any order.
#pragma once

#include "base/local_ptr.hpp"
#include "http/body.hpp"
#include "wasi/p2/byte_streams.hpp"
#include "wasi/p2/http_fields.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_http_types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::wasi::p2 {

// --- incoming ------------------------------------------------------------------------------------

/// A guest's share in a body it receives; the last one to go tells the sender that nobody reads.
class IncomingBodyState {
 public:
  /// @param charge  for the pipe's buffer, where the guest can have many
  IncomingBodyState(
      LocalPtr<http::BodyPipe> pipe, MessageKind message, MemoryCharge charge = {}
  ) noexcept
      : pipe_(std::move(pipe)), message_(message), charge_(std::move(charge)) {}
  IncomingBodyState(const IncomingBodyState&) = delete;
  IncomingBodyState& operator=(const IncomingBodyState&) = delete;
  ~IncomingBodyState() { pipe_->stop_reading(); }

  [[nodiscard]] http::BodyPipe& pipe() noexcept { return *pipe_; }
  /// The failure as the guest sees it, once the pipe has failed.
  [[nodiscard]] ErrorCode error() const;

 private:
  LocalPtr<http::BodyPipe> pipe_;
  MessageKind message_;
  MemoryCharge charge_;
};

/// The body's bytes, for its input-stream.
class BodySource final : public ByteSource {
 public:
  explicit BodySource(LocalPtr<IncomingBodyState> body) noexcept : body_(std::move(body)) {}
  [[nodiscard]] ByteView available() override;
  void consume(std::size_t count) override { body_->pipe().consume(count); }
  [[nodiscard]] State state() override;
  [[nodiscard]] std::unique_ptr<IoError> failure() override;
  [[nodiscard]] async::Event* event() noexcept override { return &body_->pipe().readable_event(); }

 private:
  LocalPtr<IncomingBodyState> body_;
};

/// Ready when the end of the body is there. Asking throws away what was not read of it.
class BodyEnd final : public Readiness {
 public:
  explicit BodyEnd(LocalPtr<IncomingBodyState> body) noexcept : body_(std::move(body)) {}
  [[nodiscard]] bool is_ready() override;
  [[nodiscard]] async::Event* event() noexcept override { return &body_->pipe().readable_event(); }
  [[nodiscard]] IncomingBodyState& body() noexcept { return *body_; }

 private:
  LocalPtr<IncomingBodyState> body_;
};

class IncomingBody final : public wit::wasi_http_types::IncomingBody {
 public:
  using Stream = wit::wasi_http_types::InputStream;
  IncomingBody(const Surroundings& around, LocalPtr<IncomingBodyState> body) noexcept
      : around_(around), body_(std::move(body)) {}
  [[nodiscard]] component::HostResult<std::expected<component::Own<Stream>, component::Unit>>
  stream(component::Call& call) override;

  /// For `finish`. Traps while the stream is alive.
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::FutureTrailers>> finish(
  );

 private:
  const Surroundings& around_;
  LocalPtr<IncomingBodyState> body_;
  bool stream_taken_ = false;
  WeakLocalPtr<BodySource> stream_;
};

class FutureTrailers final : public wit::wasi_http_types::FutureTrailers {
 public:
  /// What the guest learns at the end of a body.
  using Trailers =
      std::expected<std::optional<component::Own<wit::wasi_http_types::Fields>>, ErrorCode>;
  FutureTrailers(const Surroundings& around, LocalPtr<BodyEnd> end) noexcept
      : around_(around), end_(std::move(end)) {}
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Pollable>> subscribe(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::expected<Trailers, component::Unit>>> get(
      component::Call& call
  ) override;
  /// The same in the candidates, which had one layer less.
  [[nodiscard]] component::HostResult<std::optional<Trailers>> get_in_candidate(
      component::Call& call
  );
  /// What the candidate of October 2023 says of a body without trailers.
  [[nodiscard]] component::Own<wit::wasi_http_types::Fields> no_trailers() const {
    return immutable_view(around_.memory, make_local<FieldMap>(around_.memory));
  }

 private:
  const Surroundings& around_;
  LocalPtr<BodyEnd> end_;
  bool taken_ = false;
};

// --- outgoing ------------------------------------------------------------------------------------

/// Bytes that the pipe of a guest's message holds at most, and is charged for.
[[nodiscard]] constexpr std::size_t outgoing_capacity(MessageKind message) noexcept {
  return message == MessageKind::Response ? http::BodyPipe::kServedCapacity
                                          : http::BodyPipe::kDefaultCapacity;
}

/// A body that a guest sends, held to the `content-length` of its message.
class OutgoingBodyState {
 public:
  /// @param announced  what `content-length` says, if it says anything
  /// @param charge     for the pipe's buffer
  OutgoingBodyState(
      MessageKind message, std::optional<std::uint64_t> announced, MemoryCharge charge
  );

  [[nodiscard]] const LocalPtr<http::BodyPipe>& pipe() const noexcept { return pipe_; }
  /// The reader took what was announced, to the last byte: it has gone, but is not missing.
  [[nodiscard]] bool is_delivered() const noexcept {
    return announced_ && written_ == *announced_ && pipe_->is_satisfied();
  }
  /// Takes bytes for which there is room. Beyond the announced length: what was announced goes out,
  /// and the guest gets a size error.
  [[nodiscard]] std::unique_ptr<IoError> write(ByteView bytes);
  /// Ends the body well, or, when fewer bytes were written than announced, badly.
  [[nodiscard]] std::expected<void, ErrorCode> finish(std::unique_ptr<http::Fields> trailers);
  /// Ends the body badly, unless it has ended.
  void abort() { pipe_->fail(ErrorKind::Disconnected); }

 private:
  LocalPtr<http::BodyPipe> pipe_;
  std::optional<std::uint64_t> announced_;
  std::uint64_t written_ = 0;
  MessageKind message_;
  MemoryCharge charge_;
};

/// The body of a message a guest is putting together.
///
/// @param body  where the message keeps it; set
/// @return      the guest's handle; an error the second time, or when `content-length` is unsound
[[nodiscard]] component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
make_outgoing_body(
    const Surroundings& around,
    MessageKind message,
    const FieldMap& headers,
    LocalPtr<OutgoingBodyState>& body
);

/// Where an outgoing body's output-stream writes to.
class BodySink final : public ByteSink {
 public:
  explicit BodySink(LocalPtr<OutgoingBodyState> body) noexcept : body_(std::move(body)) {}
  [[nodiscard]] bool is_closed() override {
    const http::BodyPipe& pipe = *body_->pipe();
    return pipe.is_ended() || (pipe.reader_gone() && !body_->is_delivered());
  }
  /// Behind the last byte there is room for the one too many, of which the guest is told then.
  [[nodiscard]] std::size_t room() override {
    return is_closed()             ? 0
           : body_->is_delivered() ? http::BodyPipe::kDefaultCapacity
                                   : body_->pipe()->writable_bytes();
  }
  [[nodiscard]] std::unique_ptr<IoError> write(ByteView bytes) override {
    return body_->write(bytes);
  }
  [[nodiscard]] async::Event* event() noexcept override { return &body_->pipe()->writable_event(); }

 private:
  LocalPtr<OutgoingBodyState> body_;
};

class OutgoingBody final : public wit::wasi_http_types::OutgoingBody {
 public:
  using Stream = wit::wasi_http_types::OutputStream;
  OutgoingBody(const Surroundings& around, LocalPtr<OutgoingBodyState> body) noexcept
      : around_(around), body_(std::move(body)) {}
  /// A body dropped without `finish` is cut.
  ~OutgoingBody() override { body_->abort(); }
  [[nodiscard]] component::HostResult<std::expected<component::Own<Stream>, component::Unit>> write(
      component::Call& call
  ) override;

  /// For `finish`. Traps while the stream is alive.
  [[nodiscard]] component::HostResult<std::expected<void, ErrorCode>> finish(
      std::unique_ptr<http::Fields> trailers
  );

 private:
  const Surroundings& around_;
  LocalPtr<OutgoingBodyState> body_;
  bool stream_taken_ = false;
  WeakLocalPtr<BodySink> stream_;
};

}  // namespace whorl::wasi::p2
