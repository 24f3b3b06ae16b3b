#include "http/http2_session.hpp"

#include "http/limit_reports.hpp"
#include "log/log.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::http {
namespace {

// Requests handed on in one go; others on the shard have their turn after that.
constexpr std::size_t kHandledPerTurn = 16;
constexpr std::uint32_t kMaxWindow = 0x7fff'ffff;
// Room for as many fields is made at once.
constexpr std::size_t kUsualFields = 8;
// Frames that bring nothing: what a lively client of many requests needs is far below.
constexpr std::int64_t kFreeFrames = 4000;
constexpr std::int64_t kFreeFramesEachSecond = 1000;
// Requests given up by a client, or because of what it did.
constexpr std::int64_t kFreeResets = 1000;
constexpr std::int64_t kFreeResetsEachSecond = 200;

std::uint32_t stream_window(const ServerOptions& options) noexcept {
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(options.body_buffer_bytes, 1024, kMaxWindow)
  );
}

}  // namespace

Http2Session::Http2Session(ServerCore& core, Owner& owner, std::string client_address)
    : core_(core),
      owner_(owner),
      client_address_(std::move(client_address)),
      frames_(kFreeFrames, kFreeFramesEachSecond),
      resets_(kFreeResets, kFreeResetsEachSecond),
      idle_since_(core.now),
      first_deadline_(core.tick_after(core.options.header_timeout)) {
  codec_ = make_codec();
  if (codec_ == nullptr) {
    is_dead_ = true;
    return;
  }
  const ServerOptions& options = core.options;
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window(options)},
      nghttp2_settings_entry{
          NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          static_cast<std::uint32_t>(std::min<std::size_t>(options.head.fields_bytes, kMaxWindow))
      },
  };
  nghttp2_submit_settings(codec_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(
      codec_,
      NGHTTP2_FLAG_NONE,
      0,
      static_cast<std::int32_t>(
          std::clamp<std::uint32_t>(options.http2_window_bytes, 65'535, kMaxWindow)
      )
  );
}

Http2Session::~Http2Session() {
  nghttp2_session_del(codec_);
}

// --- what the connection calls ---------------------------------------------------------------

void Http2Session::advance() {
  const std::size_t count = std::min(ready_.size(), kHandledPerTurn);
  for (std::size_t i = 0; i < count; ++i) {
    Http2Stream& stream = *ready_[i];
    stream.is_ready = false;
    if (stream.refusal != 0) {
      stream.request_body->stop_reading();
      report_refusal(
          static_cast<std::uint16_t>(stream.refusal),
          stream.exchange->request().client_address,
          "too large"
      );
      stream.exchange->abort(stream.refusal);
    } else {
      core_.handler.handle(stream.exchange);
    }
    mark_dirty(stream);
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
  // What step() makes dirty anew has its turn later.
  for (std::size_t i = 0, end = dirty_.size(); i < end; ++i) {
    Http2Stream* stream = dirty_[i];
    stream->is_dirty = false;
    step(*stream);
  }
  std::erase_if(dirty_, [](const Http2Stream* stream) { return !stream->is_dirty; });
  if (!ready_.empty()) {
    owner_.on_session_wake();
  }
}

ByteView Http2Session::output() {
  is_dead_ = is_dead_ || !out_.fill(*codec_);
  return out_.bytes();
}

bool Http2Session::is_over() const noexcept {
  return is_dead_ ||
         (nghttp2_session_want_read(codec_) == 0 && nghttp2_session_want_write(codec_) == 0);
}

void Http2Session::begin_drain() {
  if (drain_since_ == 0 && !said_goodbye_ && !is_dead_) {
    drain_since_ = core_.now;
    nghttp2_submit_shutdown_notice(codec_);
    owner_.on_session_wake();
  }
}

void Http2Session::end() {
  if (!std::exchange(said_goodbye_, true) && !is_dead_) {
    nghttp2_submit_goaway(
        codec_,
        NGHTTP2_FLAG_NONE,
        nghttp2_session_get_last_proc_stream_id(codec_),
        NGHTTP2_NO_ERROR,
        nullptr,
        0
    );
    owner_.on_session_wake();
  }
}

void Http2Session::abandon() {
  is_dead_ = true;
  ready_.clear();
  dirty_.clear();
  while (!streams_.empty()) {
    const std::unique_ptr<Http2Stream> stream = std::move(streams_.back());
    streams_.pop_back();
    if (stream->request_body != nullptr) {
      stream->request_body->fail(ErrorKind::Disconnected);
    }
    if (stream->exchange != nullptr) {
      stream->exchange->set_client_gone();
    }
  }
}

// --- time ------------------------------------------------------------------------------------

void Http2Session::sweep(Tick now) {
  if (is_dead_) {
    return;
  }
  frames_.pass(core_.tick_length);
  resets_.pass(core_.tick_length);
  std::erase_if(orphans_, [](const auto& orphan) { return orphan.expired(); });
  const ServerOptions& options = core_.options;
  const auto is_over_since = [&](Tick since, async::Milliseconds timeout) {
    return now - since > static_cast<Tick>(timeout / core_.tick_length);
  };
  const bool no_settings = first_deadline_ != 0 && now >= first_deadline_;
  const bool no_head = head_since_ != 0 && is_over_since(head_since_, options.header_timeout);
  if (no_settings || no_head) {
    calm_down();
    return;
  }
  if (is_idle() && is_over_since(idle_since_, options.idle_timeout)) {
    if (!said_goodbye_ && drain_since_ == 0) {
      telemetry::count_limit(telemetry::Limit::IdleTimeout);
    }
    end();
  }
  if (drain_since_ != 0 && is_over_since(drain_since_, options.drain_grace)) {
    // From "no new requests, please" to "those after this one are lost".
    end();
  }
  for (const auto& stream : streams_) {
    sweep_stream(*stream, now);
  }
}

void Http2Session::sweep_stream(Http2Stream& stream, Tick now) {
  if (stream.exchange != nullptr && stream.exchange.use_count() == 1 && !stream.is_ready &&
      stream.head_is_complete && !stream.exchange->has_response()) {
    log::error("whorl::http", "{}: a request was dropped without an answer", client_address_);
    stream.exchange->abort(500);
  }
  const Http2Stream::Wait wait = stream.waits_for();
  if (!keeps_pace(stream)) {
    give_up(stream, stream.has_begun ? telemetry::Limit::WriteRate : telemetry::Limit::BodyRate);
    return;
  }
  if (wait == Http2Stream::Wait::None || std::exchange(stream.moved, false)) {
    stream.deadline = 0;
    return;
  }
  const ServerOptions& options = core_.options;
  if (stream.deadline == 0) {
    stream.deadline = core_.tick_after(
        wait == Http2Stream::Wait::Body ? options.body_timeout : options.write_timeout
    );
  } else if (now >= stream.deadline) {
    give_up(
        stream,
        wait == Http2Stream::Wait::Body ? telemetry::Limit::BodyTimeout
                                        : telemetry::Limit::WriteTimeout
    );
  } else if (stream.is_sent) {
    // Whether the handler still reads the body is seen by looking only.
    mark_dirty(stream);
  }
}

/// A response that has begun before its request's end is a conversation: that has a pace of its
/// own.
bool Http2Session::keeps_pace(Http2Stream& stream) noexcept {
  switch (stream.waits_for()) {
    case Http2Stream::Wait::Body:
      return stream.has_begun ||
             stream.pace.pass(core_.body_rate, stream.received, core_.tick_length);
    case Http2Stream::Wait::Write:
      return stream.pace.pass(core_.write_rate, stream.taken, core_.tick_length);
    case Http2Stream::Wait::None:
      break;
  }
  return true;
}

/// The client was waited for in vain.
void Http2Session::give_up(Http2Stream& stream, telemetry::Limit why) {
  stream.deadline = 0;
  report_timeout(why, client_address_);
  const bool is_body = why == telemetry::Limit::BodyTimeout || why == telemetry::Limit::BodyRate;
  if (is_body && !stream.is_sent) {
    stream.is_late = why == telemetry::Limit::BodyRate;
    stream.request_body->fail(ErrorKind::DeadlineExceeded);
  } else {
    reset(stream, NGHTTP2_CANCEL);
  }
}

// --- what the codec tells --------------------------------------------------------------------

void Http2Session::on_head_begin(std::int32_t id) {
  receiving_ = nullptr;
  if (working() >= core_.options.max_streams) {
    std::erase_if(orphans_, [](const auto& orphan) { return orphan.expired(); });
  }
  if (working() >= core_.options.max_streams) {
    nghttp2_submit_rst_stream(codec_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return;
  }
  auto stream = std::make_unique<Http2Stream>(*this);
  stream->id = id;
  stream->index = streams_.size();
  stream->exchange = make_local<Exchange>();
  if (std::exchange(is_first_, false)) {
    stream->exchange->set_opened_connection();
  }
  Request& request = stream->exchange->request();
  request.fields.lines().reserve(kUsualFields);
  request.scheme = core_.options.scheme;
  request.protocol = "HTTP/2.0";
  request.client_address = client_address_;
  nghttp2_session_set_stream_user_data(codec_, id, stream.get());
  receiving_ = stream.get();
  streams_.push_back(std::move(stream));
}

void Http2Session::on_field(Http2Stream& stream, std::string_view name, std::string_view value) {
  stream.take_field(name, value, core_.options);
}

void Http2Session::on_head_end(Http2Stream& stream, bool is_request, bool ends) {
  if (is_request) {
    stream.request_ended = ends;
    stream.finish_head(core_.options);
    stream.is_ready = true;
    ready_.push_back(&stream);
    owner_.on_session_wake();
  } else if (ends) {
    on_request_end(stream);
  }
}

void Http2Session::on_request_end(Http2Stream& stream) {
  stream.request_ended = true;
  stream.request_body->finish(std::move(stream.trailers));
  mark_dirty(stream);
}

void Http2Session::on_data(Http2Stream& stream, ByteView data) {
  BodyPipe& body = *stream.request_body;
  stream.moved = true;
  stream.expects_continue = false;
  stream.received += data.size();
  if (stream.received > core_.options.max_body_bytes && !body.is_ended()) {
    telemetry::report_limit(
        telemetry::Limit::RequestBody, "whorl::http", "a request's body was cut: it is too long"
    );
    body.fail(ErrorKind::ResourceLimit);
  }
  // The window is never larger than the room in the pipe, unless nobody reads it any more.
  const std::size_t taken = body.write(data);
  if (taken < data.size()) {
    const std::size_t rest = data.size() - taken;
    stream.dropped += rest;
    // Bytes in the pipe are counted by what is left of them; these never were in it.
    mark_dirty(stream);
    if (!body.reader_gone()) {
      body.fail(ErrorKind::ResourceLimit);
    }
  }
}

void Http2Session::on_sent_end(Http2Stream& stream) {
  stream.is_sent = true;
  if (stream.exchange != nullptr) {
    stream.exchange->note_end();
  }
  frames_.add(4);
  mark_dirty(stream);
}

void Http2Session::on_close(Http2Stream& stream) {
  if (stream.request_ended) {
    ended_.add(stream.id);
  }
  if (stream.request_body != nullptr) {
    stream.request_body->fail(ErrorKind::Disconnected);
    const std::uint64_t unread = stream.received - stream.consumed;
    if (unread > 0) {
      nghttp2_session_consume_connection(codec_, unread);
    }
  }
  if (stream.exchange != nullptr && !stream.is_sent) {
    stream.exchange->set_client_gone();
    stream.exchange->note_end();
    if (stream.exchange.use_count() > 1) {
      orphans_.push_back(stream.exchange);
    }
  }
  remove(stream);
}

// --- streams ---------------------------------------------------------------------------------

std::size_t Http2Session::working() const noexcept {
  return streams_.size() + orphans_.size();
}

void Http2Session::mark_dirty(Http2Stream& stream) noexcept {
  if (!std::exchange(stream.is_dirty, true)) {
    dirty_.push_back(&stream);
    owner_.on_session_wake();
  }
}

void Http2Session::remove(Http2Stream& stream) {
  if (receiving_ == &stream) {
    receiving_ = nullptr;
  }
  std::erase(dirty_, &stream);
  if (stream.is_ready) {
    std::erase(ready_, &stream);
  }
  const std::size_t index = stream.index;
  const std::unique_ptr<Http2Stream> removed = std::move(streams_[index]);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
  if (streams_.empty()) {
    idle_since_ = core_.now;
  }
}

void Http2Session::reset(Http2Stream& stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(codec_, NGHTTP2_FLAG_NONE, stream.id, code);
  owner_.on_session_wake();
}

void Http2Session::step(Http2Stream& stream) {
  return_window(stream);
  if (stream.exchange != nullptr && !stream.has_begun) {
    if (stream.exchange->has_response()) {
      begin_response(stream);
    } else if (stream.expects_continue && stream.request_body->is_demanded()) {
      stream.expects_continue = false;
      submit_continue(stream);
      owner_.on_session_wake();
    }
  }
  if (stream.is_parked &&
      (!stream.response_body->readable().empty() || stream.response_body->is_ended())) {
    stream.is_parked = false;
    nghttp2_session_resume_data(codec_, stream.id);
    owner_.on_session_wake();
  }
  if (stream.is_sent) {
    after_response(stream);
  }
  wait_for_events(stream);
}

/// Lets the client send as much as was read or dropped.
void Http2Session::return_window(Http2Stream& stream) {
  const std::uint64_t count = stream.take_consumed();
  if (count == 0) {
    return;
  }
  nghttp2_session_consume_connection(codec_, count);
  if (!stream.request_ended && stream.dropped <= core_.options.drain_bytes) {
    nghttp2_session_consume_stream(codec_, stream.id, count);
  }
  owner_.on_session_wake();
}

/// The answer is out and the request is not: whoever still reads it may go on.
void Http2Session::after_response(Http2Stream& stream) {
  stream.exchange.reset();
  if (stream.request_ended) {
    return;
  }
  if (stream.request_body.use_count() == 1 || stream.request_body->reader_gone() ||
      stream.expects_continue) {
    // RFC 9113 §8.1: the answer counts, the rest of the request is not wanted.
    reset(stream, NGHTTP2_NO_ERROR);
  }
}

void Http2Session::wait_for_events(Http2Stream& stream) {
  if (stream.exchange != nullptr && !stream.has_begun) {
    stream.response_signal.listen(stream.exchange->response_event());
  }
  if (stream.is_parked) {
    stream.response_body_signal.listen(stream.response_body->readable_event());
  }
  if (!stream.request_ended || stream.consumed < stream.received) {
    stream.request_body_signal.listen(stream.request_body->writable_event());
  }
}

}  // namespace whorl::http
