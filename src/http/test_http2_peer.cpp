#include "http/test_http2_peer.hpp"

#include <nghttp2/nghttp2.h>

namespace whorl::http::test {

H2Peer::H2Peer(Peer& peer, std::string_view settings) : peer_(peer) {
  nghttp2_hd_inflate_new(&inflater_);
  peer_.read_bytes(24);
  peer_.send(settings);
}

H2Peer::~H2Peer() {
  nghttp2_hd_inflate_del(inflater_);
}

Lines H2Peer::inflate(std::string_view block) {
  Lines fields;
  const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  int flags = 0;
  while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
    nghttp2_nv field;
    const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
    if (used < 0) {
      break;
    }
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      fields.emplace_back(
          std::string(reinterpret_cast<const char*>(field.name), field.namelen),
          std::string(reinterpret_cast<const char*>(field.value), field.valuelen)
      );
    }
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  return fields;
}

}  // namespace whorl::http::test
