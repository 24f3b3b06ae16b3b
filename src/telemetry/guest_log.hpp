/// GuestLog: what guests print, on its way to be exported: as log records, and as events of the
/// span of the request they print for.
#pragma once

#include "base/bytes.hpp"
#include "telemetry/recorder.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace whorl::telemetry {

enum class OutputStream : std::uint8_t { Stdout, Stderr };

class GuestLog {
 public:
  /// Bytes of one piece of output that are exported.
  static constexpr std::size_t kMaxBytes = std::size_t{16} * 1024;
  /// Of output that is not UTF-8: a taste.
  static constexpr std::size_t kMaxForeignBytes = 50;

  /// @param has_events  output is added to the span, too
  explicit GuestLog(bool has_events) noexcept : has_events_(has_events) {}
  GuestLog(const GuestLog&) = delete;
  GuestLog& operator=(const GuestLog&) = delete;

  /// The recorder of a shard, before that shard serves; null: there is none any more, after it
  /// served. @thread main
  void set_recorder(const async::Shard& shard, Recorder* recorder);
  /// A piece of output. Does nothing outside of shards. @thread shard
  void write(std::string_view component, OutputStream stream, ByteView bytes);

 private:
  bool has_events_;
  /// By index of the shard. Not changed while shards run.
  std::vector<Recorder*> recorders_;
};

}  // namespace whorl::telemetry
