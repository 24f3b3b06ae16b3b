/// KeptText: what is kept of a request's texts until its end, when a line or span is made of them.
///
/// One copy into memory that is part of the record, unless the texts are long: nothing is taken
/// apart, escaped or encoded for a request of which nothing is written. Queries are left out from
/// the start. @thread one
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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

/// The texts of a request that are shown, in the order in which they are kept.
enum class TextPart : std::uint8_t { Method, Path, Authority, Client, UserAgent, Referer, Route };
inline constexpr std::size_t kTextParts = 7;
/// Where each of them ends.
using TextEnds = std::array<std::uint32_t, kTextParts>;

/// One of the texts that are kept one behind the other.
[[nodiscard]] inline std::string_view part_of(
    std::string_view all, const TextEnds& ends, TextPart part
) noexcept {
  const auto index = static_cast<std::size_t>(part);
  const std::uint32_t begin = index == 0 ? 0 : ends[index - 1];
  return {all.data() + begin, ends[index] - begin};
}

class KeptText {
 public:
  using Part = TextPart;

  KeptText() = default;
  KeptText(const KeptText&) = delete;
  KeptText& operator=(const KeptText&) = delete;
  ~KeptText() = default;

  /// Copies, each text cut to what is ever shown of it.
  /// @param with_referer  it is left out otherwise
  void keep(const RequestFacts& facts, bool with_referer);
  /// Not cut: it is the operator's.
  void set_route(std::string_view route);

  /// Empty where there was nothing.
  [[nodiscard]] std::string_view part(Part part) const noexcept {
    return part_of(all(), ends_, part);
  }
  /// All parts, one behind the other, and where they end.
  [[nodiscard]] std::string_view all() const noexcept {
    return {more_ != nullptr ? more_.get() : few_.data(), ends_.back()};
  }
  [[nodiscard]] const TextEnds& ends() const noexcept { return ends_; }
  [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
  [[nodiscard]] std::string_view scheme() const noexcept { return scheme_; }

 private:
  /// Bytes without an allocation: those of most requests.
  static constexpr std::size_t kFew = 256;

  /// Memory for so many bytes, of which the first are kept.
  [[nodiscard]] char* make_room(std::size_t kept, std::size_t size);

  TextEnds ends_{};
  std::size_t room_ = kFew;
  std::string_view protocol_;
  std::string_view scheme_;
  std::unique_ptr<char[]> more_;  ///< in place of few_, where they are many
  std::array<char, kFew> few_;    ///< not written to before there is something
};

}  // namespace whorl::telemetry
