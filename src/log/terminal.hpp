/// What the program's output channels are, and writing to them. @thread any
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::log {

[[nodiscard]] bool is_terminal(int fd) noexcept;
/// A terminal, and NO_COLOR is not set to a non-empty text.
[[nodiscard]] bool wants_colour(int fd) noexcept;
/// Columns of the terminal on `fd`; 100 when it is none, which is where Spin wraps its help then.
[[nodiscard]] unsigned terminal_width(int fd) noexcept;

/// Writes everything, in one write(2) unless the kernel takes less. Blocks while a pipe is full.
/// @return false when the rest cannot be written (closed pipe, full disk); errno says why
bool write_all(int fd, ByteView data) noexcept;
bool write_all(int fd, std::string_view text) noexcept;

/// Text with control characters (and DEL and C1) written as `\u{1b}`, so that it can neither steer
/// a terminal nor forge a line. Line feed and tab are kept on request only.
enum class LineBreaks : std::uint8_t { Escape, Keep };
[[nodiscard]] std::string escape_controls(std::string_view text, LineBreaks breaks);

}  // namespace whorl::log
