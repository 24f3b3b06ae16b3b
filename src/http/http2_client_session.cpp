#include "http/http2_client_session.hpp"

#include "http/http2_parts.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/response_head.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace whorl::http {
namespace {

/// What may be on its way to us at once, over all streams.
constexpr std::int32_t kConnectionWindow = 1024 * 1024;
// Frames that bring nothing: what a lively server of many requests needs is far below.
constexpr std::int64_t kFreeFrames = 4000;
constexpr std::int64_t kFreeFramesEachSecond = 1000;
/// Requests at once on one connection, whatever the server would allow.
constexpr std::size_t kMostStreams = 1000;
constexpr wire::http1::ResponseLimits kLimits{};
constexpr std::size_t kMaxTrailers = 64;
constexpr std::size_t kTrailerBytes = 16 * 1024;
/// RFC 9110 §15.2 sets no bound; nobody sends this many in good faith.
constexpr unsigned kMaxInterim = 32;

}  // namespace

// --- a stream by itself ----------------------------------------------------------------------

std::optional<std::string_view> Http2ClientStream::take_field(
    std::string_view name, std::string_view value
) {
  head_bytes += name.size() + value.size() + 4;
  if (has_head) {
    if (trailers == nullptr) {
      trailers = std::make_unique<Fields>();
    }
    if (trailers->size() < kMaxTrailers && head_bytes <= kTrailerBytes &&
        !wire::http1::is_forbidden_trailer(name)) {
      trailers->append(std::string(name), std::string(value));
    }
    return std::nullopt;
  }
  if (head_bytes > kLimits.head_bytes || head.fields.size() >= kLimits.fields) {
    return "the response's head is too long";
  }
  if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), head.status);
  } else {
    head.fields.append(std::string(name), std::string(value));
  }
  return std::nullopt;
}

std::uint64_t Http2ClientStream::take_consumed() noexcept {
  if (response == nullptr) {
    return 0;
  }
  const std::uint64_t now = received - response->readable().size();
  return now - std::exchange(consumed, now);
}

void Http2ClientSignal::on_event() noexcept {
  session_.mark_dirty(stream_);
}

// --- the session -----------------------------------------------------------------------------

Http2ClientSession::Http2ClientSession(Owner& owner)
    : owner_(owner),
      frames_(kFreeFrames, kFreeFramesEachSecond),
      frames_since_(async::Clock::now()),
      last_answered_(frames_since_) {
  codec_ = make_codec();
  if (codec_ == nullptr) {
    is_dead_ = true;
    return;
  }
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      nghttp2_settings_entry{
          NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(kLimits.head_bytes)
      },
  };
  nghttp2_submit_settings(codec_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(codec_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2ClientSession::~Http2ClientSession() {
  abandon("the connection was closed");
  nghttp2_session_del(codec_);
}

bool Http2ClientSession::is_open() const noexcept {
  return !is_dead_ && !said_goodbye_ && nghttp2_session_check_request_allowed(codec_) != 0;
}

bool Http2ClientSession::has_room() const noexcept {
  const std::size_t allowed =
      nghttp2_session_get_remote_settings(codec_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return is_open() && streams_.size() < std::min(allowed, kMostStreams);
}

std::shared_ptr<Http2ClientStream> Http2ClientSession::open(std::shared_ptr<ClientExchange> exchange
) {
  auto stream = std::make_shared<Http2ClientStream>(*this, std::move(exchange));
  stream->id = is_open() ? submit(*stream) : -1;
  if (stream->id < 0) {
    stream->is_closed = stream->is_refused = true;
    stream->needs_http1 = wants_http1_;
    stream->failure = ClientError{ClientFailure::Protocol, "the connection takes no requests"};
    return stream;
  }
  ++opened_;
  frames_.add(4);
  stream->index = streams_.size();
  streams_.push_back(stream);
  owner_.on_session_wake();
  return stream;
}

void Http2ClientSession::cancel(Http2ClientStream& stream) {
  if (!stream.is_closed) {
    reset(stream, NGHTTP2_CANCEL);
    forget(stream);
  }
}

void Http2ClientSession::receive(ByteView bytes) {
  if (is_over()) {
    return;
  }
  const auto now = async::Clock::now();
  if (const auto passed = std::chrono::floor<std::chrono::milliseconds>(now - frames_since_);
      passed > std::chrono::seconds(1)) {
    frames_.pass(passed);
    frames_since_ = now;
  }
  const auto taken = nghttp2_session_mem_recv(codec_, bytes.data(), bytes.size());
  if (taken < 0) {
    failure_text_ = nghttp2_strerror(static_cast<int>(taken));
    is_dead_ = true;
    room_event_.notify();
  }
}

void Http2ClientSession::advance() {
  // What step() makes dirty anew has its turn later.
  for (std::size_t i = 0, end = dirty_.size(); i < end; ++i) {
    if (Http2ClientStream* stream = dirty_[i]) {
      stream->is_dirty = false;
      step(*stream);
    }
  }
  std::erase_if(dirty_, [](const Http2ClientStream* each) {
    return each == nullptr || !each->is_dirty;
  });
}

ByteView Http2ClientSession::output() {
  is_dead_ = is_dead_ || !out_.fill(*codec_);
  return out_.bytes();
}

bool Http2ClientSession::is_over() const noexcept {
  return is_dead_ ||
         (nghttp2_session_want_read(codec_) == 0 && nghttp2_session_want_write(codec_) == 0);
}

void Http2ClientSession::end() {
  if (!is_dead_ && !std::exchange(said_goodbye_, true)) {
    nghttp2_submit_goaway(codec_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
    room_event_.notify();
    owner_.on_session_wake();
  }
}

void Http2ClientSession::abandon(std::string_view why) {
  is_dead_ = true;
  while (!streams_.empty()) {
    const std::shared_ptr<Http2ClientStream> stream = streams_.back();
    stream->is_lost = true;
    stream->needs_http1 = wants_http1_;
    fail(*stream, ClientFailure::Protocol, why);
  }
  room_event_.notify();
}

void Http2ClientSession::charge_frame() {
  if (!frames_.take() && !std::exchange(said_goodbye_, true)) {
    failure_text_ = "the server sends too much that means nothing";
    nghttp2_session_terminate_session(codec_, NGHTTP2_ENHANCE_YOUR_CALM);
    room_event_.notify();
    owner_.on_session_wake();
  }
}

// --- what the codec tells --------------------------------------------------------------------

void Http2ClientSession::on_frame_begin(std::uint8_t type) {
  if (!is_bounded_elsewhere(type)) {
    charge_frame();
  }
}

void Http2ClientSession::on_field(
    Http2ClientStream& stream, std::string_view name, std::string_view value
) {
  if (const auto wrong = stream.take_field(name, value)) {
    reset(stream, NGHTTP2_CANCEL);
    fail(stream, ClientFailure::HeadTooLong, *wrong);
  }
}

void Http2ClientSession::on_head_end(Http2ClientStream& stream, bool ends) {
  if (!stream.has_head) {
    const bool is_interim = stream.head.status < 200;
    if (is_interim && ++stream.interim > kMaxInterim) {
      reset(stream, NGHTTP2_CANCEL);
      fail(stream, ClientFailure::Protocol, "an interim response that was not asked for");
      return;
    }
    stream.head_bytes = 0;
    if (is_interim) {
      stream.head = {};
      return;
    }
    deliver(stream, ends);
  }
  if (ends) {
    on_answer_end(stream);
  }
}

void Http2ClientSession::deliver(Http2ClientStream& stream, bool ends) {
  stream.has_head = true;
  stream.response = ends ? BodyPipe::empty() : make_local<BodyPipe>(kStreamWindow);
  stream.head.body = stream.response;
  stream.moved_at = last_answered_ = async::Clock::now();
  stream.exchange->resolve(std::move(stream.head));
  stream.response_signal.listen(stream.response->writable_event());
  stream.changed.notify();
  // Whether it is wanted is seen by looking.
  mark_dirty(stream);
}

void Http2ClientSession::on_data(Http2ClientStream& stream, ByteView data) {
  stream.received += data.size();
  stream.moved_at = last_answered_ = async::Clock::now();
  if (stream.response == nullptr || stream.response->write(data) < data.size()) {
    // The window is never larger than the room in the pipe: its reader has gone.
    mark_dirty(stream);
  }
}

void Http2ClientSession::on_answer_end(Http2ClientStream& stream) {
  frames_.add(4);
  stream.response->finish(std::move(stream.trailers));
  if (!stream.is_sent) {
    // RFC 9113 §8.1: the answer counts, the rest of the request is for nobody.
    reset(stream, NGHTTP2_CANCEL);
  }
  forget(stream);
}

void Http2ClientSession::on_close(Http2ClientStream& stream, std::uint32_t code) {
  stream.is_refused = code == NGHTTP2_REFUSED_STREAM;
  stream.needs_http1 = wants_http1_ || code == NGHTTP2_HTTP_1_1_REQUIRED;
  fail(
      stream,
      ClientFailure::Protocol,
      stream.needs_http1       ? "the server wants HTTP/1.1 for this request"
      : stream.is_refused      ? "the server refused the request"
      : !failure_text_.empty() ? std::string_view(failure_text_)
                               : "the server ended the request without an answer"
  );
}

/// Called before the streams that it passes over are closed.
void Http2ClientSession::on_goodbye(std::uint32_t code) {
  if (code == NGHTTP2_HTTP_1_1_REQUIRED && !std::exchange(wants_http1_, true)) {
    owner_.on_http1_required();
  }
  room_event_.notify();
}

// --- streams ---------------------------------------------------------------------------------

void Http2ClientSession::mark_dirty(Http2ClientStream& stream) noexcept {
  if (!stream.is_closed && !std::exchange(stream.is_dirty, true)) {
    dirty_.push_back(&stream);
    owner_.on_session_wake();
  }
}

void Http2ClientSession::step(Http2ClientStream& stream) {
  if (stream.response != nullptr && stream.response->reader_gone()) {
    cancel(stream);
    return;
  }
  if (const std::uint64_t count = stream.take_consumed(); count > 0) {
    nghttp2_session_consume_stream(codec_, stream.id, count);
    owner_.on_session_wake();
  }
  if (stream.is_parked && (!stream.body->readable().empty() || stream.body->is_ended())) {
    stream.is_parked = false;
    nghttp2_session_resume_data(codec_, stream.id);
    owner_.on_session_wake();
  }
  if (stream.is_parked) {
    stream.request_signal.listen(stream.body->readable_event());
  }
  if (stream.response != nullptr) {
    stream.response_signal.listen(stream.response->writable_event());
  }
}

void Http2ClientSession::fail(
    Http2ClientStream& stream, ClientFailure failure, std::string_view text
) {
  if (stream.response != nullptr) {
    stream.response->fail(ErrorKind::Disconnected);
  } else {
    stream.failure = ClientError{failure, std::string(text)};
  }
  forget(stream);
}

void Http2ClientSession::reset(Http2ClientStream& stream, std::uint32_t code) {
  if (!is_dead_) {
    nghttp2_submit_rst_stream(codec_, NGHTTP2_FLAG_NONE, stream.id, code);
    owner_.on_session_wake();
  }
}

void Http2ClientSession::forget(Http2ClientStream& stream) {
  if (std::exchange(stream.is_closed, true)) {
    return;
  }
  if (!is_dead_) {
    nghttp2_session_set_stream_user_data(codec_, stream.id, nullptr);
  }
  stream.request_signal.stop();
  stream.response_signal.stop();
  if (std::exchange(stream.is_dirty, false)) {
    // advance() may be looking at the list.
    std::ranges::replace(dirty_, &stream, nullptr);
  }
  const std::size_t index = stream.index;
  const std::shared_ptr<Http2ClientStream> removed = std::move(streams_[index]);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
  removed->changed.notify();
  room_event_.notify();
  owner_.on_session_wake();
}

}  // namespace whorl::http
