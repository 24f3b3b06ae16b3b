#include "component/type_compare.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

namespace whorl::component {
namespace {

constexpr int kMaxDepth = 120;

std::string_view name_of(TypeKind kind) noexcept {
  return kind == TypeKind::Own ? "an owned handle" : to_string(kind);
}

/// What a member of such a type is called.
std::string_view member_word(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::Record:
      return "field";
    case TypeKind::Variant:
      return "case";
    case TypeKind::Tuple:
      return "member";
    default:
      return "label";
  }
}

/// Walks two graphs side by side. Equal pairs are remembered, so that shared parts are compared
/// once; the first difference ends the walk.
class Comparison {
 public:
  explicit Comparison(std::uint64_t& steps) noexcept : steps_(steps) {}

  [[nodiscard]] std::string types(const TypeRef& wanted, const TypeRef& offered) {
    if (wanted == offered) {
      return {};
    }
    if (wanted == nullptr || offered == nullptr) {
      return fmt::format("wants {}, is offered {}", described(wanted), described(offered));
    }
    if (wanted->kind != offered->kind) {
      return fmt::format("wants {}, is offered {}", to_wit(wanted), to_wit(offered));
    }
    if (!seen_.emplace(wanted.get(), offered.get()).second) {
      return {};
    }
    if (steps_ == 0 || ++depth_ > kMaxDepth) {
      return "the types are too large to be compared";
    }
    --steps_;
    std::string difference = insides(*wanted, *offered);
    --depth_;
    return difference;
  }

 private:
  static std::string described(const TypeRef& type) {
    return type == nullptr ? "no value" : to_wit(type);
  }

  [[nodiscard]] std::string inside(
      std::string_view place, const TypeRef& wanted, const TypeRef& offered
  ) {
    std::string difference = types(wanted, offered);
    return difference.empty() ? difference : fmt::format("{}: {}", place, difference);
  }

  [[nodiscard]] std::string insides(const Type& wanted, const Type& offered) {
    switch (wanted.kind) {
      case TypeKind::Record:
      case TypeKind::Variant:
      case TypeKind::Tuple:
      case TypeKind::Flags:
      case TypeKind::Enum:
        return members(wanted, offered);
      case TypeKind::List:
      case TypeKind::Stream:
      case TypeKind::Future:
      case TypeKind::Option:
        return inside(
            fmt::format("in the {}", to_string(wanted.kind)), wanted.element, offered.element
        );
      case TypeKind::FixedList:
        if (wanted.length != offered.length) {
          return fmt::format(
              "wants a list of {}, is offered one of {}", wanted.length, offered.length
          );
        }
        return inside("in the list", wanted.element, offered.element);
      case TypeKind::Map: {
        std::string key = inside("the key of the map", wanted.element, offered.element);
        return key.empty() ? inside("the value of the map", wanted.other, offered.other) : key;
      }
      case TypeKind::Result: {
        std::string ok = inside("the ok case of the result", wanted.element, offered.element);
        return ok.empty() ? inside("the error case of the result", wanted.other, offered.other)
                          : ok;
      }
      case TypeKind::Own:
      case TypeKind::Borrow:
        return handles(wanted, offered);
      default:
        return {};
    }
  }

  [[nodiscard]] static std::string handles(const Type& wanted, const Type& offered) {
    if (same_resource(wanted.resource, offered.resource)) {
      return {};
    }
    if (wanted.resource->name != offered.resource->name) {
      return fmt::format(
          "wants {} of the resource `{}`, is offered one of `{}`",
          wanted.kind == TypeKind::Own ? name_of(wanted.kind) : "a borrow",
          wanted.resource->name,
          offered.resource->name
      );
    }
    return fmt::format("the two resources called `{}` are not the same", wanted.resource->name);
  }

  [[nodiscard]] std::string members(const Type& wanted, const Type& offered) {
    const std::string_view word = member_word(wanted.kind);
    const std::size_t common = std::min(wanted.members.size(), offered.members.size());
    steps_ -= std::min<std::uint64_t>(steps_, common / 8);
    for (std::size_t i = 0; i < common; ++i) {
      const Member& a = wanted.members[i];
      const Member& b = offered.members[i];
      if (a.name != b.name) {
        return fmt::format(
            "{} {} of the {} is `{}`, is offered as `{}`",
            word,
            i + 1,
            to_string(wanted.kind),
            a.name,
            b.name
        );
      }
      const std::string place =
          a.name.empty() ? fmt::format("{} {}", word, i + 1) : fmt::format("{} `{}`", word, a.name);
      std::string difference = inside(place, a.type, b.type);
      if (!difference.empty()) {
        return difference;
      }
    }
    if (wanted.members.size() != offered.members.size()) {
      const bool missing = wanted.members.size() > offered.members.size();
      const Member& extra = missing ? wanted.members[common] : offered.members[common];
      return fmt::format(
          "the {} has {} {}s, is offered with {}{}",
          to_string(wanted.kind),
          wanted.members.size(),
          word,
          offered.members.size(),
          extra.name.empty() ? std::string()
                             : fmt::format(" ({} `{}`)", missing ? "without" : "also", extra.name)
      );
    }
    return {};
  }

  std::uint64_t& steps_;
  std::set<std::pair<const Type*, const Type*>> seen_;
  int depth_ = 0;
};

}  // namespace

bool same_resource(const ResourceRef& a, const ResourceRef& b) noexcept {
  const auto origin = [](const ResourceRef& of) {
    return of != nullptr && of->same_as != nullptr ? of->same_as.get() : of.get();
  };
  return origin(a) == origin(b) ||
         (a != nullptr && b != nullptr && a->host != nullptr && a->host == b->host);
}

std::string explain_difference(
    const TypeRef& wanted, const TypeRef& offered, std::uint64_t& steps
) {
  return Comparison(steps).types(wanted, offered);
}

std::string explain_difference(
    const FuncShape& wanted, const FuncShape& offered, std::uint64_t& steps
) {
  if (wanted.is_async != offered.is_async) {
    return fmt::format(
        "wants {} function, is offered {} one",
        wanted.is_async ? "an async" : "a synchronous",
        offered.is_async ? "an async" : "a synchronous"
    );
  }
  if (wanted.params.size() != offered.params.size()) {
    return fmt::format(
        "wants {} parameters, is offered {}", wanted.params.size(), offered.params.size()
    );
  }
  Comparison comparison(steps);
  for (std::size_t i = 0; i < wanted.params.size(); ++i) {
    const std::string difference = comparison.types(wanted.params[i].type, offered.params[i].type);
    if (!difference.empty()) {
      return fmt::format("parameter `{}`: {}", wanted.params[i].name, difference);
    }
  }
  const std::string difference = comparison.types(wanted.result, offered.result);
  return difference.empty() ? difference : fmt::format("result: {}", difference);
}

}  // namespace whorl::component
