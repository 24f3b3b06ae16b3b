#include "component/wit_syntax.hpp"

#include "component/wit_lexer.hpp"

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

/// Forms with arguments in angle brackets.
struct Form {
  std::string_view word;
  TypeKind kind;
  std::size_t least;  ///< arguments
  std::size_t most;
};
constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
constexpr std::array kForms{
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

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : in_(text, file) {}

  [[nodiscard]] Result<std::vector<PackageText>> run() {
    WHORL_CHECKED(in_.start());
    out_.push_back({.package = {}, .file = std::string(in_.file())});
    bool is_first = true;
    while (in_.peek().kind != Token::Kind::End) {
      WHORL_TRY(const bool included, gates());
      if (in_.peek().is_keyword("package")) {
        WHORL_CHECKED(package(is_first));
      } else {
        WHORL_CHECKED(item(out_.front(), included));
      }
      is_first = false;
    }
    return std::move(out_);
  }

 private:
  /// `package ns:name@1.0.0;`, or with braces and what stands in it.
  [[nodiscard]] Result<void> package(bool may_name_file) {
    const Place place = in_.peek().place;
    WHORL_CHECKED(in_.expect_keyword("package"));
    WHORL_TRY(std::string name, package_name());
    WHORL_TRY(const bool has_body, in_.eat("{"));
    if (!has_body) {
      if (!may_name_file) {
        return in_.error(place, "a package's name stands before everything else in its file");
      }
      out_.front().package = std::move(name);
      return in_.expect(";");
    }
    PackageText nested{.package = std::move(name), .file = std::string(in_.file())};
    for (;;) {
      WHORL_TRY(const bool ends, in_.eat("}"));
      if (ends) {
        break;
      }
      WHORL_TRY(const bool included, gates());
      WHORL_CHECKED(item(nested, included));
    }
    out_.push_back(std::move(nested));
    return {};
  }

  [[nodiscard]] Result<std::string> package_name() {
    WHORL_TRY(std::string out, in_.name());
    WHORL_CHECKED(in_.expect(":"));
    WHORL_TRY(const std::string name, in_.name());
    out += ":" + name;
    WHORL_TRY(const bool has_version, in_.eat("@"));
    if (has_version) {
      WHORL_TRY(const std::string version, in_.version());
      out += "@" + version;
    }
    return out;
  }

  [[nodiscard]] Result<void> item(PackageText& out, bool included) {
    if (in_.peek().is_keyword("use")) {
      return file_use(out);
    }
    if (in_.peek().is_keyword("interface")) {
      WHORL_TRY(InterfaceText made, interface());
      if (included) {
        out.interfaces.push_back(std::move(made));
      }
      return {};
    }
    if (in_.peek().is_keyword("world")) {
      WHORL_TRY(WorldText made, world());
      if (included) {
        out.worlds.push_back(std::move(made));
      }
      return {};
    }
    return in_.unexpected("`world`, `interface` or `use`");
  }

  [[nodiscard]] Result<void> file_use(PackageText& out) {
    WHORL_CHECKED(in_.expect_keyword("use"));
    WHORL_TRY(UsePath path, use_path());
    std::string name = path.name;
    WHORL_TRY(const bool is_renamed, in_.eat_keyword("as"));
    if (is_renamed) {
      WHORL_TRY(name, in_.name());
    }
    out.names.emplace(std::move(name), std::move(path));
    return in_.expect(";");
  }

  /// `@since(…)`, `@unstable(…)`, `@deprecated(…)`. @return false for what is not to be had
  [[nodiscard]] Result<bool> gates() {
    bool included = true;
    for (;;) {
      WHORL_TRY(const bool found, in_.eat("@"));
      if (!found) {
        return included;
      }
      included = included && !in_.peek().is_keyword("unstable");
      WHORL_TRY(const std::string word, in_.name());
      WHORL_CHECKED(in_.expect("("));
      WHORL_TRY(const std::string key, in_.name());
      WHORL_CHECKED(in_.expect("="));
      if (key == "version") {
        WHORL_TRY(const std::string version, in_.version());
      } else {
        WHORL_TRY(const std::string feature, in_.name());
      }
      WHORL_CHECKED(in_.expect(")"));
    }
  }

  [[nodiscard]] Result<UsePath> use_path() {
    UsePath out{.package = {}, .name = {}, .place = in_.peek().place};
    WHORL_TRY(out.name, in_.name());
    WHORL_TRY(const bool is_qualified, in_.eat(":"));
    if (!is_qualified) {
      return out;
    }
    WHORL_TRY(const std::string package, in_.name());
    out.package = out.name + ":" + package;
    WHORL_CHECKED(in_.expect("/"));
    WHORL_TRY(out.name, in_.name());
    WHORL_TRY(const bool has_version, in_.eat("@"));
    if (has_version) {
      WHORL_TRY(const std::string version, in_.version());
      out.package += "@" + version;
    }
    return out;
  }

  /// Names with another one behind `as`, up to the closing brace.
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> renamed_list(bool may_keep
  ) {
    std::vector<std::pair<std::string, std::string>> out;
    WHORL_CHECKED(in_.expect("{"));
    for (;;) {
      WHORL_TRY(const bool ends, in_.eat("}"));
      if (ends) {
        return out;
      }
      WHORL_TRY(std::string from, in_.name());
      std::string to = from;
      WHORL_TRY(const bool is_renamed, in_.eat_keyword("as"));
      if (is_renamed) {
        WHORL_TRY(to, in_.name());
      } else if (!may_keep) {
        return in_.unexpected("keyword `as`");
      }
      out.emplace_back(std::move(from), std::move(to));
      WHORL_CHECKED(comma_or("}"));
    }
  }

  /// A comma, or what ends the list, which is left.
  [[nodiscard]] Result<void> comma_or(std::string_view end) {
    WHORL_TRY(const bool found, in_.eat(","));
    return found || in_.peek().is(end) ? Result<void>()
                                       : in_.unexpected(fmt::format("',' or '{}'", end));
  }

  [[nodiscard]] Result<UseText> use() {
    UseText out;
    WHORL_CHECKED(in_.expect_keyword("use"));
    WHORL_TRY(out.from, use_path());
    WHORL_CHECKED(in_.expect("."));
    WHORL_TRY(out.names, renamed_list(true));
    WHORL_CHECKED(in_.expect(";"));
    return out;
  }

  [[nodiscard]] Result<InterfaceText> interface() {
    WHORL_CHECKED(in_.expect_keyword("interface"));
    InterfaceText out;
    WHORL_TRY(out.name, in_.name());
    WHORL_CHECKED(interface_body(out));
    return out;
  }

  [[nodiscard]] Result<void> interface_body(InterfaceText& out) {
    WHORL_CHECKED(in_.expect("{"));
    for (;;) {
      WHORL_TRY(const bool ends, in_.eat("}"));
      if (ends) {
        return {};
      }
      WHORL_TRY(const bool included, gates());
      if (in_.peek().is_keyword("use")) {
        WHORL_TRY(UseText used, use());
        add(out.items, std::move(used), included);
      } else if (is_type_definition()) {
        WHORL_TRY(TypeDefinitionText defined, type_definition());
        add(out.items, std::move(defined), included);
      } else if (in_.peek().kind == Token::Kind::Word) {
        WHORL_TRY(FuncText made, named_func());
        add(out.items, std::move(made), included);
      } else {
        return in_.unexpected("`type`, `resource` or `func`");
      }
    }
  }

  template <class Items, class Made>
  static void add(Items& items, Made made, bool included) {
    if (included) {
      items.emplace_back(std::move(made));
    }
  }

  [[nodiscard]] bool is_type_definition() const {
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

  [[nodiscard]] Result<TypeDefinitionText> type_definition() {
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

  [[nodiscard]] Result<void> members(TypeDefinitionText& out) {
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

  [[nodiscard]] Result<void> resource_body(std::vector<FuncText>& out) {
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
      add(out, std::move(made), included);
    }
  }

  [[nodiscard]] Result<FuncText> named_func() {
    FuncText out;
    WHORL_TRY(out.name, in_.name());
    WHORL_CHECKED(in_.expect(":"));
    WHORL_CHECKED(func_type(out));
    WHORL_CHECKED(in_.expect(";"));
    return out;
  }

  [[nodiscard]] Result<void> func_type(FuncText& out) {
    WHORL_TRY(out.is_async, in_.eat_keyword("async"));
    WHORL_CHECKED(in_.expect_keyword("func"));
    return signature(out);
  }

  [[nodiscard]] Result<void> signature(FuncText& out) {
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

  [[nodiscard]] Result<TypeText> type(int depth) {
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

  [[nodiscard]] Result<void> arguments(const Form& form, TypeText& out, int depth) {
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

  [[nodiscard]] Result<void> fixed_length(TypeText& out) {
    WHORL_TRY(const Token number, in_.take());
    const auto* end = number.text.data() + number.text.size();
    const auto read = std::from_chars(number.text.data(), end, out.length);
    if (read.ec != std::errc() || out.length == 0) {
      return in_.error(number.place, "a list's length is between 1 and 4294967295");
    }
    out.kind = TypeKind::FixedList;
    return {};
  }

  [[nodiscard]] Result<WorldText> world() {
    WHORL_CHECKED(in_.expect_keyword("world"));
    WorldText out;
    WHORL_TRY(out.name, in_.name());
    WHORL_CHECKED(in_.expect("{"));
    for (;;) {
      WHORL_TRY(const bool ends, in_.eat("}"));
      if (ends) {
        return out;
      }
      WHORL_TRY(const bool included, gates());
      if (in_.peek().is_keyword("import") || in_.peek().is_keyword("export")) {
        WHORL_TRY(ExternText made, world_extern());
        add(out.items, std::move(made), included);
      } else if (in_.peek().is_keyword("include")) {
        WHORL_TRY(IncludeText made, include());
        add(out.items, std::move(made), included);
      } else if (in_.peek().is_keyword("use")) {
        WHORL_TRY(UseText made, use());
        add(out.items, std::move(made), included);
      } else if (is_type_definition()) {
        WHORL_TRY(TypeDefinitionText made, type_definition());
        add(out.items, std::move(made), included);
      } else {
        return in_.unexpected("`import`, `export`, `include`, `use`, or type definition");
      }
    }
  }

  [[nodiscard]] Result<IncludeText> include() {
    IncludeText out;
    WHORL_CHECKED(in_.expect_keyword("include"));
    WHORL_TRY(out.world, use_path());
    WHORL_TRY(const bool is_renamed, in_.eat_keyword("with"));
    if (is_renamed) {
      WHORL_TRY(out.renamed, renamed_list(false));
      if (in_.peek().is(";")) {  // older texts have none behind the brace
        WHORL_CHECKED(in_.expect(";"));
      }
      return out;
    }
    WHORL_CHECKED(in_.expect(";"));
    return out;
  }

  /// `import name: func(…);`, `import name: interface { … }`, `import path;`.
  [[nodiscard]] Result<ExternText> world_extern() {
    WHORL_TRY(const Token word, in_.take());
    ExternText out{.is_import = word.text == "import"};
    UsePath path{.package = {}, .name = {}, .place = in_.peek().place};
    WHORL_TRY(path.name, in_.name());
    WHORL_TRY(const bool has_colon, in_.eat(":"));
    if (has_colon && in_.peek().is_keyword("interface")) {
      WHORL_CHECKED(in_.expect_keyword("interface"));
      InterfaceText made{.name = path.name, .items = {}};
      WHORL_CHECKED(interface_body(made));
      out.name = std::move(path.name);
      out.what = std::move(made);
      return out;
    }
    if (has_colon && (in_.peek().is_keyword("func") || in_.peek().is_keyword("async"))) {
      FuncText made{.name = path.name};
      WHORL_CHECKED(func_type(made));
      out.name = std::move(path.name);
      out.what = std::move(made);
      WHORL_CHECKED(in_.expect(";"));
      return out;
    }
    if (has_colon) {
      WHORL_TRY(const std::string package, in_.name());
      path.package = path.name + ":" + package;
      WHORL_CHECKED(in_.expect("/"));
      WHORL_TRY(path.name, in_.name());
      WHORL_TRY(const bool has_version, in_.eat("@"));
      if (has_version) {
        WHORL_TRY(const std::string version, in_.version());
        path.package += "@" + version;
      }
    }
    out.what = std::move(path);
    WHORL_CHECKED(in_.expect(";"));
    return out;
  }

  Lexer in_;
  std::vector<PackageText> out_;
};

}  // namespace

Result<std::vector<PackageText>> parse_wit(std::string_view text, std::string_view file) {
  if (text.size() > kMaxWitBytes) {
    return fail(ErrorKind::ResourceLimit, "{} is longer than {} bytes", file, kMaxWitBytes);
  }
  return Parser(text, file).run();
}

}  // namespace whorl::component::wit
