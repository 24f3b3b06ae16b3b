#include "component/wit_syntax.hpp"

#include "component/wit_definitions.hpp"
#include "component/wit_lexer.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::component::wit {
namespace {

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : in_(text, file) {}

  [[nodiscard]] Result<std::vector<PackageText>> run() {
    WHORL_CHECKED(in_.start());
    out_.push_back({.package = {}, .file = std::string(in_.file())});
    bool is_first = true;
    while (in_.peek().kind != Token::Kind::End) {
      WHORL_TRY(const bool included, types_.gates());
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
  template <class Items, class Made>
  static void add(Items& items, Made made, bool included) {
    if (included) {
      items.emplace_back(std::move(made));
    }
  }

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
      WHORL_TRY(const bool included, types_.gates());
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
      WHORL_CHECKED(types_.comma_or("}"));
    }
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
      WHORL_TRY(const bool included, types_.gates());
      if (in_.peek().is_keyword("use")) {
        WHORL_TRY(UseText used, use());
        add(out.items, std::move(used), included);
      } else if (types_.is_type_definition()) {
        WHORL_TRY(TypeDefinitionText defined, types_.type_definition());
        add(out.items, std::move(defined), included);
      } else if (in_.peek().kind == Token::Kind::Word) {
        WHORL_TRY(FuncText made, types_.named_func());
        add(out.items, std::move(made), included);
      } else {
        return in_.unexpected("`type`, `resource` or `func`");
      }
    }
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
      WHORL_TRY(const bool included, types_.gates());
      if (in_.peek().is_keyword("import") || in_.peek().is_keyword("export")) {
        WHORL_TRY(ExternText made, world_extern());
        add(out.items, std::move(made), included);
      } else if (in_.peek().is_keyword("include")) {
        WHORL_TRY(IncludeText made, include());
        add(out.items, std::move(made), included);
      } else if (in_.peek().is_keyword("use")) {
        WHORL_TRY(UseText made, use());
        add(out.items, std::move(made), included);
      } else if (types_.is_type_definition()) {
        WHORL_TRY(TypeDefinitionText made, types_.type_definition());
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
      WHORL_CHECKED(types_.func_type(made));
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
  DefinitionParser types_{in_};
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
