/// LineWriter: puts lines out to a descriptor and never waits for who reads it.
///
/// A line goes out in one write(2), at once, as long as its reader reads: then nothing differs from
/// a plain write. While a pipe, socket or terminal is full, lines wait, bounded; what finds no room
/// is dropped and counted, and once there is room again a line says how many were. Whoever writes
/// next, the server's clock and the end of the program put out what waits. @thread any
#pragma once

#include "base/bytes.hpp"
#include "fs/file.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace whorl::log {

class LineWriter {
 public:
  /// Bytes that wait at most.
  static constexpr std::size_t kMaxWaiting = std::size_t{256} << 10;
  /// Makes the line that says how many were dropped.
  using Notice = std::string (*)(std::uint64_t dropped);

  explicit LineWriter(Notice notice) noexcept : notice_(notice) {}
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// Lines go there from now on; what waited for another place is dropped. @param fd  borrowed
  void open(int fd);
  /// Puts out a line, which has its line feed.
  void write(std::string_view line);
  /// Puts out what waits, as far as it is taken. @return whether nothing waits any more
  bool flush();
  /// The same, waiting for the reader for so long at most.
  bool finish(std::chrono::milliseconds patience);
  /// Lines that found no room so far.
  [[nodiscard]] std::uint64_t dropped_lines() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

 private:
  enum class Kind : std::uint8_t {
    Direct,  ///< takes everything at once: a file
    Own,     ///< a pipe or terminal, opened once more so that it does not block us
    Socket,
    Polled,  ///< any other: it is asked before every write
  };

  // Under mutex_.
  void judge();
  [[nodiscard]] std::size_t try_write(std::string_view text);
  bool pump();

  Notice notice_;
  std::mutex mutex_;
  int fd_ = 2;
  fs::Fd own_;
  Kind kind_ = Kind::Polled;
  std::string waiting_;
  std::uint64_t unreported_ = 0;  ///< lines dropped since the last notice
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> is_waiting_{false};  ///< something does: read without the mutex
};

/// Puts out text for the operator on the standard error, as lines of the log are: whole, in their
/// order, and without waiting. @param text  ends with a line feed
void put_out(std::string_view text);
/// Puts out lines of the log that wait for their reader, as far as it reads. Cheap when none do.
/// @return whether none waits any more
bool flush_lines() noexcept;
/// The same at the end of the program: waits for the reader for up to a second.
void finish_lines() noexcept;
/// Lines of the log that were lost since nobody read them.
[[nodiscard]] std::uint64_t dropped_lines() noexcept;

}  // namespace whorl::log
