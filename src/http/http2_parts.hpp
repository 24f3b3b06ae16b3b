/// What the server's and the client's half of HTTP/2 have in common: how the codec is bounded, what
/// it is given. Private to the room.
/// @spec RFC 9113, RFC 7541. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "http/body.hpp"
#include "http/fields.hpp"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace whorl::http {

template <auto Free>
struct FreeCodecPart {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Http2CallbackTable =
    std::unique_ptr<nghttp2_session_callbacks, FreeCodecPart<nghttp2_session_callbacks_del>>;
using Http2Options = std::unique_ptr<nghttp2_option, FreeCodecPart<nghttp2_option_del>>;

/// Options with what bounds either peer: continuations, answers that nobody reads, settings, the
/// dynamic table; windows are given back by us. Null without memory.
[[nodiscard]] Http2Options make_http2_options() noexcept;

[[nodiscard]] inline std::string_view to_text(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

/// Whether frames of a type are bounded by what they belong to, by windows and numbers of streams
/// or as the connection's last: those of all other types are paid from the peer's allowance.
[[nodiscard]] constexpr bool is_bounded_elsewhere(std::uint8_t type) noexcept {
  return type == NGHTTP2_DATA || type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION ||
         type == NGHTTP2_GOAWAY;
}

/// A field for the codec, which copies both and makes names small.
[[nodiscard]] nghttp2_nv http2_field(std::string_view name, std::string_view value) noexcept;
/// The same with a name of ours, in small letters and there for ever, which is not copied.
[[nodiscard]] nghttp2_nv http2_own_field(std::string_view name, std::string_view value) noexcept;
/// Name and value are what RFC 9110 §5 lets them be.
[[nodiscard]] bool is_sendable(const Field& field) noexcept;
/// Those that may be trailers; the others are left out.
void submit_http2_trailers(nghttp2_session& codec, std::int32_t id, const Fields& trailers);

/// What a body has for the codec, which wants at most `most` bytes; trailers are submitted with the
/// last of them.
///
/// @param remaining  of the length that was stated, if one was
/// @param flags      the codec's, for the frame
/// @return           how many; NGHTTP2_ERR_DEFERRED: none yet;
/// NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE:
///                   the body failed, or is shorter than stated, and must not be taken for whole
[[nodiscard]] std::ptrdiff_t offer_http2_body(
    nghttp2_session& codec,
    std::int32_t id,
    BodyPipe& body,
    const std::optional<std::uint64_t>& remaining,
    std::size_t most,
    std::uint32_t& flags
);

/// The codec's functions that are the same for both halves. Session: on_field(), on_body_wanted(),
/// on_body_taken(), and this a friend.
template <class Session, class Stream>
struct Http2Hooks {
  static Session& self(void* user) noexcept { return *static_cast<Session*>(user); }
  static Stream* stream_of(nghttp2_session* codec, std::int32_t id) noexcept {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(codec, id));
  }

  static int header(
      nghttp2_session* codec,
      const nghttp2_frame* frame,
      const std::uint8_t* name,
      std::size_t name_size,
      const std::uint8_t* value,
      std::size_t value_size,
      std::uint8_t /*flags*/,
      void* user
  ) noexcept {
    if (Stream* stream = stream_of(codec, frame->hd.stream_id)) {
      self(user).on_field(*stream, to_text(name, name_size), to_text(value, value_size));
    }
    return 0;
  }

  static int send_data(
      nghttp2_session* codec,
      nghttp2_frame* frame,
      const std::uint8_t* head,
      std::size_t size,
      nghttp2_data_source* /*source*/,
      void* user
  ) noexcept {
    constexpr std::size_t kFrameHead = 9;
    Stream* stream = stream_of(codec, frame->hd.stream_id);
    return stream == nullptr ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                             : self(user).on_body_taken(*stream, {head, kFrameHead}, size);
  }

  /// What the codec asks for the next part of a body.
  static ssize_t read_body(
      nghttp2_session* codec,
      std::int32_t id,
      std::uint8_t* /*buffer*/,
      std::size_t most,
      std::uint32_t* flags,
      nghttp2_data_source* /*source*/,
      void* user
  ) noexcept {
    Stream* stream = stream_of(codec, id);
    return stream == nullptr ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                             : self(user).on_body_wanted(*stream, most, *flags);
  }
};

}  // namespace whorl::http
