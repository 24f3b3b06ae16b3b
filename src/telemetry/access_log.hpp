/// The access log: a line for each request, as text or JSON, written away from the shards.
///
/// Shards gather lines and hand them over in pieces; one thread at a time writes them, each piece
/// with one call. What waits is bounded: lines that find no room are dropped and counted, no
/// request ever waits for a disk. A piece has one owner at a time, the shard, the lane's queue or
/// the thread that writes, and each hands it on under the lane's lock, its buffer back under the
/// log's: no byte of it is seen by two threads without a lock between them.
/// Lines hold no query and no header but user agent and referer, whose query is left out as well.
#pragma once

#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "base/result.hpp"
#include "fs/file.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace whorl::telemetry {

enum class AccessLogFormat : std::uint8_t { Text, Json };

class AccessLog {
 private:
  struct State;

 public:
  /// Bytes that may wait to be written.
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;

  /// @param path  a file to append to, which is opened again when it was renamed or removed; "-":
  ///              the standard output
  /// @param pool  outlives the log
  /// @return      errors that name the path
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(
      const std::string& path, AccessLogFormat format, async::BlockingPool& pool
  );
  /// For open(): State is private.
  AccessLog(AccessLogFormat format, std::unique_ptr<State> state);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  [[nodiscard]] AccessLogFormat format() const noexcept { return format_; }
  /// Hands lines over. @param count  how many there are. @thread any
  void write(std::string lines, std::uint64_t count) noexcept;
  /// A buffer for lines to come, empty: one that was written, so that its memory is used again
  /// where it is warm. @thread any
  [[nodiscard]] std::string take_buffer() noexcept;
  /// Waits until everything that was handed over is written. @thread main, or any that may block
  void flush(async::Deadline deadline);

  [[nodiscard]] std::uint64_t written_lines() const noexcept;
  /// Lines without room, and lines that could not be written.
  [[nodiscard]] std::uint64_t dropped_lines() const noexcept;

 private:
  AccessLogFormat format_;
  std::unique_ptr<State> state_;
};

}  // namespace whorl::telemetry
