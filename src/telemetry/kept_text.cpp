#include "telemetry/kept_text.hpp"

#include "telemetry/put.hpp"
#include "telemetry/text.hpp"

namespace whorl::telemetry {
namespace {

/// Bytes of a method, name of a host, or user agent.
constexpr std::size_t kMaxShort = 1024;
/// Bytes for the route, which becomes known later: more of them cost another allocation.
constexpr std::size_t kRouteRoom = 48;

}  // namespace

void KeptText::keep(const RequestFacts& facts, bool with_referer) {
  std::string referer;
  if (with_referer && !facts.referer.empty()) [[unlikely]] {
    referer = without_secrets(facts.referer.substr(0, kMaxText));
  }
  const std::array<std::string_view, kParts> parts{
      facts.method.substr(0, kMaxShort),
      without_query(facts.target).substr(0, kMaxText),
      facts.authority.substr(facts.authority.rfind('@') + 1).substr(0, kMaxShort),
      facts.client.substr(0, kMaxShort),
      facts.user_agent.substr(0, kMaxShort),
      referer,
      {},
  };
  std::size_t size = 0;
  for (const std::string_view part : parts) {
    size += part.size();
  }
  bytes_.clear();
  bytes_.reserve(size + kRouteRoom);
  bytes_.resize_and_overwrite(size, [&](char* at, std::size_t) {
    const char* const begin = at;
    for (std::size_t i = 0; i < kParts; ++i) {
      at = put(at, parts[i]);
      ends_[i] = static_cast<std::uint32_t>(at - begin);
    }
    return size;
  });
  protocol_ = facts.protocol;
  scheme_ = facts.scheme;
}

void KeptText::set_route(std::string_view route) {
  bytes_.resize(ends_[kParts - 2]);
  bytes_ += route;
  ends_[kParts - 1] = static_cast<std::uint32_t>(bytes_.size());
}

}  // namespace whorl::telemetry
