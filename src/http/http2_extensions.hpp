/// Frames of kinds that RFC 9113 does not define: passed over, but not unseen. The codec says
/// nothing of them by itself, so a peer could send them for ever without paying. Private to the
/// room. @thread any
/// @spec RFC 9113 §5.5
#pragma once

struct nghttp2_option;
struct nghttp2_session_callbacks;

namespace whorl::http {

/// Lets the codec tell of the beginning of such frames.
void hear_of_extensions(nghttp2_option& option) noexcept;
/// The callback that goes with it.
void pass_over_extensions(nghttp2_session_callbacks& callbacks) noexcept;

}  // namespace whorl::http
