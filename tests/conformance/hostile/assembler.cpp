#include "assembler.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace whorl::hostile {

using component::testing::core_export;
using component::testing::section;
using component::testing::vec;

namespace {

/// Signed LEB128.
void append_signed(Wasm& out, std::int64_t value) {
  for (;;) {
    const int low = static_cast<int>(value & 0x7f);
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0)) {
      out.byte(low);
      return;
    }
    out.byte(low | 0x80);
  }
}

Wasm types_of(const std::vector<int>& types) {
  Wasm out;
  out.leb(static_cast<std::uint32_t>(types.size()));
  for (const int type : types) {
    out.byte(type);
  }
  return out;
}

Wasm core_func_type(const std::vector<int>& params, const std::vector<int>& results) {
  return Wasm{0x60}.add(types_of(params)).add(types_of(results));
}

}  // namespace

Code& Code::op(std::initializer_list<int> bytes) {
  for (const int byte : bytes) {
    code_.byte(byte);
  }
  return *this;
}
Code& Code::i32(std::uint32_t value) {
  code_.byte(0x41);
  append_signed(code_, static_cast<std::int32_t>(value));
  return *this;
}
Code& Code::i64(std::uint64_t value) {
  code_.byte(0x42);
  append_signed(code_, static_cast<std::int64_t>(value));
  return *this;
}
Code& Code::get(std::uint32_t local) {
  code_.byte(0x20).leb(local);
  return *this;
}
Code& Code::set(std::uint32_t local) {
  code_.byte(0x21).leb(local);
  return *this;
}
Code& Code::call(std::uint32_t func) {
  code_.byte(0x10).leb(func);
  return *this;
}
Code& Code::add(const Code& other) {
  code_.add(other.code_);
  return *this;
}
Code& Code::store32(std::uint32_t address, std::uint32_t value) {
  return i32(address).i32(value).op({0x36, 0, 0});  // any alignment
}

Bytes Module::bytes() const {
  Parts types;
  Parts import_items;
  for (const Import& import : imports) {
    import_items.push_back(component::testing::func_import(
        import.module, import.name, static_cast<std::uint32_t>(types.size())
    ));
    types.push_back(core_func_type(import.params, import.results));
  }
  if (imports_memory) {
    import_items.push_back(Wasm().name("libc").name("memory").byte(2).byte(0).leb(pages));
  }
  Parts declared;
  Parts exports;
  Parts bodies;
  const bool owns_memory = has_memory && !imports_memory;
  if (owns_memory) {
    exports.push_back(core_export("memory", 2, 0));
  }
  for (const Func& func : funcs) {
    const auto index = static_cast<std::uint32_t>(imports.size() + declared.size());
    declared.push_back(Wasm().leb(static_cast<std::uint32_t>(types.size())));
    types.push_back(core_func_type(func.params, func.results));
    if (!func.export_name.empty()) {
      exports.push_back(core_export(func.export_name, 0, index));
    }
    Wasm body;
    body.leb(static_cast<std::uint32_t>(func.locals.size()));
    for (const int local : func.locals) {
      body.leb(1).byte(local);
    }
    body.add(func.code.bytes()).byte(0x0b);
    bodies.push_back(Wasm().leb(static_cast<std::uint32_t>(body.bytes().size())).add(body));
  }
  Parts sections = {
      section(1, vec(types)), section(2, vec(import_items)), section(3, vec(declared))
  };
  if (owns_memory) {
    Wasm limits;
    limits.byte(max_pages == 0 ? 0 : 1).leb(pages);
    if (max_pages != 0) {
      limits.leb(max_pages);
    }
    sections.push_back(section(5, vec({limits})));
  }
  sections.push_back(section(7, vec(exports)));
  if (start) {
    sections.push_back(section(8, Wasm().leb(*start)));
  }
  sections.push_back(section(10, vec(bodies)));
  Parts segments;
  for (const Data& item : data) {
    Wasm segment{0, 0x41};
    append_signed(segment, static_cast<std::int32_t>(item.address));
    segment.byte(0x0b).leb(static_cast<std::uint32_t>(item.bytes.size()));
    segments.push_back(segment.add(component::testing::raw(item.bytes)));
  }
  if (!segments.empty()) {
    sections.push_back(section(11, vec(segments)));
  }
  return component::testing::module(sections);
}

Func bump_realloc(std::uint32_t bottom) {
  // The next free address is kept at 0; while that is 0, `bottom` is it.
  Code code;
  code.i32(0).op({0x28, 2, 0}).set(4);                               // next = *0
  code.get(4).op({0x45, 0x04, 0x40}).i32(bottom).set(4).op({0x0b});  // if !next: next = bottom
  code.get(4).get(2).op({0x6a}).i32(1).op({0x6b});                   // (next + align - 1)
  code.i32(0).get(2).op({0x6b, 0x71}).set(4);                        //   & -align
  code.i32(0).get(4).get(3).op({0x6a, 0x36, 2, 0});                  // *0 = next + size
  code.i32(0).op({0x28, 2, 0}).i32(16).op({0x76, 0x3f, 0, 0x4f});    // if (*0 >> 16) >= pages:
  code.op({0x04, 0x40}).get(3).i32(16).op({0x76}).i32(1).op({0x6a, 0x40, 0, 0x1a, 0x0b});  // grow
  code.get(4);
  return {{kI32, kI32, kI32, kI32}, {kI32}, code, "realloc", {kI32}};
}

/// Reads a type and defines what it is made of.
class Component::TypeParser {
 public:
  TypeParser(Component& component, std::string_view text) : component_(component), text_(text) {}

  Wasm parse() {
    const std::string word = take_word();
    static constexpr std::array<std::pair<std::string_view, int>, 14> kPrimitives = {{
        {"bool", 0x7f},
        {"s8", 0x7e},
        {"u8", 0x7d},
        {"s16", 0x7c},
        {"u16", 0x7b},
        {"s32", 0x7a},
        {"u32", 0x79},
        {"s64", 0x78},
        {"u64", 0x77},
        {"f32", 0x76},
        {"f64", 0x75},
        {"char", 0x74},
        {"string", 0x73},
        {"error-context", 0x64},
    }};
    for (const auto& [name, code] : kPrimitives) {
      if (name == word) {
        return Wasm{code};
      }
    }
    return compound(word);
  }

 private:
  Wasm compound(const std::string& word) {
    if (word == "list" || word == "option") {
      expect('<');
      const Wasm element = parse();
      expect('>');
      return index(component_.add_type(Wasm{word == "list" ? 0x70 : 0x6b}.add(element)));
    }
    if (word == "own" || word == "borrow") {
      expect('<');
      const std::string number = take_word();
      expect('>');
      Wasm handle{word == "own" ? 0x69 : 0x68};
      return index(component_.add_type(handle.leb(static_cast<std::uint32_t>(std::stoul(number)))));
    }
    if (word == "tuple") {
      Parts members;
      expect('<');
      do {
        members.push_back(parse());
      } while (accept(','));
      expect('>');
      return index(component_.add_type(Wasm{0x6f}.add(vec(members))));
    }
    if (word == "result") {
      Wasm out{0x6a};
      const bool has_types = accept('<');
      const Wasm ok = has_types ? payload() : Wasm{0};
      const Wasm error = has_types && accept(',') ? payload() : Wasm{0};
      if (has_types) {
        expect('>');
      }
      return index(component_.add_type(out.add(ok).add(error)));
    }
    return named(word);
  }

  /// A payload that may be `_`.
  Wasm payload() { return accept('_') ? Wasm{0} : Wasm{1}.add(parse()); }

  Wasm named(const std::string& word) {
    Parts members;
    expect('{');
    do {
      Wasm member = Wasm().name(take_word());
      if (word == "record") {
        expect(':');
        member.add(parse());
      } else if (word == "variant") {
        const bool has_payload = accept('(');
        member.add(has_payload ? Wasm{1}.add(parse()) : Wasm{0}).byte(0);
        if (has_payload) {
          expect(')');
        }
      }
      members.push_back(member);
    } while (accept(','));
    expect('}');
    const int code = word == "record"    ? 0x72
                     : word == "variant" ? 0x71
                     : word == "flags"   ? 0x6e
                                         : 0x6d;
    const std::uint32_t type = component_.add_type(Wasm{code}.add(vec(members)));
    return index(component_.export_type(fmt::format("t{}", component_.names_++), type));
  }

  static Wasm index(std::uint32_t type) {
    Wasm out;
    append_signed(out, type);
    return out;
  }

  void skip() {
    while (!text_.empty() && text_.front() == ' ') {
      text_.remove_prefix(1);
    }
  }
  std::string take_word() {
    skip();
    std::string out;
    while (!text_.empty() &&
           (std::isalnum(static_cast<unsigned char>(text_.front())) != 0 || text_.front() == '-')) {
      out += text_.front();
      text_.remove_prefix(1);
    }
    return out;
  }
  bool accept(char c) {
    skip();
    if (text_.empty() || text_.front() != c) {
      return false;
    }
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) { WHORL_CHECK(accept(c), "a type of the corpus is written wrong"); }

  Component& component_;
  std::string_view text_;
};

Wasm Component::type(std::string_view wit) {
  return TypeParser(*this, wit).parse();
}

std::uint32_t Component::add_type(const Wasm& definition) {
  raw(7, vec({definition}));
  return types_++;
}

std::uint32_t Component::func_type(
    const std::vector<std::string>& params, std::string_view result
) {
  Parts items;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Wasm of = type(params[i]);
    items.push_back(Wasm().name(fmt::format("p{}", i)).add(of));
  }
  Wasm out = Wasm{0x40};
  const Wasm results = result.empty() ? Wasm{1, 0} : Wasm{0}.add(type(result));
  return add_type(out.add(vec(items)).add(results));
}

std::uint32_t Component::core_module(const Bytes& bytes) {
  raw(1, component::testing::raw(bytes));
  return core_modules_++;
}

std::uint32_t Component::nested(const Bytes& component) {
  raw(4, component::testing::raw(component));
  return components_++;
}

std::uint32_t Component::core_instance(std::uint32_t module, const std::vector<Bag>& bags) {
  Parts arguments;
  for (const Bag& bag : bags) {
    if (bag.instance) {
      arguments.push_back(Wasm().name(bag.name).byte(0x12).leb(*bag.instance));
      continue;
    }
    Parts items;
    for (const auto& [name, func] : bag.funcs) {
      items.push_back(core_export(name, 0, func));
    }
    for (const auto& [name, table] : bag.tables) {
      items.push_back(core_export(name, 1, table));
    }
    raw(2, vec({Wasm{1}.add(vec(items))}));
    arguments.push_back(Wasm().name(bag.name).byte(0x12).leb(core_instances_++));
  }
  raw(2, vec({Wasm{0}.leb(module).add(vec(arguments))}));
  return core_instances_++;
}

std::uint32_t Component::alias_core_func(std::uint32_t instance, std::string_view name) {
  raw(6, vec({component::testing::alias_core_export(0, instance, name)}));
  return core_funcs_++;
}
std::uint32_t Component::alias_memory(std::uint32_t instance, std::string_view name) {
  raw(6, vec({component::testing::alias_core_export(2, instance, name)}));
  return core_memories_++;
}
std::uint32_t Component::alias_table(std::uint32_t instance, std::string_view name) {
  raw(6, vec({component::testing::alias_core_export(1, instance, name)}));
  return core_tables_++;
}
std::uint32_t Component::alias_func(std::uint32_t instance, std::string_view name) {
  raw(6, vec({component::testing::alias_export(1, instance, name)}));
  return funcs_++;
}
std::uint32_t Component::alias_core_module(std::uint32_t instance, std::string_view name) {
  raw(6, vec({Wasm{0, 0x11, 0}.leb(instance).name(name)}));
  return core_modules_++;
}
std::uint32_t Component::alias_type(std::uint32_t instance, std::string_view name) {
  raw(6, vec({component::testing::alias_export(3, instance, name)}));
  return types_++;
}

Wasm Component::options_of(const Options& options) {
  Parts out;
  if (options.encoding != 0) {
    out.push_back(Wasm{options.encoding});
  }
  if (options.memory) {
    out.push_back(Wasm{3}.leb(*options.memory));
  }
  if (options.realloc) {
    out.push_back(Wasm{4}.leb(*options.realloc));
  }
  if (options.post_return) {
    out.push_back(Wasm{5}.leb(*options.post_return));
  }
  return vec(out);
}

std::uint32_t Component::lift(std::uint32_t core_func, std::uint32_t type, const Options& options) {
  raw(8, vec({Wasm{0, 0}.leb(core_func).add(options_of(options)).leb(type)}));
  return funcs_++;
}

std::uint32_t Component::canon(const Wasm& definition) {
  raw(8, vec({definition}));
  return core_funcs_++;
}
std::uint32_t Component::lower(std::uint32_t func, const Options& options) {
  return canon(Wasm{1, 0}.leb(func).add(options_of(options)));
}
std::uint32_t Component::resource(std::optional<std::uint32_t> destructor) {
  Wasm out{0x3f, 0x7f};
  return add_type(destructor ? out.byte(1).leb(*destructor) : out.byte(0));
}
std::uint32_t Component::resource_new(std::uint32_t type) {
  return canon(Wasm{2}.leb(type));
}
std::uint32_t Component::resource_drop(std::uint32_t type) {
  return canon(Wasm{3}.leb(type));
}
std::uint32_t Component::resource_rep(std::uint32_t type) {
  return canon(Wasm{4}.leb(type));
}

std::uint32_t Component::instance(std::uint32_t component, const std::vector<Argument>& arguments) {
  Parts items;
  for (const Argument& argument : arguments) {
    items.push_back(Wasm().name(argument.name).byte(argument.sort).leb(argument.index));
  }
  raw(5, vec({Wasm{0}.leb(component).add(vec(items))}));
  return instances_++;
}

std::uint32_t Component::instance_of(const std::vector<Argument>& items) {
  Parts out;
  for (const Argument& item : items) {
    out.push_back(Wasm{0}.name(item.name).byte(item.sort).leb(item.index));
  }
  raw(5, vec({Wasm{1}.add(vec(out))}));
  return instances_++;
}

std::uint32_t Component::import_func(std::string_view name, std::uint32_t type) {
  raw(10, vec({Wasm{0}.name(name).byte(1).leb(type)}));
  return funcs_++;
}
std::uint32_t Component::import_resource(std::string_view name) {
  raw(10, vec({Wasm{0}.name(name).byte(3).byte(1)}));
  return types_++;
}
void Component::export_func(std::string_view name, std::uint32_t func) {
  raw(11, vec({Wasm{0}.name(name).byte(1).leb(func).byte(0)}));
  ++funcs_;
}
void Component::export_instance(std::string_view name, std::uint32_t instance) {
  raw(11, vec({Wasm{0}.name(name).byte(5).leb(instance).byte(0)}));
  ++instances_;
}
void Component::export_core_module(std::string_view name, std::uint32_t module) {
  raw(11, vec({Wasm{0}.name(name).byte(0).byte(0x11).leb(module).byte(0)}));
  ++core_modules_;
}
std::uint32_t Component::export_type(std::string_view name, std::uint32_t type) {
  raw(11, vec({Wasm{0}.name(name).byte(3).leb(type).byte(0)}));
  return types_++;
}

void Component::raw(int id, const Wasm& body) {
  sections_.push_back(section(id, body));
}

Bytes Component::bytes() const {
  return component::testing::component(sections_);
}

}  // namespace whorl::hostile
