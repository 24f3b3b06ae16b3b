/// Work of the host for a guest that can be long is done in pieces. Between two of them others of
/// the shard get their turn, and the guest's budget is looked at
/// (engine::Store::give_way_if_due()).
///
/// Each function takes `go_on`, asked between pieces: false where the guest is being ended, and the
/// work is left as it is. Private to the room. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "component/transcode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace whorl::component {

/// A few microseconds of copying, some twenty where pages are touched for the first time.
inline constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
/// So many values are loaded or stored between two questions.
inline constexpr std::size_t kPieceItems = 1024;

/// std::memmove in pieces, whichever way both overlap.
///
/// @param to  as large as `from`
template <class GoOn>
[[nodiscard]] bool move_in_pieces(MutableByteView to, ByteView from, GoOn go_on) {
  const std::size_t size = from.size();
  // Pieces that would be written before they are read come last.
  const bool is_backwards =
      reinterpret_cast<std::uintptr_t>(to.data()) - reinterpret_cast<std::uintptr_t>(from.data()) <
      size;
  std::size_t done = 0;
  while (size - done > kPieceBytes) {
    const std::size_t at = is_backwards ? size - done - kPieceBytes : done;
    std::memmove(to.data() + at, from.data() + at, kPieceBytes);
    done += kPieceBytes;
    if (!go_on()) [[unlikely]] {
      return false;
    }
  }
  if (size != done) {
    const std::size_t at = is_backwards ? 0 : done;
    std::memmove(to.data() + at, from.data() + at, size - done);
  }
  return true;
}

/// One of the transcoders in pieces. Where the guest is being ended, less is read than there is.
///
/// @param step  (ByteView, MutableByteView) -> Transcoded
template <class Step, class GoOn>
[[nodiscard]] Transcoded transcode_in_pieces(
    ByteView from, MutableByteView to, Step step, GoOn go_on
) {
  Transcoded done;
  for (;;) {
    const ByteView rest = from.subspan(done.read);
    const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
    const Transcoded one = step(piece, to.subspan(done.written));
    done.read += one.read;
    done.written += one.written;
    // A piece may end within a character, which is the next one's first then.
    if (piece.size() == rest.size() || one.read == 0 || !go_on()) {
      return done;
    }
  }
}

/// Calls `step(from, end)` for pieces of `count` things, until the context fails.
///
/// @param cx  LiftContext or LowerContext
/// @return    false after a failure
template <class Cx, class Step>
bool for_pieces(Cx& cx, std::size_t count, std::size_t piece, Step step) {
  std::size_t from = 0;
  while (count - from > piece) {
    step(from, from + piece);
    from += piece;
    if (cx.failed() || !cx.go_on()) [[unlikely]] {
      return false;
    }
  }
  step(from, count);
  return !cx.failed();
}

/// check_text() in pieces; null, too, where the guest is being ended.
template <class GoOn>
[[nodiscard]] const char* check_in_pieces(ByteView text, TextForm form, GoOn go_on) {
  while (text.size() > kPieceBytes) {
    const ByteView longer = text.first(kPieceBytes + unit_size(form));
    const std::size_t size = whole_characters(longer, form);
    if (check_text(text.first(size), form) != nullptr) [[unlikely]] {
      return check_text(longer, form);  // a text that goes on is not incomplete, but wrong
    }
    text = text.subspan(size);
    if (!go_on()) [[unlikely]] {
      return nullptr;
    }
  }
  return check_text(text, form);
}

}  // namespace whorl::component
