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
  const std::string_view method = facts.method.substr(0, kMaxShort);
  const std::string_view path = without_query(facts.target).substr(0, kMaxText);
  const std::string_view authority = without_user(facts.authority).substr(0, kMaxShort);
  const std::string_view client = facts.client.substr(0, kMaxShort);
  const std::string_view agent = facts.user_agent.substr(0, kMaxShort);
  char* const begin = make_room(
      0,
      method.size() + path.size() + authority.size() + client.size() + agent.size() + referer.size()
  );
  char* at = begin;
  TextEnds ends;
  const auto take = [&](TextPart part, std::string_view text) {
    at = put(at, text);
    ends[static_cast<std::size_t>(part)] = static_cast<std::uint32_t>(at - begin);
  };
  take(TextPart::Method, method);
  take(TextPart::Path, path);
  take(TextPart::Authority, authority);
  take(TextPart::Client, client);
  take(TextPart::UserAgent, agent);
  take(TextPart::Referer, referer);
  ends[static_cast<std::size_t>(TextPart::Route)] = static_cast<std::uint32_t>(at - begin);
  ends_ = ends;
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
