#include "http/http2_parts.hpp"

#include "http/http2_extensions.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <vector>

namespace whorl::http {
namespace {

// Frames of one head beyond its first (CVE-2024-27316 and its kin).
constexpr std::size_t kMaxContinuations = 8;
// Answers to PING and SETTINGS that wait for a peer who does not read (CVE-2019-9512, -9515).
constexpr std::size_t kMaxAcks = 256;
constexpr std::size_t kMaxSettings = 32;
// Fields of one message of ours.
constexpr std::size_t kMaxHeadSent = 512 * 1024;
// What is remembered of our fields (RFC 7541 §4.2), whatever the peer would remember.
constexpr std::size_t kHpackTable = 4096;

}  // namespace

Http2Options make_http2_options() noexcept {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) {
    return nullptr;
  }
  // Windows of streams are given back as bodies are read, not as bytes arrive.
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_max_continuations(made, kMaxContinuations);
  nghttp2_option_set_max_outbound_ack(made, kMaxAcks);
  nghttp2_option_set_max_settings(made, kMaxSettings);
  hear_of_extensions(*made);
  nghttp2_option_set_max_send_header_block_length(made, kMaxHeadSent);
  nghttp2_option_set_max_deflate_dynamic_table_size(made, kHpackTable);
  return Http2Options(made);
}

nghttp2_nv http2_field(std::string_view name, std::string_view value) noexcept {
  return {
      .name = const_cast<std::uint8_t*>(as_bytes(name).data()),
      .value = const_cast<std::uint8_t*>(as_bytes(value).data()),
      .namelen = name.size(),
      .valuelen = value.size(),
      .flags = NGHTTP2_NV_FLAG_NONE,
  };
}

nghttp2_nv http2_own_field(std::string_view name, std::string_view value) noexcept {
  nghttp2_nv field = http2_field(name, value);
  field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  return field;
}

bool is_sendable(const Field& field) noexcept {
  return wire::http1::is_token(field.name) && wire::http1::is_field_content(field.value);
}

void submit_http2_trailers(nghttp2_session& codec, std::int32_t id, const Fields& trailers) {
  std::vector<nghttp2_nv> fields;
  for (const Field& field : trailers.lines()) {
    if (is_sendable(field) && !wire::http1::is_forbidden_trailer(field.name)) {
      fields.push_back(http2_field(field.name, field.value));
    }
  }
  nghttp2_submit_trailer(&codec, id, fields.data(), fields.size());
}

std::ptrdiff_t offer_http2_body(
    nghttp2_session& codec,
    std::int32_t id,
    BodyPipe& body,
    const std::optional<std::uint64_t>& remaining,
    std::size_t most,
    std::uint32_t& flags
) {
  std::size_t available = body.readable().size();
  const bool ended_well = body.is_ended() && !body.failure().has_value();
  bool is_rest = ended_well;
  if (remaining) {
    available = static_cast<std::size_t>(std::min<std::uint64_t>(available, *remaining));
    is_rest = available == *remaining;
  }
  const std::size_t count = std::min(available, most);
  if (count == 0 && !is_rest) {
    return body.is_ended() ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (is_rest && count == available) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (ended_well && body.has_trailers()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_http2_trailers(codec, id, *body.take_trailers());
    }
  }
  return static_cast<std::ptrdiff_t>(count);
}

}  // namespace whorl::http
