#include "http/test_http2_client.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace whorl::http::test {
namespace {

struct Upload {
  std::shared_ptr<std::string> body;
  std::size_t sent = 0;
  Lines trailers;
};

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  return {
      .name = const_cast<std::uint8_t*>(as_bytes(name).data()),
      .value = const_cast<std::uint8_t*>(as_bytes(value).data()),
      .namelen = name.size(),
      .valuelen = value.size(),
      .flags = NGHTTP2_NV_FLAG_NONE,
  };
}

ssize_t read_upload(
    nghttp2_session* codec,
    std::int32_t id,
    std::uint8_t* into,
    std::size_t most,
    std::uint32_t* flags,
    nghttp2_data_source* source,
    void* /*user*/
) {
  auto& upload = *static_cast<Upload*>(source->ptr);
  const std::string_view body = *upload.body;
  const bool whole = body.ends_with(H2Client::kEnd);
  const std::string_view rest =
      body.substr(upload.sent, body.size() - upload.sent - (whole ? 1 : 0));
  const std::size_t count = std::min(most, rest.size());
  std::copy_n(rest.begin(), count, into);
  upload.sent += count;
  if (whole && count == rest.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!upload.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      std::vector<nghttp2_nv> fields;
      for (const auto& [name, value] : upload.trailers) {
        fields.push_back(field_of(name, value));
      }
      nghttp2_submit_trailer(codec, id, fields.data(), fields.size());
    }
  } else if (count == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

std::string text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

int on_header(
    nghttp2_session*,
    const nghttp2_frame* frame,
    const std::uint8_t* name,
    std::size_t name_size,
    const std::uint8_t* value,
    std::size_t value_size,
    std::uint8_t,
    void* user
) {
  H2Answer& answer = static_cast<H2Client*>(user)->answers[frame->hd.stream_id];
  const std::string field = text(name, name_size);
  if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && answer.status.starts_with('2')) {
    answer.trailers.emplace_back(field, text(value, value_size));
  } else if (field == ":status") {
    answer.informational += answer.status.starts_with('1') ? 1 : 0;
    answer.status = text(value, value_size);
  } else if (field != "date") {
    answer.fields.emplace_back(field, text(value, value_size));
  }
  return 0;
}

int on_data(
    nghttp2_session*,
    std::uint8_t,
    std::int32_t id,
    const std::uint8_t* data,
    std::size_t size,
    void* user
) {
  auto& client = *static_cast<H2Client*>(user);
  client.answers[id].body += text(data, size);
  client.received += size;
  return 0;
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  auto& client = *static_cast<H2Client*>(user);
  const bool is_message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (is_message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    client.answers[frame->hd.stream_id].ended = true;
  } else if (frame->hd.type == NGHTTP2_GOAWAY) {
    ++client.goaways;
    client.goaway_code = frame->goaway.error_code;
  } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    ++client.pings_answered;
  }
  return 0;
}

int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
  H2Answer& answer = static_cast<H2Client*>(user)->answers[id];
  answer.closed = true;
  answer.error_code = code;
  return 0;
}

}  // namespace

struct H2Client::Codec {
  Codec(H2Client& client, H2Options options) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, options.takes_bodies ? 0 : 1);
    REQUIRE(nghttp2_session_client_new2(&session, callbacks, &client, option) == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Codec() { nghttp2_session_del(session); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  nghttp2_session* session = nullptr;
  std::vector<std::unique_ptr<Upload>> uploads;
  std::string unsent;
};

H2Client::H2Client(Site& site, H2Options options)
    : socket(site.address), site_(site), codec_(std::make_unique<Codec>(*this, options)) {}

H2Client::~H2Client() = default;

std::int32_t H2Client::request(
    std::string_view method,
    std::string_view path,
    Lines fields,
    std::shared_ptr<std::string> body,
    Lines trailers
) {
  std::vector<nghttp2_nv> head{
      field_of(":method", method),
      field_of(":scheme", "http"),
      field_of(":path", path),
      field_of(":authority", "a.test"),
  };
  if (!fields.empty() && fields.front().first == ":authority") {
    head.back() = field_of(":authority", fields.front().second);
    fields.erase(fields.begin());
  }
  for (const auto& [name, value] : fields) {
    head.push_back(field_of(name, value));
  }
  nghttp2_data_provider source{};
  if (body != nullptr) {
    codec_->uploads.push_back(
        std::make_unique<Upload>(Upload{std::move(body), 0, std::move(trailers)})
    );
    source = {.source = {.ptr = codec_->uploads.back().get()}, .read_callback = read_upload};
  }
  const std::int32_t id = nghttp2_submit_request(
      codec_->session,
      nullptr,
      head.data(),
      head.size(),
      source.read_callback == nullptr ? nullptr : &source,
      nullptr
  );
  REQUIRE(id > 0);
  answers[id];
  step();
  return id;
}

void H2Client::resume(std::int32_t id) {
  nghttp2_session_resume_data(codec_->session, id);
  step();
}

void H2Client::reset(std::int32_t id) {
  nghttp2_submit_rst_stream(codec_->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  step();
}

void H2Client::ping() {
  nghttp2_submit_ping(codec_->session, NGHTTP2_FLAG_NONE, nullptr);
}

void H2Client::give_window(std::int32_t id, std::int32_t bytes) {
  nghttp2_submit_window_update(codec_->session, NGHTTP2_FLAG_NONE, id, bytes);
  nghttp2_submit_window_update(codec_->session, NGHTTP2_FLAG_NONE, 0, bytes);
  step();
}

void H2Client::send_raw(std::string_view bytes) {
  step();
  codec_->unsent.append(bytes);
  step();
}

void H2Client::step() {
  while (codec_->unsent.size() < 64 * 1024) {
    const std::uint8_t* data = nullptr;
    const auto count = nghttp2_session_mem_send(codec_->session, &data);
    if (count <= 0) {
      break;
    }
    codec_->unsent += text(data, static_cast<std::size_t>(count));
  }
  codec_->unsent.erase(0, socket.send_some(codec_->unsent));
  socket.receive();
  if (!socket.received.empty()) {
    const auto taken = nghttp2_session_mem_recv(
        codec_->session, as_bytes(socket.received).data(), socket.received.size()
    );
    CHECK(taken == static_cast<ssize_t>(socket.received.size()));
    socket.received.clear();
  }
}

H2Answer& H2Client::finish(std::int32_t id) {
  H2Answer& answer = answers[id];
  REQUIRE(site_.run_until([&] {
    step();
    return answer.closed || socket.closed;
  }));
  return answer;
}

void H2Client::wait_for_end() {
  REQUIRE(site_.run_until([&] {
    step();
    return socket.closed;
  }));
}

}  // namespace whorl::http::test
