// Worlds as WIT text.
#include "component/names.hpp"
#include "component/wit_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace whorl::component::wit {
namespace {

constexpr std::size_t kMaxText = std::size_t{4} << 20;
constexpr int kMaxDepth = 100;
constexpr std::string_view kStep = "  ";

/// A label, escaped where it is a word of WIT.
std::string label(std::string_view name) {
  static const std::set<std::string_view> kWords = {
      "as",       "async",         "bool",   "borrow", "char",    "constructor",
      "enum",     "error-context", "export", "f32",    "f64",     "flags",
      "from",     "func",          "future", "import", "include", "interface",
      "list",     "map",           "option", "own",    "package", "record",
      "resource", "result",        "s16",    "s32",    "s64",     "s8",
      "static",   "stream",        "string", "tuple",  "type",    "u16",
      "u32",      "u64",           "u8",     "use",    "variant", "with",
      "world",
  };
  return kWords.contains(name) ? fmt::format("%{}", name) : std::string(name);
}

/// "wasi:io/error@0.2.0" apart.
struct InterfaceName {
  std::string package;  ///< "wasi:io@0.2.0"
  std::string interface;
};
std::optional<InterfaceName> split(std::string_view name) {
  const auto slash = name.find('/');
  const auto version = name.find('@');
  if (slash == std::string_view::npos || slash > version) {
    return std::nullopt;
  }
  return InterfaceName{
      std::string(name.substr(0, slash)) +
          std::string(version == std::string_view::npos ? "" : name.substr(version)),
      std::string(
          name.substr(slash + 1, version == std::string_view::npos ? version : version - slash - 1)
      ),
  };
}

class Printer {
 public:
  [[nodiscard]] std::string world(const World& world) {
    out_ = "package root:component;\n\nworld root {\n";
    items_of_world("import", world.imports);
    items_of_world("export", world.exports);
    out_ += "}\n";
    collect(world.imports);
    collect(world.exports);
    packages();
    return std::move(out_);
  }

  [[nodiscard]] std::string imports(
      const std::vector<Imported>& imports, const std::vector<Item>& others
  ) {
    out_ = "package root:component;\n\nworld root {\n";
    std::set<std::string_view> named;
    std::vector<std::string> used;
    for (const Imported& import : imports) {
      if (named.insert(import.name).second) {
        out_ += fmt::format("{}import {};\n", kStep, import.name);
        collect(import.name, import.original, import.interface);
        note_uses(*import.interface, import.original, used);
      }
    }
    out_ += "}\n";
    while (!used.empty()) {
      const std::string name = std::move(used.back());
      used.pop_back();
      const auto found = std::ranges::find(others, name, &Item::name);
      const auto* interface =
          found == others.end() ? nullptr : std::get_if<InterfaceRef>(&found->what);
      if (interface != nullptr && *interface != nullptr && collect(name, found->name, *interface)) {
        note_uses(**interface, name, used);
      }
    }
    packages();
    return std::move(out_);
  }

 private:
  /// The interfaces that an interface's types come from.
  static void note_uses(
      const Interface& interface, std::string_view own, std::vector<std::string>& used
  ) {
    for (const Item& item : interface.items) {
      const auto* node = std::get_if<NodeRef>(&item.what);
      if (node == nullptr || *node == nullptr || (*node)->origin == nullptr) {
        continue;
      }
      const std::string& owner = (*node)->origin->owner;
      if (!owner.empty() && owner != own) {
        used.push_back(owner);
      }
    }
  }

  void items_of_world(std::string_view direction, const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (is_full()) {
        return;
      }
      if (const auto* interface = std::get_if<InterfaceRef>(&item.what)) {
        if (split(item.name)) {
          out_ += fmt::format("{}{} {};\n", kStep, direction, item.name);
        } else {
          out_ += fmt::format("{}{} {}: interface {{\n", kStep, direction, label(item.name));
          body(*interface, item.name, std::string(kStep) + std::string(kStep));
          out_ += fmt::format("{}}}\n", kStep);
        }
      } else if (const auto* node = std::get_if<NodeRef>(&item.what); node != nullptr && *node) {
        if ((*node)->kind == Node::Kind::Func) {
          out_ += fmt::format("{}{} {}: ", kStep, direction, label(item.name));
          func(**node);
          out_ += ";\n";
        } else if ((*node)->kind != Node::Kind::Scope) {
          methods_.clear();
          definition(**node, item.name, "", std::string(kStep));
        }
      } else {
        out_ +=
            fmt::format("{}// {} {}: a core module or a component\n", kStep, direction, item.name);
      }
    }
  }

  void collect(const std::vector<Item>& items) {
    for (const Item& item : items) {
      const auto* interface = std::get_if<InterfaceRef>(&item.what);
      if (interface == nullptr || *interface == nullptr) {
        continue;
      }
      collect(item.name, item.name, *interface);
    }
  }

  /// @param original  the name that its types are known by
  /// @return whether it is new
  bool collect(std::string_view full, std::string_view original, const InterfaceRef& interface) {
    const auto name = split(full);
    if (!name || !seen_.insert(std::string(full)).second) {
      return false;
    }
    const auto [place, is_new] = package_of_.try_emplace(name->package, packages_.size());
    if (is_new) {
      packages_.push_back({name->package, {}});
    }
    packages_[place->second].interfaces.push_back(
        {name->interface, std::string(original), interface}
    );
    return true;
  }

  void packages() {
    for (const Package& package : packages_) {
      out_ += fmt::format("\npackage {} {{\n", package.name);
      bool is_first = true;
      for (const auto& [name, full, interface] : package.interfaces) {
        out_ += fmt::format("{}{}interface {} {{\n", is_first ? "" : "\n", kStep, label(name));
        body(interface, full, std::string(kStep) + std::string(kStep));
        out_ += fmt::format("{}}}\n", kStep);
        is_first = false;
      }
      out_ += "}\n";
    }
  }

  /// Types, then functions; those of a resource stand in it.
  void body(const InterfaceRef& interface, std::string_view owner, const std::string& indent) {
    if (interface == nullptr) {
      return;
    }
    methods_.clear();
    for (const Item& item : interface->items) {
      if (const auto parsed = parse_extern_name(item.name); parsed && !parsed->resource.empty()) {
        methods_[parsed->resource].push_back(&item);
      }
    }
    for (const Item& item : interface->items) {
      if (is_full()) {
        return;
      }
      if (std::holds_alternative<InterfaceRef>(item.what)) {
        out_ += fmt::format("{}// {}: an interface in an interface\n", indent, item.name);
        continue;
      }
      const auto* node = std::get_if<NodeRef>(&item.what);
      if (node == nullptr || *node == nullptr) {
        continue;
      }
      if ((*node)->kind != Node::Kind::Func) {
        definition(**node, item.name, owner, indent);
      } else if (!item.name.starts_with('[')) {
        out_ += fmt::format("{}{}: ", indent, label(item.name));
        func(**node);
        out_ += ";\n";
      }
    }
  }

  void definition(
      const Node& node, std::string_view name, std::string_view owner, const std::string& indent
  ) {
    if (node.origin != nullptr) {
      another_name(*node.origin, name, owner, indent);
      return;
    }
    if (node.kind == Node::Kind::Resource) {
      resource(name, indent);
      return;
    }
    switch (node.value) {
      case TypeKind::Record:
        block("record", node, name, indent, true);
        return;
      case TypeKind::Variant:
        cases(node, name, indent);
        return;
      case TypeKind::Enum:
        block("enum", node, name, indent, false);
        return;
      case TypeKind::Flags:
        block("flags", node, name, indent, false);
        return;
      default:
        out_ += fmt::format("{}type {} = ", indent, label(name));
        structure(node, 0);
        out_ += ";\n";
        return;
    }
  }

  void another_name(
      const Node& origin, std::string_view name, std::string_view owner, const std::string& indent
  ) {
    if (origin.owner == owner || origin.owner.empty()) {
      if (origin.name != name) {
        out_ += fmt::format("{}type {} = {};\n", indent, label(name), label(origin.name));
      }
      return;
    }
    const std::string renamed =
        origin.name == name ? std::string() : fmt::format(" as {}", label(name));
    out_ += fmt::format("{}use {}.{{{}{}}};\n", indent, origin.owner, label(origin.name), renamed);
  }

  void resource(std::string_view name, const std::string& indent) {
    std::string inside;
    const auto found = methods_.find(name);
    for (const Item* item : found == methods_.end() ? std::vector<const Item*>() : found->second) {
      const auto* node = std::get_if<NodeRef>(&item->what);
      const auto parsed = parse_extern_name(item->name);
      if (node == nullptr || *node == nullptr || !parsed || is_full() || inside.size() > kMaxText) {
        continue;
      }
      std::swap(out_, inside);
      out_ += indent + std::string(kStep);
      if (parsed->kind == ExternName::Kind::Constructor) {
        out_ += "constructor";
        parameters(**node, 0);
      } else if (parsed->kind == ExternName::Kind::Static) {
        out_ += fmt::format("{}: static ", label(parsed->label));
        func(**node);
      } else {
        out_ += fmt::format("{}: ", label(parsed->label));
        func(**node, 1);
      }
      out_ += ";\n";
      std::swap(out_, inside);
    }
    out_ += inside.empty() ? fmt::format("{}resource {};\n", indent, label(name))
                           : fmt::format("{}resource {} {{\n", indent, label(name));
    // Methods were written to `inside` one after the other.
    out_ += inside;
    out_ += inside.empty() ? std::string() : indent + "}\n";
  }

  void block(
      std::string_view keyword,
      const Node& node,
      std::string_view name,
      const std::string& indent,
      bool has_types
  ) {
    out_ += fmt::format("{}{} {} {{\n", indent, keyword, label(name));
    for (const Node::Part& part : node.parts) {
      out_ += indent + std::string(kStep) + label(part.name);
      if (has_types) {
        out_ += ": ";
        type(part.type, 0);
      }
      out_ += ",\n";
    }
    out_ += indent + "}\n";
  }

  void cases(const Node& node, std::string_view name, const std::string& indent) {
    out_ += fmt::format("{}variant {} {{\n", indent, label(name));
    for (const Node::Part& part : node.parts) {
      out_ += indent + std::string(kStep) + label(part.name);
      if (part.type != nullptr) {
        out_ += '(';
        type(part.type, 0);
        out_ += ')';
      }
      out_ += ",\n";
    }
    out_ += indent + "}\n";
  }

  void parameters(const Node& node, std::size_t skip) {
    out_ += '(';
    for (std::size_t i = skip; i < node.parts.size(); ++i) {
      out_ += i == skip ? "" : ", ";
      out_ += label(node.parts[i].name) + ": ";
      type(node.parts[i].type, 0);
    }
    out_ += ')';
  }

  void func(const Node& node, std::size_t skip = 0) {
    out_ += node.is_async ? "async func" : "func";
    parameters(node, skip);
    if (node.element != nullptr) {
      out_ += " -> ";
      type(node.element, 0);
    }
  }

  void type(const NodeRef& node, int depth) {
    if (node == nullptr || is_full() || depth > kMaxDepth) {
      out_ += '_';
    } else if (!node->name.empty()) {
      out_ += label(node->name);
    } else {
      structure(*node, depth);
    }
  }

  void arguments(const Node& node, int depth) {
    out_ += '<';
    type(node.element, depth + 1);
    if (node.other != nullptr) {
      out_ += ", ";
      type(node.other, depth + 1);
    }
    out_ += '>';
  }

  void structure(const Node& node, int depth) {
    switch (node.value) {
      case TypeKind::Own:
        type(node.element, depth + 1);
        return;
      case TypeKind::FixedList:
        out_ += "list<";
        type(node.element, depth + 1);
        out_ += fmt::format(", {}>", node.length);
        return;
      case TypeKind::Tuple:
        out_ += "tuple<";
        for (std::size_t i = 0; i < node.parts.size(); ++i) {
          out_ += i == 0 ? "" : ", ";
          type(node.parts[i].type, depth + 1);
        }
        out_ += '>';
        return;
      case TypeKind::Record:
      case TypeKind::Variant:
      case TypeKind::Enum:
      case TypeKind::Flags:
        inline_parts(node, depth);
        return;
      default:
        break;
    }
    out_ += component::to_string(node.value);
    if (node.element != nullptr || node.other != nullptr) {
      arguments(node, depth);
    }
  }

  /// A type without a name, which WIT has no words for: only tools can make it.
  void inline_parts(const Node& node, int depth) {
    out_ += component::to_string(node.value);
    out_ += " { ";
    for (std::size_t i = 0; i < node.parts.size() && !is_full(); ++i) {
      out_ += (i == 0 ? "" : ", ") + label(node.parts[i].name);
      if (node.parts[i].type != nullptr) {
        out_ += node.value == TypeKind::Record ? ": " : "(";
        type(node.parts[i].type, depth + 1);
        out_ += node.value == TypeKind::Record ? "" : ")";
      }
    }
    out_ += " }";
  }

  [[nodiscard]] bool is_full() const noexcept { return out_.size() > kMaxText; }

  struct Package {
    struct Member {
      std::string name;
      std::string full;
      InterfaceRef interface;
    };
    std::string name;
    std::vector<Member> interfaces;
  };
  std::string out_;
  std::set<std::string, std::less<>> seen_;
  std::map<std::string, std::size_t> package_of_;
  std::vector<Package> packages_;
  /// Functions of the interface that is printed, by the resource they belong to.
  std::map<std::string_view, std::vector<const Item*>> methods_;
};

}  // namespace

std::string to_text(const World& world) {
  return Printer().world(world);
}

std::string to_text(const std::vector<Imported>& imports, const std::vector<Item>& others) {
  return Printer().imports(imports, others);
}

}  // namespace whorl::component::wit
