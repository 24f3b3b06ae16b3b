/// AccessLines: the lines of a shard's requests, gathered as facts and rendered together.
///
/// What a request leaves behind is copied, which is a few dozen instructions. A line is some
/// hundreds, and their code is not in the cache after all that a request has done. So lines are
/// rendered when there are many: the code is fetched once for all of them, and as rarely takes the
/// place of the request path's.
#pragma once

#include "telemetry/access_log.hpp"
#include "telemetry/request_record.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
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
  void look_at_time(std::uint64_t ns);

  AccessLogFormat format_;
  std::uint64_t second_ = 0;  ///< since 1970, that time_ stands for
  std::string time_;
  std::vector<char> facts_;   ///< of each request Facts and its texts
  std::size_t used_ = 0;      ///< bytes of it
  std::size_t rendered_ = 0;  ///< of these
};

}  // namespace whorl::telemetry
