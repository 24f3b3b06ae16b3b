#include "build/environment.hpp"

#include "component/names.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace whorl::build {
namespace {

using manifest::Entry;
using manifest::Node;

class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  [[nodiscard]] Result<Environment> environment(const Node& root) const {
    static constexpr std::array<std::string_view, 3> kKnown = {"triggers", "default", "metadata"};
    WHORL_CHECKED(only(root, kKnown));
    Environment out;
    const Entry* triggers = root.find("triggers");
    if (triggers == nullptr) {
      return error(root, "missing field `triggers`");
    }
    WHORL_CHECKED(table(triggers->value, "a map"));
    for (const Entry& entry : triggers->value.entries) {
      WHORL_TRY(out.triggers[entry.name], trigger(entry.value));
    }
    if (const Entry* others = root.find("default")) {
      WHORL_TRY(out.others, trigger(others->value));
    }
    if (const Entry* metadata = root.find("metadata")) {
      WHORL_CHECKED(table(metadata->value, "struct Metadata"));
    }
    return out;
  }

 private:
  [[nodiscard]] Error error(const Node& node, std::string message) const {
    return manifest::render({node.span, std::move(message), {}}, text_, file_);
  }

  [[nodiscard]] Result<void> table(const Node& node, std::string_view expected) const {
    if (node.is(Node::Kind::Table)) {
      return {};
    }
    return error(
        node, fmt::format("invalid type: {}, expected {}", node.to_value().describe(), expected)
    );
  }

  [[nodiscard]] Result<void> only(const Node& node, std::span<const std::string_view> known) const {
    for (const Entry& entry : node.entries) {
      if (std::ranges::find(known, entry.name) == known.end()) {
        return manifest::render(
            {entry.name_span,
             fmt::format(
                 "unknown field `{}`, expected {}`{}`",
                 entry.name,
                 known.size() == 2 ? "" : "one of ",
                 fmt::join(known, known.size() == 2 ? "` or `" : "`, `")
             ),
             {}},
            text_,
            file_
        );
      }
    }
    return {};
  }

  [[nodiscard]] Result<TriggerEnvironment> trigger(const Node& node) const {
    WHORL_CHECKED(table(node, "struct TriggerEnvironment"));
    static constexpr std::array<std::string_view, 2> kKnown = {"worlds", "capabilities"};
    WHORL_CHECKED(only(node, kKnown));
    TriggerEnvironment out;
    const Entry* worlds = node.find("worlds");
    if (worlds == nullptr) {
      return error(node, "missing field `worlds`");
    }
    WHORL_CHECKED(list(worlds->value));
    for (const Node& item : worlds->value.items) {
      WHORL_TRY(WorldReference found, reference(item, worlds->value));
      out.worlds.push_back(std::move(found));
    }
    if (const Entry* capabilities = node.find("capabilities")) {
      WHORL_CHECKED(list(capabilities->value));
      for (const Node& item : capabilities->value.items) {
        if (!item.is(Node::Kind::String)) {
          return error(
              item, fmt::format("invalid type: {}, expected a string", item.to_value().describe())
          );
        }
        out.capabilities.push_back(item.text);
      }
    }
    return out;
  }

  [[nodiscard]] Result<void> list(const Node& node) const {
    if (node.is(Node::Kind::Array)) {
      return {};
    }
    return error(
        node, fmt::format("invalid type: {}, expected a sequence", node.to_value().describe())
    );
  }

  /// A world's name, or a table of it and where it is. @param all  what an error points at
  [[nodiscard]] Result<WorldReference> reference(const Node& node, const Node& all) const {
    using enum WorldReference::Place;
    WorldReference out;
    bool is_right = true;
    if (node.is(Node::Kind::String)) {
      out.world = node.text;
    } else {
      const Entry* world = node.find("world");
      is_right = node.is(Node::Kind::Table) && node.entries.size() == 2 && world != nullptr &&
                 world->value.is(Node::Kind::String);
      for (const Entry& entry : node.entries) {
        if (!is_right || &entry == world) {
          continue;
        }
        is_right = entry.value.is(Node::Kind::String) &&
                   (entry.name == "registry" || entry.name == "reference" || entry.name == "path");
        out.place = entry.name == "registry"    ? Registry
                    : entry.name == "reference" ? Reference
                                                : Folder;
        out.where = entry.value.text;
      }
      out.world = is_right ? world->value.text : std::string();
    }
    if (!is_right || !component::parse_interface_name(out.world)) {
      return error(all, "data did not match any variant of untagged enum WorldRef")
          .with_help(
              "a world is \"namespace:package/world@version\", or a table of `world` and one of "
              "`path`, `registry`, `reference`"
          );
    }
    return out;
  }

  std::string_view text_;
  std::string_view file_;
};

}  // namespace

const TriggerEnvironment* Environment::find(std::string_view trigger_type) const {
  const auto found = triggers.find(std::string(trigger_type));
  if (found != triggers.end()) {
    return &found->second;
  }
  return others ? &*others : nullptr;
}

Result<Environment> parse_environment(std::string_view text, std::string_view file_name) {
  WHORL_TRY(const Node root, manifest::parse_document(text, file_name));
  return Reader(text, file_name).environment(root);
}

}  // namespace whorl::build
