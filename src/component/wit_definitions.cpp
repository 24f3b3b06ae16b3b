#include "component/wit_definitions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace whorl::component::wit {
namespace {

constexpr int kMaxDepth = 100;

struct PlainType {
  std::string_view word;
  TypeKind kind;
};
constexpr std::array kPlainTypes{
    PlainType{"bool", TypeKind::Bool},
    PlainType{"s8", TypeKind::S8},
    PlainType{"u8", TypeKind::U8},
    PlainType{"s16", TypeKind::S16},
    PlainType{"u16", TypeKind::U16},
    PlainType{"s32", TypeKind::S32},
    PlainType{"u32", TypeKind::U32},
    PlainType{"s64", TypeKind::S64},
    PlainType{"u64", TypeKind::U64},
    PlainType{"f32", TypeKind::F32},
    PlainType{"float32", TypeKind::F32},
    PlainType{"f64", TypeKind::F64},
    PlainType{"float64", TypeKind::F64},
    PlainType{"char", TypeKind::Char},
    PlainType{"string", TypeKind::String},
    PlainType{"error-context", TypeKind::ErrorContext},
};

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

}  // namespace

/// Forms with arguments in angle brackets.
struct DefinitionParser::Form {
  std::string_view word;
  TypeKind kind;
  std::size_t least;  ///< arguments
  std::size_t most;
};

Result<bool> DefinitionParser::gates() {
  bool included = true;
  for (;;) {
    WHORL_TRY(const bool found, in_.eat("@"));
    if (!found) {
      return included;
    }
    included = included && !in_.peek().is_keyword("unstable");
    WHORL_CHECKED(in_.name());
    WHORL_CHECKED(in_.expect("("));
    WHORL_TRY(const std::string key, in_.name());
    WHORL_CHECKED(in_.expect("="));
    if (key == "version") {
      WHORL_CHECKED(in_.version());
    } else {
      WHORL_CHECKED(in_.name());
    }
    WHORL_CHECKED(in_.expect(")"));
  }
}

Result<void> DefinitionParser::comma_or(std::string_view end) {
  WHORL_TRY(const bool found, in_.eat(","));
  return found || in_.peek().is(end) ? Result<void>()
                                     : in_.unexpected(fmt::format("',' or '{}'", end));
}

bool DefinitionParser::is_type_definition() const {
  static constexpr std::array<std::string_view, 6> kWords = {
      "type", "record", "flags", "variant", "enum", "resource"
  };
  for (const std::string_view word : kWords) {
    if (in_.peek().is_keyword(word)) {
      return true;
    }
  }
  return false;
}

Result<TypeDefinitionText> DefinitionParser::type_definition() {
  WHORL_TRY(const Token word, in_.take());
  TypeDefinitionText out;
  out.place = in_.peek().place;
  WHORL_TRY(out.name, in_.name());
  if (word.text == "type") {
    WHORL_CHECKED(in_.expect("="));
    WHORL_TRY(out.target, type(0));
    WHORL_CHECKED(in_.expect(";"));
  } else if (word.text == "resource") {
    out.form = TypeDefinitionText::Form::Resource;
    WHORL_CHECKED(resource_body(out.functions));
  } else {
    out.form = TypeDefinitionText::Form::Members;
    out.kind = word.text == "record"    ? TypeKind::Record
               : word.text == "variant" ? TypeKind::Variant
               : word.text == "enum"    ? TypeKind::Enum
                                        : TypeKind::Flags;
    WHORL_CHECKED(in_.expect("{"));
    WHORL_CHECKED(members(out));
  }
  return out;
}

Result<void> DefinitionParser::members(TypeDefinitionText& out) {
  for (;;) {
    WHORL_TRY(const bool ends, in_.eat("}"));
    if (ends) {
      return {};
    }
    MemberText member;
    WHORL_TRY(member.name, in_.name());
    if (out.kind == TypeKind::Record) {
      WHORL_CHECKED(in_.expect(":"));
      WHORL_TRY(member.type, type(0));
    } else if (out.kind == TypeKind::Variant) {
      WHORL_TRY(const bool has_type, in_.eat("("));
      if (has_type) {
        WHORL_TRY(member.type, type(0));
        WHORL_CHECKED(in_.expect(")"));
      }
    }
    out.members.push_back(std::move(member));
    WHORL_CHECKED(comma_or("}"));
  }
}

Result<void> DefinitionParser::resource_body(std::vector<FuncText>& out) {
  WHORL_TRY(const bool is_empty, in_.eat(";"));
  if (is_empty) {
    return {};
  }
  WHORL_CHECKED(in_.expect("{"));
  for (;;) {
    WHORL_TRY(const bool ends, in_.eat("}"));
    if (ends) {
      return {};
    }
    WHORL_TRY(const bool included, gates());
    FuncText made{.kind = FuncText::Kind::Method};
    WHORL_TRY(const bool is_constructor, in_.eat_keyword("constructor"));
    if (is_constructor) {
      made.kind = FuncText::Kind::Constructor;
      WHORL_CHECKED(signature(made));
    } else {
      WHORL_TRY(made.name, in_.name());
      WHORL_CHECKED(in_.expect(":"));
      WHORL_TRY(const bool is_static, in_.eat_keyword("static"));
      made.kind = is_static ? FuncText::Kind::Static : FuncText::Kind::Method;
      WHORL_CHECKED(func_type(made));
    }
    WHORL_CHECKED(in_.expect(";"));
    if (included) {
      out.push_back(std::move(made));
    }
  }
}

Result<FuncText> DefinitionParser::named_func() {
  FuncText out;
  WHORL_TRY(out.name, in_.name());
  WHORL_CHECKED(in_.expect(":"));
  WHORL_CHECKED(func_type(out));
  WHORL_CHECKED(in_.expect(";"));
  return out;
}

Result<void> DefinitionParser::func_type(FuncText& out) {
  WHORL_TRY(out.is_async, in_.eat_keyword("async"));
  WHORL_CHECKED(in_.expect_keyword("func"));
  return signature(out);
}

Result<void> DefinitionParser::signature(FuncText& out) {
  WHORL_CHECKED(in_.expect("("));
  for (;;) {
    WHORL_TRY(const bool ends, in_.eat(")"));
    if (ends) {
      break;
    }
    MemberText parameter;
    WHORL_TRY(parameter.name, in_.name());
    WHORL_CHECKED(in_.expect(":"));
    WHORL_TRY(parameter.type, type(0));
    out.parameters.push_back(std::move(parameter));
    WHORL_CHECKED(comma_or(")"));
  }
  WHORL_TRY(const bool has_result, in_.eat("->"));
  if (has_result) {
    WHORL_TRY(out.result, type(0));
  }
  return {};
}

Result<TypeText> DefinitionParser::type(int depth) {
  static constexpr std::array kForms{
      Form{"list", TypeKind::List, 1, 1},
      Form{"option", TypeKind::Option, 1, 1},
      Form{"tuple", TypeKind::Tuple, 1, kAny},
      Form{"result", TypeKind::Result, 0, 2},
      Form{"stream", TypeKind::Stream, 0, 1},
      Form{"future", TypeKind::Future, 0, 1},
      Form{"map", TypeKind::Map, 2, 2},
      Form{"own", TypeKind::Own, 1, 1},
      Form{"borrow", TypeKind::Borrow, 1, 1},
  };
  if (depth > kMaxDepth) {
    return in_.error(in_.peek().place, "types are nested too deep");
  }
  TypeText out;
  out.place = in_.peek().place;
  for (const PlainType& plain : kPlainTypes) {
    WHORL_TRY(const bool found, in_.eat_keyword(plain.word));
    if (found) {
      out.kind = plain.kind;
      return out;
    }
  }
  for (const Form& form : kForms) {
    WHORL_TRY(const bool found, in_.eat_keyword(form.word));
    if (found) {
      out.kind = form.kind;
      WHORL_CHECKED(arguments(form, out, depth));
      return out;
    }
  }
  if (in_.peek().kind != Token::Kind::Word) {
    return in_.unexpected("a type");
  }
  WHORL_TRY(out.name, in_.name());
  return out;
}

Result<void> DefinitionParser::arguments(const Form& form, TypeText& out, int depth) {
  WHORL_TRY(const bool has_some, in_.eat("<"));
  if (!has_some) {
    return form.least == 0 ? Result<void>() : in_.unexpected("'<'");
  }
  for (;;) {
    WHORL_TRY(const bool ends, in_.eat(">"));
    if (ends) {
      break;
    }
    if (form.kind == TypeKind::List && in_.peek().kind == Token::Kind::Integer) {
      WHORL_CHECKED(fixed_length(out));
    } else {
      WHORL_TRY(const bool is_left_out, in_.eat("_"));
      std::optional<TypeText> argument;
      if (!is_left_out) {
        WHORL_TRY(argument, type(depth + 1));
      }
      out.arguments.push_back(std::move(argument));
    }
    WHORL_CHECKED(comma_or(">"));
  }
  const bool lacks_one =
      form.kind != TypeKind::Result &&
      std::ranges::any_of(out.arguments, [](const auto& argument) { return !argument; });
  if (out.arguments.size() < form.least || out.arguments.size() > form.most || lacks_one) {
    return in_.error(out.place, fmt::format("`{}` has not the types it needs", form.word));
  }
  return {};
}

Result<void> DefinitionParser::fixed_length(TypeText& out) {
  WHORL_TRY(const Token number, in_.take());
  const auto read = std::from_chars(number.text.begin(), number.text.end(), out.length);
  if (read.ec != std::errc() || out.length == 0) {
    return in_.error(number.place, "a list's length is between 1 and 4294967295");
  }
  out.kind = TypeKind::FixedList;
  return {};
}

}  // namespace whorl::component::wit
