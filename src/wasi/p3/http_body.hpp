/// wasi:http/types of 0.3: the body of a message, made by a guest or come over the wire.
///
/// A guest's body is a stream, a future of trailers and a future that tells the guest what came of
/// sending it; one of the host's is a BodyPipe. Either may be given to a guest to read, or sent.
/// @thread shard. @spec wasi:http/types, request.new, request.consume-body
#pragma once

#include "base/local_ptr.hpp"
#include "http/body.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p3/channels.hpp"
#include "wasi/p3/error.hpp"
#include "wasi/p3/http_fields.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace whorl::wasi::p3 {

using p2::MessageKind;
using p2::Surroundings;

/// What a guest says at the end of a body, and is told.
using Trailers = std::expected<std::optional<component::Own<types::Fields>>, ErrorCode>;
using TrailersReader = component::FutureReader<Trailers>;
/// What came of a message.
using Sent = std::expected<void, ErrorCode>;
using SentReader = component::FutureReader<Sent>;

/// What became of a guest's body, shared by those who carry it and by the future the guest has.
struct Transmission {
  /// Set once the body is being sent; the future waits until the other side has taken all of it.
  LocalPtr<p2::OutgoingBodyState> body;
  bool finished = false;  ///< all was handed to `body`
  /// A request: that all was taken of it does not mean that it was sent, not before its response.
  bool is_held = false;
  std::optional<Sent> outcome;  ///< settled
  async::Event changed;

  /// Settles it, unless it is.
  void settle(Sent how);
  void release() {
    is_held = false;
    changed.notify();
  }
};

class MessageBody {
 public:
  /// Nothing.
  MessageBody() = default;
  /// A guest's.
  /// @return the body, and the future that tells what became of it
  [[nodiscard]] static std::pair<MessageBody, SentReader> of_guest(
      std::optional<ByteReader> contents, TrailersReader trailers
  );
  /// One that came over the wire.
  /// @param charge  for the pipe's buffer, where the guest can have many
  MessageBody(LocalPtr<http::BodyPipe> pipe, MessageKind kind, MemoryCharge charge = {}) noexcept
      : pipe_(std::move(pipe)), kind_(kind), charge_(std::move(charge)) {}
  MessageBody(MessageBody&&) noexcept = default;
  MessageBody& operator=(MessageBody&&) = default;
  /// A body that nobody took will not be read; a guest's counts as sent.
  ~MessageBody();

  /// For `consume-body`: the guest reads it, and says what came of that.
  /// @return leaves nothing
  [[nodiscard]] std::tuple<ByteReader, TrailersReader> consume(
      const Surroundings& around, SentReader result
  );
  /// Of a guest's body; null for others.
  [[nodiscard]] const LocalPtr<Transmission>& transmission() const noexcept {
    return transmission_;
  }
  /// Sends it: bytes flow as the guest writes them.
  /// @param announced  what `content-length` says, if it says anything
  /// @return           leaves nothing; a trap text when there is no memory for it
  [[nodiscard]] std::expected<LocalPtr<http::BodyPipe>, const char*> send(
      const Surroundings& around, MessageKind kind, std::optional<std::uint64_t> announced
  );

 private:
  LocalPtr<http::BodyPipe> pipe_;  ///< of the host's; else the rest is set
  MessageKind kind_ = MessageKind::Request;
  MemoryCharge charge_;
  std::optional<ByteReader> contents_;
  TrailersReader trailers_;
  LocalPtr<Transmission> transmission_;
};

}  // namespace whorl::wasi::p3
