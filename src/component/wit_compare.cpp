#include "component/wit_compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace whorl::component::wit {
namespace {

constexpr int kMaxDepth = 120;
/// Pairs of types that are compared; real interfaces have a few hundred.
constexpr std::uint32_t kMaxSteps = 200'000;

using Why = std::vector<std::string>;

template <class... Args>
Why because(fmt::format_string<Args...> text, Args&&... args) {
  return {fmt::format(text, std::forward<Args>(args)...)};
}

/// Puts what was being compared before why it differs.
Why within(Why why, std::string place) {
  if (!why.empty()) {
    why.insert(why.begin(), std::move(place));
  }
  return why;
}

const Node& original(const Node& node) noexcept {
  const Node* out = &node;
  while (out->origin != nullptr) {
    out = out->origin.get();
  }
  return *out;
}

std::string_view kind_of(const Node& node) noexcept {
  switch (node.kind) {
    case Node::Kind::Func:
      return "function";
    case Node::Kind::Resource:
      return "resource";
    case Node::Kind::Scope:
      return "component";
    case Node::Kind::Value:
      break;
  }
  if (node.value == TypeKind::FixedList) {
    return "list<,N>";
  }
  return to_string(node.value);
}

/// How a part of a record, variant, enum or flags is called.
struct PartWords {
  std::string_view type;   ///< "a record"
  std::string_view part;   ///< "field"
  std::string_view count;  ///< "a record field count"
};
PartWords words_of(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::Record:
      return {"record field", "a field", "a record field count"};
    case TypeKind::Variant:
      return {"variant case", "a case", "a variant case count"};
    case TypeKind::Enum:
      return {"enum case", "an enum case", "an enum type case count"};
    default:
      return {"flag", "a flag", "a flags type flag count"};
  }
}

class Comparison {
 public:
  [[nodiscard]] Why items(const Item& expected, const Item& found, Side side) {
    const auto* wanted = std::get_if<InterfaceRef>(&expected.what);
    const auto* given = std::get_if<InterfaceRef>(&found.what);
    if (wanted != nullptr && given != nullptr) {
      return *wanted == nullptr || *given == nullptr ? Why() : interfaces(**wanted, **given, side);
    }
    const auto* wanted_node = std::get_if<NodeRef>(&expected.what);
    const auto* given_node = std::get_if<NodeRef>(&found.what);
    if (wanted_node != nullptr && given_node != nullptr) {
      return nodes(*wanted_node, *given_node);
    }
    if (std::holds_alternative<std::monostate>(expected.what) ||
        std::holds_alternative<std::monostate>(found.what)) {
      return {};
    }
    return because("expected {}, found {}", wit::kind_of(expected), wit::kind_of(found));
  }

 private:
  [[nodiscard]] Why interfaces(const Interface& expected, const Interface& found, Side side) {
    const bool is_import = side == Side::Import;
    const Interface& needs = is_import ? found : expected;
    const Interface& has = is_import ? expected : found;
    std::map<std::string_view, const Item*> by_name;
    for (const Item& item : has.items) {
      by_name.emplace(item.name, &item);
    }
    for (const Item& item : needs.items) {
      const auto other = by_name.find(item.name);
      if (other == by_name.end()) {
        return because(
            "instance {} {} export `{}`",
            is_import ? "has unexpected" : "is missing expected",
            wit::kind_of(item),
            item.name
        );
      }
      Why why = is_import ? items(*other->second, item, side) : items(item, *other->second, side);
      if (!why.empty()) {
        return within(std::move(why), fmt::format("mismatched type for export `{}`", item.name));
      }
    }
    return {};
  }

  [[nodiscard]] Why nodes(const NodeRef& expected, const NodeRef& found) {
    if (expected == nullptr || found == nullptr || expected == found) {
      return {};
    }
    const bool is_scope = expected->kind == Node::Kind::Scope || found->kind == Node::Kind::Scope;
    if (is_scope || !seen_.emplace(expected.get(), found.get()).second) {
      return {};
    }
    if (++steps_ > kMaxSteps || depth_ > kMaxDepth) {
      return because("the types are too large to be compared");
    }
    ++depth_;
    Why why = different(*expected, *found);
    --depth_;
    return why;
  }

  [[nodiscard]] Why different(const Node& expected, const Node& found) {
    if (expected.kind != found.kind ||
        (expected.kind == Node::Kind::Value && expected.value != found.value)) {
      return because("expected {}, found {}", kind_of(expected), kind_of(found));
    }
    if (expected.kind == Node::Kind::Func) {
      return functions(expected, found);
    }
    if (expected.kind == Node::Kind::Resource) {
      return resources(expected, found);
    }
    return values(expected, found);
  }

  [[nodiscard]] static Why resources(const Node& expected, const Node& found) {
    const std::string& wanted = original(expected).name;
    const std::string& given = original(found).name;
    return wanted == given ? Why()
                           : because("expected resource `{}`, found resource `{}`", wanted, given);
  }

  [[nodiscard]] Why functions(const Node& expected, const Node& found) {
    if (expected.is_async != found.is_async) {
      const auto word = [](const Node& node) { return node.is_async ? "async" : "sync"; };
      return because("expected {} function, found {} function", word(expected), word(found));
    }
    if (expected.parts.size() != found.parts.size()) {
      return because(
          "expected function with parameter count {}, found parameter count {}",
          expected.parts.size(),
          found.parts.size()
      );
    }
    for (std::size_t i = 0; i < expected.parts.size(); ++i) {
      const Node::Part& wanted = expected.parts[i];
      const Node::Part& given = found.parts[i];
      if (wanted.name != given.name) {
        return because(
            "expected function parameter {} to be named `{}`, found name `{}`",
            i,
            wanted.name,
            given.name
        );
      }
      Why why = nodes(wanted.type, given.type);
      if (!why.empty()) {
        return within(
            std::move(why), fmt::format("mismatched type for function parameter `{}`", given.name)
        );
      }
    }
    if ((expected.element == nullptr) != (found.element == nullptr)) {
      return because(
          "expected function {} a result, found function {} a result",
          expected.element == nullptr ? "without" : "with",
          found.element == nullptr ? "without" : "with"
      );
    }
    return within(nodes(expected.element, found.element), "mismatched type for function result");
  }

  [[nodiscard]] Why values(const Node& expected, const Node& found) {
    switch (expected.value) {
      case TypeKind::Record:
      case TypeKind::Variant:
      case TypeKind::Enum:
      case TypeKind::Flags:
        return members(expected, found);
      case TypeKind::Tuple:
        return tuple(expected, found);
      case TypeKind::Result: {
        Why ok = side("ok", expected.element, found.element);
        return ok.empty() ? side("err", expected.other, found.other) : ok;
      }
      case TypeKind::Own:
      case TypeKind::Borrow:
        return expected.element == nullptr || found.element == nullptr
                   ? Why()
                   : resources(*expected.element, *found.element);
      case TypeKind::FixedList:
        if (expected.length != found.length) {
          return because("mismatched size for fixed size list element");
        }
        return within(
            nodes(expected.element, found.element), "mismatched type for fixed size list element"
        );
      case TypeKind::Stream:
      case TypeKind::Future:
        if ((expected.element == nullptr) != (found.element == nullptr)) {
          return expected.element == nullptr ? because("expected no type payload, found one")
                                             : because("expected a type payload, found none");
        }
        return within(
            nodes(expected.element, found.element),
            fmt::format("mismatched type for {} payload", to_string(expected.value))
        );
      case TypeKind::Map: {
        Why key = within(nodes(expected.element, found.element), "mismatched type for map key");
        return key.empty()
                   ? within(nodes(expected.other, found.other), "mismatched type for map value")
                   : key;
      }
      case TypeKind::List:
        return within(nodes(expected.element, found.element), "mismatched type for list element");
      case TypeKind::Option:
        return within(nodes(expected.element, found.element), "mismatched type for option");
      default:
        return {};
    }
  }

  [[nodiscard]] Why side(std::string_view name, const NodeRef& expected, const NodeRef& found) {
    if ((expected == nullptr) != (found == nullptr)) {
      return expected == nullptr ? because("expected no `{}` for result type", name)
                                 : because("expected an `{}` for result type", name);
    }
    return within(nodes(expected, found), fmt::format("mismatched type for result `{}`", name));
  }

  [[nodiscard]] Why tuple(const Node& expected, const Node& found) {
    if (expected.parts.size() != found.parts.size()) {
      return because(
          "expected a tuple of size {}, found a tuple of size {}",
          expected.parts.size(),
          found.parts.size()
      );
    }
    for (std::size_t i = 0; i < expected.parts.size(); ++i) {
      Why why = nodes(expected.parts[i].type, found.parts[i].type);
      if (!why.empty()) {
        return within(std::move(why), fmt::format("mismatched type for tuple item {}", i));
      }
    }
    return {};
  }

  [[nodiscard]] Why members(const Node& expected, const Node& found) {
    const PartWords words = words_of(expected.value);
    if (expected.parts.size() != found.parts.size()) {
      return because(
          "expected {} of {}, found a count of {}",
          words.count,
          expected.parts.size(),
          found.parts.size()
      );
    }
    for (std::size_t i = 0; i < expected.parts.size(); ++i) {
      const Node::Part& wanted = expected.parts[i];
      const Node::Part& given = found.parts[i];
      if (wanted.name != given.name) {
        return because(
            "expected {} {} to be named `{}`, found {} named `{}`",
            words.type,
            i,
            wanted.name,
            words.part,
            given.name
        );
      }
      if ((wanted.type == nullptr) != (given.type == nullptr)) {
        return wanted.type == nullptr
                   ? because(
                         "expected variant case `{}` to be untyped, found a typed case", given.name
                     )
                   : because(
                         "expected variant case `{}` to be typed, found an untyped case", given.name
                     );
      }
      Why why = nodes(wanted.type, given.type);
      if (!why.empty()) {
        return within(
            std::move(why), fmt::format("mismatched type for {} `{}`", words.type, given.name)
        );
      }
    }
    return {};
  }

  std::set<std::pair<const Node*, const Node*>> seen_;
  std::uint32_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string_view kind_of(const Item& item) noexcept {
  const auto* node = std::get_if<NodeRef>(&item.what);
  return node != nullptr && *node != nullptr ? kind_of(**node) : std::string_view("instance");
}

std::vector<std::string> difference(const Item& expected, const Item& found, Side side) {
  return Comparison().items(expected, found, side);
}

}  // namespace whorl::component::wit
