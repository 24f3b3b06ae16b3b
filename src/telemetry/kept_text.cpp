#include "telemetry/kept_text.hpp"

#include "telemetry/put.hpp"
#include "telemetry/text.hpp"

#include <cstring>
#include <string>

namespace whorl::telemetry {
namespace {

/// Bytes of a method, name of a host, or user agent.
constexpr std::size_t kMaxShort = 1024;

}  // namespace

char* KeptText::make_room(std::size_t kept, std::size_t size) {
  char* const at = more_ != nullptr ? more_.get() : few_.data();
  if (size <= room_) [[likely]] {
    return at;
  }
  auto more = std::make_unique_for_overwrite<char[]>(size);
  std::memcpy(more.get(), at, kept);
  more_ = std::move(more);
  room_ = size;
  return more_.get();
}

void KeptText::keep(const RequestFacts& facts, bool with_referer) {
  std::string referer;
  if (with_referer && !facts.referer.empty()) [[unlikely]] {
    referer = without_secrets(facts.referer.substr(0, kMaxText));
  }
  const std::array<std::string_view, kTextParts> parts{
      facts.method.substr(0, kMaxShort),
      without_query(facts.target).substr(0, kMaxText),
      without_user(facts.authority).substr(0, kMaxShort),
      facts.client.substr(0, kMaxShort),
      facts.user_agent.substr(0, kMaxShort),
      referer,
      {},
  };
  std::size_t size = 0;
  for (std::size_t i = 0; i < kTextParts; ++i) {
    size += parts[i].size();
    ends_[i] = static_cast<std::uint32_t>(size);
  }
  char* at = make_room(0, size);
  for (const std::string_view part : parts) {
    if (!part.empty()) {
      at = put(at, part);
    }
  }
  protocol_ = facts.protocol;
  scheme_ = facts.scheme;
}

void KeptText::set_route(std::string_view route) {
  const std::size_t begin = ends_[kTextParts - 2];
  char* const at = make_room(begin, begin + route.size());
  put(at + begin, route);
  ends_[kTextParts - 1] = static_cast<std::uint32_t>(begin + route.size());
}

}  // namespace whorl::telemetry
