#include "component/types.hpp"

#include <array>
#include <string_view>

namespace whorl::component {

std::string_view name_of(ResourceKey key) noexcept {
  if (key.identity == nullptr) {
    return {};
  }
  if (key.is_host) {
    return static_cast<const ResourceTag*>(key.identity)->name;
  }
  return static_cast<const ResourceType*>(key.identity)->name;
}
namespace {

/// Types are graphs with shared parts: their text can be exponentially long, so it is cut here.
constexpr std::size_t kMaxText = 600;

class Printer {
 public:
  void type(const TypeRef& type) {
    if (is_full()) {
      return;
    }
    if (type == nullptr) {
      text_ += '_';
      return;
    }
    switch (type->kind) {
      case TypeKind::Record:
        members("record { ", type->members, " }");
        break;
      case TypeKind::Variant:
        cases(type->members);
        break;
      case TypeKind::Flags:
        labels("flags { ", type->members);
        break;
      case TypeKind::Enum:
        labels("enum { ", type->members);
        break;
      case TypeKind::Tuple:
        tuple(type->members);
        break;
      case TypeKind::FixedList:
        text_ += "list<";
        this->type(type->element);
        text_ += ", " + std::to_string(type->length) + ">";
        break;
      case TypeKind::Result:
        result(*type);
        break;
      case TypeKind::Own:
        text_ += type->resource->name;
        break;
      case TypeKind::Borrow:
        text_ += "borrow<" + type->resource->name + ">";
        break;
      case TypeKind::Map:
        text_ += "map<";
        this->type(type->element);
        text_ += ", ";
        this->type(type->other);
        text_ += '>';
        break;
      default:
        simple(*type);
        break;
    }
  }

  void func(const FuncShape& func) {
    text_ += func.is_async ? "async func(" : "func(";
    list(func.params);
    text_ += ')';
    if (func.result != nullptr) {
      text_ += " -> ";
      type(func.result);
    }
  }

  [[nodiscard]] std::string take() {
    if (is_full()) {
      text_.resize(kMaxText);
      text_ += "…";
    }
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool is_full() const noexcept { return text_.size() > kMaxText; }

  void list(const std::vector<Member>& items) {
    bool first = true;
    for (const Member& item : items) {
      if (is_full()) {
        return;
      }
      text_ += first ? "" : ", ";
      first = false;
      text_ += item.name + ": ";
      type(item.type);
    }
  }

  void members(std::string_view open, const std::vector<Member>& items, std::string_view close) {
    text_ += open;
    list(items);
    text_ += close;
  }

  void cases(const std::vector<Member>& items) {
    text_ += "variant { ";
    for (std::size_t i = 0; i < items.size() && !is_full(); ++i) {
      text_ += (i == 0 ? "" : ", ") + items[i].name;
      if (items[i].type != nullptr) {
        text_ += '(';
        type(items[i].type);
        text_ += ')';
      }
    }
    text_ += " }";
  }

  void labels(std::string_view open, const std::vector<Member>& items) {
    text_ += open;
    for (std::size_t i = 0; i < items.size() && !is_full(); ++i) {
      text_ += (i == 0 ? "" : ", ") + items[i].name;
    }
    text_ += " }";
  }

  void tuple(const std::vector<Member>& items) {
    text_ += "tuple<";
    for (std::size_t i = 0; i < items.size() && !is_full(); ++i) {
      text_ += i == 0 ? "" : ", ";
      type(items[i].type);
    }
    text_ += '>';
  }

  void result(const Type& of) {
    text_ += "result";
    if (of.element == nullptr && of.other == nullptr) {
      return;
    }
    text_ += '<';
    type(of.element);
    if (of.other != nullptr) {
      text_ += ", ";
      type(of.other);
    }
    text_ += '>';
  }

  void simple(const Type& of) {
    text_ += to_string(of.kind);
    if (of.kind == TypeKind::List || of.kind == TypeKind::Option || of.element != nullptr) {
      text_ += '<';
      type(of.element);
      text_ += '>';
    }
  }

  std::string text_;
};

}  // namespace

std::string_view to_string(TypeKind kind) noexcept {
  constexpr std::array<std::string_view, 28> kNames = {
      "bool",   "s8",      "u8",     "s16",  "u16",    "s32",    "u32",
      "s64",    "u64",     "f32",    "f64",  "char",   "string", "error-context",
      "record", "variant", "list",   "list", "map",    "tuple",  "flags",
      "enum",   "option",  "result", "own",  "borrow", "stream", "future"
  };
  return kNames[static_cast<std::size_t>(kind)];
}

std::string to_wit(const TypeRef& type) {
  Printer printer;
  printer.type(type);
  return printer.take();
}

std::string to_wit(const FuncShape& func) {
  Printer printer;
  printer.func(func);
  return printer.take();
}

}  // namespace whorl::component
