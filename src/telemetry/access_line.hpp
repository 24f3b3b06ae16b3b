/// AccessLines: the lines of a shard's requests, gathered as facts and rendered together.
///
/// What a request leaves behind is copied, which is a few dozen instructions. A line is some
/// hundreds, and their code is not in the cache after all that a request has done. So lines are
/// rendered when there are many: the code is fetched once for all of them, and as rarely takes the
/// place of the request path's.
#pragma once

#include "telemetry/access_log.hpp"
#include "telemetry/put.hpp"
#include "telemetry/request_record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::telemetry {

/// @thread one
class AccessLines {
 public:
  /// Text: the combined log format, and behind it `key=value` pairs.
  explicit AccessLines(AccessLogFormat format) noexcept : format_(format) {}

  /// Notes what a line says.
  void add(const RequestRecord& record);
  /// Whether it is time to render.
  [[nodiscard]] bool are_many() const noexcept { return used_ >= kMany; }
  /// Writes the lines of all that was noted, line feeds included, to the end of `out`.
  void render(std::string& out);

 private:
  /// Bytes of facts: some 70 requests', which stay in a core's first or second cache.
  static constexpr std::size_t kMany = 16 * 1024;

  struct Facts;
  class Writer;

  /// As many lines as `room` is sure to suffice for. @return what is behind the last one
  char* render_plain(char* at, const char* end);
  /// As lines say it, to the second; in memory that goes on behind it.
  [[nodiscard]] std::string_view time_at(std::uint64_t ns);

  AccessLogFormat format_;
  /// The second that time_ stands for, in nanoseconds since 1970; at first one that none is in.
  std::uint64_t second_ns_ = std::numeric_limits<std::uint64_t>::max() / 2;
  static constexpr std::size_t kMaxTime = 32;
  std::array<char, kMaxTime + kSlack> time_{};
  std::size_t time_size_ = 0;
  std::vector<char> facts_;   ///< of each request Facts and its texts
  std::size_t used_ = 0;      ///< bytes of it
  std::size_t rendered_ = 0;  ///< of these
};

}  // namespace whorl::telemetry
