#include "wasi/p3/http_body.hpp"

#include "wit/wasi_http_types_p3_abi.hpp"

#include <utility>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;

// --- what the guest is told ----------------------------------------------------------------------

/// The future that tells a guest what became of its body.
class SentProducer final : public component::FutureProducer<Sent> {
 public:
  explicit SentProducer(LocalPtr<Transmission> transmission)
      : transmission_(std::move(transmission)) {}

  [[nodiscard]] Progress produce(std::optional<Sent>& value) override {
    Transmission& state = *transmission_;
    if (!state.outcome && state.body != nullptr) {
      http::BodyPipe& pipe = *state.body->pipe();
      const bool is_taken = state.finished && pipe.at_end() && !state.is_held;
      if (is_taken || pipe.is_satisfied()) {
        state.outcome.emplace();
      } else if (pipe.reader_gone()) {
        state.outcome = std::unexpected(ErrorCode::connection_terminated());
      } else {
        on_pipe_.arm(&pipe.writable_event());
      }
    }
    if (!state.outcome) {
      on_change_.arm(&state.changed);
      return Progress::blocked();
    }
    value = *state.outcome;
    return Progress::items(1);
  }

 private:
  LocalPtr<Transmission> transmission_;
  Retry on_change_{*this};
  Retry on_pipe_{*this};
};

/// What a reader says came of a body: that is what its writer is told.
class ResultConsumer final : public component::FutureConsumer<Sent> {
 public:
  explicit ResultConsumer(LocalPtr<Transmission> to) : to_(std::move(to)) {}
  void resolved(Sent value) override { to_->settle(std::move(value)); }
  void dropped() override { to_->settle({}); }

 private:
  LocalPtr<Transmission> to_;
};

/// The same for a body of the wire, whose writer is told nothing: a reader that failed wants no
/// more of it.
class PipeResultConsumer final : public component::FutureConsumer<Sent> {
 public:
  explicit PipeResultConsumer(LocalPtr<http::BodyPipe> pipe) : pipe_(std::move(pipe)) {}
  void resolved(Sent value) override {
    if (!value) {
      pipe_->stop_reading();
    }
  }
  void dropped() override {}

 private:
  LocalPtr<http::BodyPipe> pipe_;
};

/// The trailers of a body that came over the wire: there when the guest has read the body, or said
/// that it will not.
class TrailersProducer final : public component::FutureProducer<Trailers> {
 public:
  TrailersProducer(
      const Surroundings& around,
      LocalPtr<p2::IncomingBodyState> body,
      WeakLocalPtr<p2::BodySource> contents
  )
      : around_(around), end_(std::move(body)), contents_(std::move(contents)) {}

  [[nodiscard]] Progress produce(std::optional<Trailers>& value) override {
    http::BodyPipe& pipe = end_.body().pipe();
    const bool is_read =
        contents_.expired() ? end_.is_ready() : pipe.is_ended() && pipe.readable().empty();
    if (!is_read) {
      retry_.arm(&pipe.readable_event());
      return Progress::blocked();
    }
    value = take(pipe);
    return Progress::items(1);
  }

 private:
  Trailers take(http::BodyPipe& pipe) {
    if (pipe.failure()) {
      return Trailers(std::unexpect, to_p3(end_.body().error()));
    }
    Trailers trailers(std::nullopt);
    if (auto fields = pipe.take_trailers(); fields != nullptr) {
      trailers = immutable_view(
          around_.memory, make_local<FieldMap>(FieldMap::from_wire(std::move(*fields)))
      );
    }
    return trailers;
  }

  const Surroundings& around_;
  p2::BodyEnd end_;
  WeakLocalPtr<p2::BodySource> contents_;
  Retry retry_{*this};
};

// --- sending -------------------------------------------------------------------------------------

/// A guest's body on its way out. Held by what still has a part to bring.
class Sending {
 public:
  explicit Sending(LocalPtr<Transmission> transmission) : transmission_(std::move(transmission)) {}
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;
  ~Sending() {
    if (!transmission_->finished) {
      transmission_->body->abort();
    }
  }

  void contents_ended(WriteEnd end) {
    switch (end.how) {
      case WriteEnd::How::Finished:
        contents_done_ = true;
        conclude();
        return;
      case WriteEnd::How::SinkClosed:
        if (transmission_->body->pipe()->is_satisfied()) {
          transmission_->finished = true;
          transmission_->settle({});
        } else {
          fail(ErrorCode::connection_terminated());
        }
        return;
      case WriteEnd::How::Failed:
        fail(
            end.failure->http_code() ? to_p3(*end.failure->http_code())
                                     : ErrorCode::internal_error(std::nullopt)
        );
        return;
      case WriteEnd::How::Aborted:
        fail(ErrorCode::internal_error(std::nullopt));
    }
  }

  /// The first ones count.
  void trailers_arrived(Trailers trailers) {
    if (!trailers_) {
      trailers_ = std::move(trailers);
      conclude();
    }
  }

 private:
  void fail(ErrorCode why) {
    transmission_->body->abort();
    transmission_->finished = true;
    transmission_->settle(std::unexpected(std::move(why)));
  }

  /// Both have come: the body ends as the guest says.
  void conclude() {
    if (!contents_done_ || !trailers_ || transmission_->finished) {
      return;
    }
    if (!*trailers_) {
      fail(std::move(trailers_->error()));
      return;
    }
    std::unique_ptr<http::Fields> fields;
    if (**trailers_) {
      fields = std::make_unique<http::Fields>(into_wire(into_map(std::move(***trailers_))));
    }
    const auto finished = transmission_->body->finish(std::move(fields));
    transmission_->finished = true;
    if (!finished) {
      transmission_->settle(std::unexpected(to_p3(finished.error())));
    }
    transmission_->changed.notify();
  }

  LocalPtr<Transmission> transmission_;
  bool contents_done_ = false;
  std::optional<Trailers> trailers_;
};

class TrailersConsumer final : public component::FutureConsumer<Trailers> {
 public:
  explicit TrailersConsumer(LocalPtr<Sending> sending) : sending_(std::move(sending)) {}
  void resolved(Trailers value) override { sending_->trailers_arrived(std::move(value)); }
  /// The guest was over before it wrote them: then there are none.
  void dropped() override { sending_->trailers_arrived(std::nullopt); }

 private:
  LocalPtr<Sending> sending_;
};

}  // namespace

void Transmission::settle(Sent how) {
  if (!outcome) {
    outcome = how ? std::move(how) : Sent(std::unexpect, shortened(std::move(how.error())));
    changed.notify();
  }
}

// --- MessageBody ---------------------------------------------------------------------------------

std::pair<MessageBody, SentReader> MessageBody::of_guest(
    std::optional<ByteReader> contents, TrailersReader trailers
) {
  MessageBody body;
  body.contents_ = std::move(contents);
  body.trailers_ = std::move(trailers);
  body.transmission_ = make_local<Transmission>();
  SentReader sent = future_of<Sent>(std::make_unique<SentProducer>(body.transmission_));
  return {std::move(body), std::move(sent)};
}

MessageBody::~MessageBody() {
  if (pipe_ != nullptr) {
    pipe_->stop_reading();
  }
  if (transmission_ != nullptr) {
    transmission_->settle({});
  }
}

std::tuple<ByteReader, TrailersReader> MessageBody::consume(
    const Surroundings& around, SentReader result
) {
  if (auto transmission = std::exchange(transmission_, nullptr)) {
    result.consume(std::make_unique<ResultConsumer>(std::move(transmission)));
    return {
        contents_ ? *std::exchange(contents_, std::nullopt) : ByteReader::closed(),
        std::move(trailers_)
    };
  }
  LocalPtr<http::BodyPipe> pipe =
      pipe_ != nullptr ? std::exchange(pipe_, nullptr) : http::BodyPipe::empty();
  result.consume(std::make_unique<PipeResultConsumer>(pipe));
  auto body = make_local<p2::IncomingBodyState>(std::move(pipe), kind_, std::move(charge_));
  auto source = make_local<p2::BodySource>(body);
  const WeakLocalPtr<p2::BodySource> contents = source;
  // What the guest does not want to read is in the way of the trailers until then.
  auto stream = read_from(std::move(source), [body](std::unique_ptr<IoError>) {
    body->pipe().readable_event().notify();
  });
  return {
      std::move(stream),
      future_of<Trailers>(std::make_unique<TrailersProducer>(around, std::move(body), contents))
  };
}

std::expected<LocalPtr<http::BodyPipe>, const char*> MessageBody::send(
    const Surroundings& around, MessageKind kind, std::optional<std::uint64_t> announced
) {
  auto transmission = std::exchange(transmission_, nullptr);
  if (transmission == nullptr) {
    charge_.release();
    return pipe_ != nullptr ? std::exchange(pipe_, nullptr) : http::BodyPipe::empty();
  }
  MemoryCharge charge(around.memory);
  if (!charge.try_resize(p2::outgoing_capacity(kind))) {
    return std::unexpected(kOverHostMemory);
  }
  transmission->is_held = kind == MessageKind::Request;
  transmission->body = make_local<p2::OutgoingBodyState>(kind, announced, std::move(charge));
  auto pipe = transmission->body->pipe();
  transmission->changed.notify();
  auto sink = make_local<p2::BodySink>(transmission->body);
  auto sending = make_local<Sending>(std::move(transmission));
  const bool had_contents = contents_.has_value();
  if (had_contents) {
    write_to(*std::exchange(contents_, std::nullopt), std::move(sink), [sending](WriteEnd end) {
      sending->contents_ended(std::move(end));
    });
  } else {
    sending->contents_ended({WriteEnd::How::Finished, nullptr});
  }
  const bool is_bare = kind == MessageKind::Request && !had_contents;
  trailers_.consume(std::make_unique<TrailersConsumer>(sending));
  if (is_bare) {
    // A request without a body goes out without one: trailers that are not there yet would make it
    // one of a length unknown.
    sending->trailers_arrived(std::nullopt);
  }
  return pipe;
}

}  // namespace whorl::wasi::p3
