/// Values of the interfaces' versions to ours and back. Private to the folder. @thread any
#pragma once

#include "host/redis/redis_functions.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace whorl::host::redis {

/// Parameters of all versions hold the alternatives of ours.
template <class Theirs>
std::vector<Argument> to_arguments(std::vector<Theirs>&& theirs) {
  std::vector<Argument> made;
  made.reserve(theirs.size());
  for (Theirs& each : theirs) {
    static_assert(std::is_same_v<decltype(each.payload), Argument>);
    made.push_back(std::move(each.payload));
  }
  return made;
}

/// So do results, whose cases have the order of ours.
template <class Theirs>
std::vector<Theirs> from_parts(std::vector<std::pair<PartTag, Part>>&& parts) {
  std::vector<Theirs> made;
  made.reserve(parts.size());
  for (auto& [tag, part] : parts) {
    Theirs& each = made.emplace_back();
    static_assert(std::is_same_v<decltype(each.payload), Part>);
    each.tag = static_cast<typename Theirs::Tag>(tag);
    each.payload = std::move(part);
  }
  return made;
}

[[nodiscard]] inline Result<std::uint32_t> to_u32(Result<std::int64_t> number) {
  WHORL_TRY(const std::int64_t value, std::move(number));
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::uint32_t>::max())
  );
}

}  // namespace whorl::host::redis
