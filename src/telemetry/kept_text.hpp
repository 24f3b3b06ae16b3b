/// KeptText: what is kept of a request's texts until its end, when a line or span is made of them.
///
/// One copy into one buffer: nothing is taken apart, escaped or encoded for a request of which
/// nothing is written. Queries are left out from the start. @thread one (a value)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::telemetry {

/// What is known of a request when it begins. Views of the request.
struct RequestFacts {
  std::string_view method{};
  std::string_view target{};    ///< path and query, as received
  std::string_view protocol{};  ///< "HTTP/1.1"; a text that lives for ever
  std::string_view scheme{};    ///< as well
  std::string_view authority{};
  std::string_view client{};  ///< "ip:port"
  // Fields of the request; empty where it has none.
  std::string_view user_agent{};
  std::string_view referer{};
  std::string_view request_id{};
  std::string_view traceparent{};
  std::string_view tracestate{};
};

class KeptText {
 public:
  enum class Part : std::uint8_t { Method, Path, Authority, Client, UserAgent, Referer, Route };

  /// Copies, each text cut to what is ever shown of it.
  /// @param with_referer  it is left out otherwise
  void keep(const RequestFacts& facts, bool with_referer);
  /// Not cut: it is the operator's.
  void set_route(std::string_view route);

  /// Empty where there was nothing.
  [[nodiscard]] std::string_view part(Part part) const noexcept {
    const auto index = static_cast<std::size_t>(part);
    const std::uint32_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  /// All parts, one behind the other.
  [[nodiscard]] std::string_view all() const noexcept { return bytes_; }
  [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
  [[nodiscard]] std::string_view scheme() const noexcept { return scheme_; }

 private:
  static constexpr std::size_t kParts = 7;

  std::string bytes_;
  std::array<std::uint32_t, kParts> ends_{};
  std::string_view protocol_;
  std::string_view scheme_;
};

}  // namespace whorl::telemetry
