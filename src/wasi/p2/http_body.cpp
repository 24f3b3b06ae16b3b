#include "wasi/p2/http_body.hpp"

#include "wasi/p2/poll.hpp"
#include "wasi/p2/streams.hpp"

#include <algorithm>
#include <string>

namespace whorl::wasi::p2 {

// --- incoming ------------------------------------------------------------------------------------

ErrorCode IncomingBodyState::error() const {
  return to_error_code(pipe_->failure().value_or(ErrorKind::Internal), message_);
}

ByteView BodySource::available() {
  http::BodyPipe& pipe = body_->pipe();
  if (pipe.readable().empty()) {
    pipe.demand();
  }
  return pipe.readable();
}

ByteSource::State BodySource::state() {
  http::BodyPipe& pipe = body_->pipe();
  if (pipe.failure()) {
    return State::Failed;
  }
  return pipe.at_end() ? State::Ended : State::Open;
}

std::unique_ptr<IoError> BodySource::failure() {
  return std::make_unique<IoError>("the body was cut off", body_->error());
}

bool BodyEnd::is_ready() {
  http::BodyPipe& pipe = body_->pipe();
  while (!pipe.readable().empty()) {
    pipe.consume(pipe.readable().size());
  }
  if (!pipe.is_ended()) {
    pipe.demand();
  }
  return pipe.is_ended() && pipe.readable().empty();
}

component::HostResult<std::expected<component::Own<IncomingBody::Stream>, component::Unit>>
IncomingBody::stream(component::Call&) {
  using Outcome = std::expected<component::Own<Stream>, component::Unit>;
  if (stream_taken_) {
    return Outcome(std::unexpect);
  }
  stream_taken_ = true;
  auto source = make_local<BodySource>(body_);
  stream_ = source;
  return Outcome(std::make_unique<InputStream>(around_.timers, std::move(source)));
}

component::HostResult<component::Own<wit::wasi_http_types::FutureTrailers>> IncomingBody::finish() {
  if (!stream_.expired()) {
    return component::trap("incoming-body.finish was called before the body's stream was dropped");
  }
  return std::make_unique<FutureTrailers>(around_, make_local<BodyEnd>(body_));
}

component::HostResult<component::Own<wit::wasi_http_types::Pollable>>
FutureTrailers::subscribe(component::Call&) {
  return std::make_unique<Pollable>(around_.timers, end_);
}

component::HostResult<std::optional<std::expected<FutureTrailers::Trailers, component::Unit>>>
FutureTrailers::get(component::Call&) {
  using Outcome = std::expected<Trailers, component::Unit>;
  if (taken_) {
    return std::optional<Outcome>(std::in_place, std::unexpect);
  }
  if (!end_->is_ready()) {
    return std::optional<Outcome>();
  }
  taken_ = true;
  if (end_->body().pipe().failure()) {
    return std::optional<Outcome>(Trailers(std::unexpect, end_->body().error()));
  }
  Trailers trailers(std::nullopt);
  if (auto fields = end_->body().pipe().take_trailers(); fields != nullptr) {
    trailers = immutable_view(
        around_.memory, make_local<FieldMap>(FieldMap::from_wire(std::move(*fields)))
    );
  }
  return std::optional<Outcome>(std::move(trailers));
}

component::HostResult<std::optional<FutureTrailers::Trailers>> FutureTrailers::get_in_candidate(
    component::Call& call
) {
  auto got = get(call);
  if (!got) {
    return std::unexpected(std::move(got.error()));
  }
  if (!*got) {
    return std::optional<Trailers>();
  }
  if (!**got) {
    return component::trap("the trailers were taken before");
  }
  return std::optional<Trailers>(***std::move(got));
}

// --- outgoing ------------------------------------------------------------------------------------

OutgoingBodyState::OutgoingBodyState(
    MessageKind message, std::optional<std::uint64_t> announced, MemoryCharge charge
)
    : pipe_(make_local<http::BodyPipe>(outgoing_capacity(message))),
      announced_(announced),
      message_(message),
      charge_(std::move(charge)) {}

component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
make_outgoing_body(
    const Surroundings& around,
    MessageKind message,
    const FieldMap& headers,
    LocalPtr<OutgoingBodyState>& body
) {
  using Outcome =
      std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>;
  const auto announced = headers.content_length();
  if (body != nullptr || !announced) {
    return Outcome(std::unexpect);
  }
  MemoryCharge charge(around.memory);
  if (!charge.try_resize(outgoing_capacity(message))) {
    return component::trap(kOverHostMemory);
  }
  body = make_local<OutgoingBodyState>(message, *announced, std::move(charge));
  return Outcome(std::make_unique<OutgoingBody>(around, body));
}

std::unique_ptr<IoError> OutgoingBodyState::write(ByteView bytes) {
  const std::uint64_t left = announced_ ? *announced_ - std::min(*announced_, written_) : 0;
  const std::size_t allowed =
      announced_ ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left))
                 : bytes.size();
  pipe_->write(bytes.first(allowed));
  written_ += bytes.size();
  if (allowed == bytes.size()) {
    return nullptr;
  }
  // The reader gets a sound message of the announced length; the mistake is the guest's to hear of.
  pipe_->finish();
  return std::make_unique<IoError>(
      "more bytes were written than content-length announced", body_size_error(message_, written_)
  );
}

std::expected<void, ErrorCode> OutgoingBodyState::finish(std::unique_ptr<http::Fields> trailers) {
  if (announced_ && written_ != *announced_) {
    abort();
    return std::unexpected(body_size_error(message_, written_));
  }
  pipe_->finish(std::move(trailers));
  return {};
}

component::HostResult<std::expected<component::Own<OutgoingBody::Stream>, component::Unit>>
OutgoingBody::write(component::Call&) {
  using Outcome = std::expected<component::Own<Stream>, component::Unit>;
  if (stream_taken_) {
    return Outcome(std::unexpect);
  }
  stream_taken_ = true;
  auto sink = make_local<BodySink>(body_);
  stream_ = sink;
  return Outcome(std::make_unique<OutputStream>(around_.timers, std::move(sink)));
}

component::HostResult<std::expected<void, ErrorCode>> OutgoingBody::finish(
    std::unique_ptr<http::Fields> trailers
) {
  if (!stream_.expired()) {
    return component::trap("outgoing-body.finish was called before the body's stream was dropped");
  }
  return body_->finish(std::move(trailers));
}

}  // namespace whorl::wasi::p2
