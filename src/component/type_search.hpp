/// Looking for kinds of types inside of others. Private to the room.
#pragma once

#include "component/types.hpp"

#include <algorithm>
#include <unordered_set>

namespace whorl::component {

/// Whether values of a type contain borrowed handles.
///
/// @param walked  types that hold none, or are being looked at: shared parts are walked once
[[nodiscard]] inline bool holds_borrow(
    const TypeRef& type, std::unordered_set<const Type*>& walked
) {
  if (type == nullptr || !walked.insert(type.get()).second) {
    return false;
  }
  return type->kind == TypeKind::Borrow || holds_borrow(type->element, walked) ||
         holds_borrow(type->other, walked) ||
         std::ranges::any_of(type->members, [&](const Member& member) {
           return holds_borrow(member.type, walked);
         });
}

}  // namespace whorl::component
