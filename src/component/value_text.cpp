// Values as people write them.
#include "component/value.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <iterator>

namespace whorl::component {
namespace {

/// Values can be large: their text is cut here.
constexpr std::size_t kMaxText = 4000;

class Printer {
 public:
  void value(const Value& value, const Type& type) {
    if (out_.size() > kMaxText) {
      return;
    }
    switch (type.kind) {
      case TypeKind::String:
        return quoted(value.to_utf8(), '"');
      case TypeKind::Record:
        return fields(value, type, '{', '}');
      case TypeKind::Tuple:
        return fields(value, type, '(', ')');
      case TypeKind::List:
      case TypeKind::FixedList:
        return list(value, type);
      case TypeKind::Map:
        return map(value, type);
      case TypeKind::Variant:
      case TypeKind::Option:
      case TypeKind::Result:
        return variant(value, type);
      case TypeKind::Flags:
        return flags(value, type);
      case TypeKind::Own:
      case TypeKind::Borrow:
        return text(type.resource == nullptr ? "a resource" : type.resource->name);
      default:
        return scalar(value.bits(), type);
    }
  }

  [[nodiscard]] std::string take() && {
    if (out_.size() > kMaxText) {
      out_.resize(kMaxText);
      out_ += "…";
    }
    return std::move(out_);
  }

 private:
  void text(std::string_view part) { out_ += part; }

  void quoted(std::string_view part, char quote) {
    out_ += quote;
    for (const char c : part) {
      if (c == quote || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (c == '\n') {
        out_ += "\\n";
      } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        fmt::format_to(std::back_inserter(out_), "\\u{{{:x}}}", static_cast<unsigned char>(c));
      } else {
        out_ += c;
      }
    }
    out_ += quote;
  }

  void character(std::uint64_t code) {
    if (code < 0x20 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      fmt::format_to(std::back_inserter(out_), "'\\u{{{:x}}}'", code);
      return;
    }
    std::uint8_t utf16[4] = {};
    const auto put = [&](std::size_t at, std::uint64_t unit) {
      utf16[at] = static_cast<std::uint8_t>(unit);
      utf16[at + 1] = static_cast<std::uint8_t>(unit >> 8);
    };
    put(0, code < 0x10000 ? code : 0xd800 + ((code - 0x10000) >> 10));
    put(2, 0xdc00 + (code & 0x3ff));
    std::uint8_t utf8[6];
    const Transcoded done = utf16_to_utf8(ByteView(utf16, code < 0x10000 ? 2 : 4), utf8);
    quoted({reinterpret_cast<const char*>(utf8), done.written}, '\'');
  }

  void scalar(std::uint64_t bits, const Type& type) {
    const auto out = std::back_inserter(out_);
    switch (type.kind) {
      case TypeKind::Bool:
        return text(bits != 0 ? "true" : "false");
      case TypeKind::S8:
      case TypeKind::S16:
      case TypeKind::S32:
      case TypeKind::S64:
        fmt::format_to(out, "{}", static_cast<std::int64_t>(bits));
        return;
      case TypeKind::F32:
        return number(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
      case TypeKind::F64:
        return number(std::bit_cast<double>(bits));
      case TypeKind::Char:
        return character(bits);
      case TypeKind::Enum:
        return text(bits < type.members.size() ? type.members[bits].name : "?");
      default:
        fmt::format_to(out, "{}", bits);
    }
  }

  template <class T>
  void number(T value) {
    if (std::isnan(value)) {
      return text("nan");
    }
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }

  void fields(const Value& value, const Type& type, char open, char close) {
    out_ += open;
    const Value::Fields* fields = value.as_fields();
    for (std::size_t i = 0; fields != nullptr && i < fields->size() && i < type.members.size();
         ++i) {
      text(i == 0 ? "" : ", ");
      if (type.kind == TypeKind::Record) {
        text(type.members[i].name);
        text(": ");
      }
      this->value((*fields)[i], *type.members[i].type);
    }
    out_ += close;
  }

  void list(const Value& value, const Type& type) {
    out_ += '[';
    for (std::size_t i = 0; i < value.length() && out_.size() <= kMaxText; ++i) {
      text(i == 0 ? "" : ", ");
      if (const auto* scalars = value.as_scalars()) {
        this->value(scalar_at(*scalars, i, type.element->kind), *type.element);
      } else {
        this->value((*value.as_fields())[i], *type.element);
      }
    }
    out_ += ']';
  }

  void map(const Value& value, const Type& type) {
    out_ += '{';
    for (std::size_t i = 0; i < value.length() && out_.size() <= kMaxText; ++i) {
      const Value::Fields* pairs = value.as_fields();
      const Value::Fields* pair = pairs == nullptr ? nullptr : (*pairs)[i].as_fields();
      if (pair == nullptr || pair->size() != 2) {
        break;
      }
      text(i == 0 ? "" : ", ");
      this->value((*pair)[0], *type.element);
      text(": ");
      this->value((*pair)[1], *type.other);
    }
    out_ += '}';
  }

  void variant(const Value& value, const Type& type) {
    const Value::Case* chosen = value.as_case();
    if (chosen == nullptr) {
      return text("?");
    }
    const Type* payload = nullptr;
    if (type.kind == TypeKind::Variant) {
      const bool known = chosen->index < type.members.size();
      text(known ? type.members[chosen->index].name : "?");
      payload = known ? type.members[chosen->index].type.get() : nullptr;
    } else if (type.kind == TypeKind::Option) {
      text(chosen->index == 0 ? "none" : "some");
      payload = chosen->index == 0 ? nullptr : type.element.get();
    } else {
      text(chosen->index == 0 ? "ok" : "err");
      payload = (chosen->index == 0 ? type.element : type.other).get();
    }
    if (chosen->payload != nullptr && payload != nullptr) {
      out_ += '(';
      this->value(*chosen->payload, *payload);
      out_ += ')';
    }
  }

  void flags(const Value& value, const Type& type) {
    out_ += '{';
    bool first = true;
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      if ((value.bits() >> i & 1) != 0) {
        text(first ? "" : ", ");
        text(type.members[i].name);
        first = false;
      }
    }
    out_ += '}';
  }

  std::string out_;
};

}  // namespace

std::string to_text(const Value& value, const Type& type) {
  Printer printer;
  printer.value(value, type);
  return std::move(printer).take();
}

}  // namespace whorl::component
