/// Frames of kinds that RFC 9113 does not define: passed over, but not unseen. The codec says
/// nothing of them by itself, so a peer could send them for ever without paying. Private to the
/// room. @thread any
/// @spec RFC 9113 §5.5
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>

namespace whorl::http {

/// Lets the codec tell of the beginning of such frames.
inline void hear_of_extensions(nghttp2_option& option) noexcept {
  constexpr unsigned kFirst = 0x0a;
  for (unsigned type = kFirst; type <= UINT8_MAX; ++type) {
    nghttp2_option_set_user_recv_extension_type(&option, static_cast<std::uint8_t>(type));
  }
}

/// The callback that goes with it. @return that the frame is of no interest
inline int pass_over_extension(
    nghttp2_session*, void** /*payload*/, const nghttp2_frame_hd*, void* /*user*/
) noexcept {
  return NGHTTP2_ERR_CANCEL;
}

}  // namespace whorl::http
