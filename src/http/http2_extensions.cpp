#include "http/http2_extensions.hpp"

#include <nghttp2/nghttp2.h>

#include <cstdint>

namespace whorl::http {
namespace {

/// Of no interest.
int pass_over(
    nghttp2_session* /*codec*/, void** /*payload*/, const nghttp2_frame_hd* /*head*/, void* /*user*/
) noexcept {
  return NGHTTP2_ERR_CANCEL;
}

}  // namespace

void hear_of_extensions(nghttp2_option& option) noexcept {
  constexpr unsigned kFirst = 0x0a;
  for (unsigned type = kFirst; type <= UINT8_MAX; ++type) {
    nghttp2_option_set_user_recv_extension_type(&option, static_cast<std::uint8_t>(type));
  }
}

void pass_over_extensions(nghttp2_session_callbacks& callbacks) noexcept {
  nghttp2_session_callbacks_set_unpack_extension_callback(&callbacks, pass_over);
}

}  // namespace whorl::http
