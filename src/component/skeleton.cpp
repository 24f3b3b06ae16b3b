#include "component/skeleton.hpp"

#include "component/binary.hpp"
#include "component/core_types.hpp"
#include "component/reader.hpp"
#include "component/wasm_writer.hpp"
#include "engine/module.hpp"
#include "engine/validator.hpp"

#include <algorithm>
#include <array>

namespace whorl::component {
namespace {

constexpr std::size_t kPreambleBytes = 8;
constexpr std::uint32_t kMaxItems = 1'000'000;

// Section ids of core modules and of components.
enum CoreSection : std::uint8_t {
  kCustom = 0,
  kImport = 2,
  kFunction = 3,
  kTable = 4,
  kGlobal = 6,
  kExport = 7,
  kStart = 8,
  kElement = 9,
  kCode = 10,
  kData = 11,
  kDataCount = 12,
};
constexpr std::uint8_t kModuleSection = 1;
constexpr std::uint8_t kComponentSection = 4;

struct Section {
  std::uint8_t id = 0;
  ByteView body;
  std::uint64_t offset = 0;  ///< of the body
};

Result<Section> read_section(Reader& in) {
  Section out;
  WHORL_TRY(out.id, in.byte("a section"));
  WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
  out.offset = in.offset();
  WHORL_TRY(out.body, in.take(size, "a section"));
  return out;
}

/// One core module on its way to a skeleton.
class ModuleSkeleton {
 public:
  [[nodiscard]] Result<> write(ByteView module, std::uint64_t base, Bytes& out) {
    Reader in(module, base);
    WHORL_TRY(preamble_, in.take(kPreambleBytes, "a core module's preamble"));
    while (!in.at_end()) {
      WHORL_TRY(const Section section, read_section(in));
      WHORL_CHECKED(look_at(section));
      sections_.push_back(section);
    }
    number_kept();
    append_bytes(out, preamble_);
    for (const Section& section : sections_) {
      WHORL_CHECKED(write_section(section, out));
    }
    return {};
  }

 private:
  /// Notes which functions can be reached from outside the bodies.
  [[nodiscard]] Result<> look_at(const Section& section) {
    Reader in(section.body, section.offset);
    switch (section.id) {
      case kImport:
        return count_imports(in);
      case kFunction:
        return read_functions(in);
      case kTable:
        return look_at_tables(in);
      case kGlobal:
        return look_at_globals(in);
      case kExport:
        return look_at_exports(in);
      case kStart: {
        WHORL_TRY(const std::uint32_t func, in.u32("the start function"));
        keep(func);
        return {};
      }
      default:
        return {};
    }
  }

  [[nodiscard]] Result<> count_imports(Reader& in) {
    WHORL_TRY(const std::uint32_t count, in.count("imports", kMaxItems));
    for (std::uint32_t i = 0; i < count; ++i) {
      WHORL_CHECKED(in.name("the module of an import"));
      WHORL_CHECKED(in.name("the name of an import"));
      WHORL_TRY(const CoreExternType type, read_core_extern_type(in));
      imported_ += type.kind == CoreKind::Func ? 1 : 0;
    }
    return {};
  }

  [[nodiscard]] Result<> read_functions(Reader& in) {
    WHORL_TRY(const std::uint32_t count, in.count("functions", kMaxItems));
    types_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      WHORL_TRY(const std::uint32_t type, in.u32("a type index"));
      types_.push_back(type);
    }
    kept_.resize(types_.size(), 0);  // a section may stand there twice, in damaged bytes
    return {};
  }

  /// Initial values may name functions; their indices are left as they are, so all must stay.
  [[nodiscard]] Result<> look_at_initial(Reader& in) {
    const std::size_t start = in.position();
    Reader ahead = in;
    WHORL_CHECKED(skip_const_expr(in));
    WHORL_TRY(const ByteView expression, ahead.take(in.position() - start, "an initial value"));
    constexpr std::uint8_t kRefFunc = 0xd2;
    keep_all_ = keep_all_ || std::ranges::find(expression, kRefFunc) != expression.end();
    return {};
  }

  [[nodiscard]] Result<> look_at_tables(Reader& in) {
    WHORL_TRY(const std::uint32_t count, in.count("tables", kMaxItems));
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool has_initial = in.peek() == 0x40;
      if (has_initial) {
        WHORL_CHECKED(in.take(2, "a table with an initial value"));
      }
      WHORL_CHECKED(read_core_table_type(in));
      if (has_initial) {
        WHORL_CHECKED(look_at_initial(in));
      }
    }
    return {};
  }

  [[nodiscard]] Result<> look_at_globals(Reader& in) {
    WHORL_TRY(const std::uint32_t count, in.count("globals", kMaxItems));
    for (std::uint32_t i = 0; i < count; ++i) {
      WHORL_CHECKED(read_core_global_type(in));
      WHORL_CHECKED(look_at_initial(in));
    }
    return {};
  }

  [[nodiscard]] Result<> look_at_exports(Reader& in) {
    WHORL_TRY(const std::uint32_t count, in.count("exports", kMaxItems));
    for (std::uint32_t i = 0; i < count; ++i) {
      WHORL_CHECKED(in.name("the name of an export"));
      WHORL_TRY(const std::uint8_t kind, in.byte("the kind of an export"));
      WHORL_TRY(const std::uint32_t index, in.u32("the index of an export"));
      if (kind == 0) {
        keep(index);
      }
    }
    return {};
  }

  void keep(std::uint32_t func) {
    if (func >= imported_ && func - imported_ < kept_.size()) {
      kept_[func - imported_] = 1;
    }
  }

  void number_kept() {
    std::uint32_t next = imported_;
    for (std::uint8_t& kept : kept_) {
      kept = kept != 0 || keep_all_ ? 1 : 0;
      new_index_.push_back(next);
      next += kept;
    }
    kept_count_ = next - imported_;
  }

  /// Indices out of range stay so: the validator will say it.
  [[nodiscard]] std::uint32_t renumbered(std::uint32_t func) const {
    return func >= imported_ && func - imported_ < new_index_.size() ? new_index_[func - imported_]
                                                                     : func;
  }

  [[nodiscard]] Result<> write_section(const Section& section, Bytes& out) const {
    Bytes body;
    switch (section.id) {
      case kCustom:
      case kElement:
      case kData:
      case kDataCount:
        return {};
      case kFunction:
        write_functions(body);
        break;
      case kExport:
        WHORL_CHECKED(write_exports(section, body));
        break;
      case kStart: {
        Reader in(section.body, section.offset);
        WHORL_TRY(const std::uint32_t func, in.u32("the start function"));
        append_leb(body, renumbered(func));
        break;
      }
      case kCode:
        write_code(body);
        break;
      default:
        append_section(out, section.id, section.body);
        return {};
    }
    append_section(out, section.id, body);
    return {};
  }

  void write_functions(Bytes& body) const {
    append_leb(body, kept_count_);
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (kept_[i] != 0) {
        append_leb(body, types_[i]);
      }
    }
  }

  [[nodiscard]] Result<> write_exports(const Section& section, Bytes& body) const {
    Reader in(section.body, section.offset);
    WHORL_TRY(const std::uint32_t count, in.count("exports", kMaxItems));
    append_leb(body, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      WHORL_TRY(const std::string_view name, in.name("the name of an export"));
      WHORL_TRY(const std::uint8_t kind, in.byte("the kind of an export"));
      WHORL_TRY(const std::uint32_t index, in.u32("the index of an export"));
      append_name(body, name);
      body.push_back(kind);
      append_leb(body, kind == 0 ? renumbered(index) : index);
    }
    return {};
  }

  void write_code(Bytes& body) const {
    // Size, no locals, `unreachable`, `end`.
    constexpr std::array<std::uint8_t, 4> kBody = {3, 0, 0x00, 0x0b};
    append_leb(body, kept_count_);
    for (std::uint32_t i = 0; i < kept_count_; ++i) {
      append_bytes(body, kBody);
    }
  }

  ByteView preamble_;
  std::vector<Section> sections_;
  std::uint32_t imported_ = 0;            ///< functions
  std::vector<std::uint32_t> types_;      ///< of the functions defined here
  std::vector<std::uint8_t> kept_;        ///< 1 where the skeleton has it too
  std::vector<std::uint32_t> new_index_;  ///< for those
  std::uint32_t kept_count_ = 0;
  bool keep_all_ = false;
};

Result<> write_component(ByteView component, std::uint64_t base, std::uint32_t depth, Bytes& out) {
  if (depth > kMaxNestingDepth) {
    return malformed(base, "components are nested more than {} deep", kMaxNestingDepth);
  }
  Reader in(component, base);
  WHORL_TRY(const ByteView preamble, in.take(kPreambleBytes, "a component's preamble"));
  append_bytes(out, preamble);
  while (!in.at_end()) {
    WHORL_TRY(const Section section, read_section(in));
    if (section.id == kCustom) {
      continue;
    }
    if (section.id != kModuleSection && section.id != kComponentSection) {
      append_section(out, section.id, section.body);
      continue;
    }
    Bytes nested;
    if (section.id == kModuleSection) {
      WHORL_CHECKED(ModuleSkeleton().write(section.body, section.offset, nested));
    } else {
      WHORL_CHECKED(write_component(section.body, section.offset, depth + 1, nested));
    }
    append_section(out, section.id, nested);
  }
  return {};
}

}  // namespace

Result<Bytes> make_skeleton(ByteView component) {
  Bytes out;
  WHORL_CHECKED(write_component(component, 0, 0, out));
  return out;
}

namespace {

constexpr bool is_left_out(std::uint8_t id) noexcept {
  return id == kCustom || id == kElement || id == kCode || id == kData || id == kDataCount;
}

/// Id and length first, so that no two sequences of sections run together.
void hash_section(std::uint8_t id, ByteView body, Sha256& hash) {
  Bytes head = {id};
  append_leb(head, body.size());
  hash.update(head).update(body);
}

Result<> hash_module(const Section& module, Sha256& hash) {
  Reader in(module.body, module.offset);
  WHORL_TRY(const ByteView preamble, in.take(kPreambleBytes, "a core module's preamble"));
  hash.update(preamble);
  while (!in.at_end()) {
    WHORL_TRY(const Section section, read_section(in));
    if (!is_left_out(section.id)) {
      hash_section(section.id, section.body, hash);
    }
  }
  return {};
}

/// Everything that a skeleton is made of: cheaper to hash than to make.
Result<> hash_component(ByteView component, std::uint64_t base, std::uint32_t depth, Sha256& hash) {
  if (depth > kMaxNestingDepth) {
    return malformed(base, "components are nested more than {} deep", kMaxNestingDepth);
  }
  // What no section has as its id, around what is nested.
  constexpr std::array<std::uint8_t, 1> kBegin = {0xfe};
  constexpr std::array<std::uint8_t, 1> kEnd = {0xff};
  Reader in(component, base);
  WHORL_TRY(const ByteView preamble, in.take(kPreambleBytes, "a component's preamble"));
  hash.update(kBegin).update(preamble);
  while (!in.at_end()) {
    WHORL_TRY(const Section section, read_section(in));
    if (section.id == kModuleSection) {
      hash.update(kBegin);
      WHORL_CHECKED(hash_module(section, hash));
      hash.update(kEnd);
    } else if (section.id == kComponentSection) {
      WHORL_CHECKED(hash_component(section.body, section.offset, depth + 1, hash));
    } else if (section.id != kCustom) {
      hash_section(section.id, section.body, hash);
    }
  }
  hash.update(kEnd);
  return {};
}

}  // namespace

Result<> validate_by_skeleton(const engine::ModuleCache* cache, ByteView component) {
  Sha256 hash;
  WHORL_CHECKED(hash_component(component, 0, 0, hash));
  const Sha256Digest key = engine::verdict_key(hash.finish());
  if (cache != nullptr && cache->has_fact(engine::kWellTyped, key)) {
    return {};
  }
  WHORL_TRY(const Bytes skeleton, make_skeleton(component));
  const engine::Judgement judgement = engine::judge_component(skeleton);
  if (judgement.verdict == engine::Verdict::Invalid) {
    return fail(ErrorKind::InvalidInput, "the component is not well typed: {}", judgement.reason);
  }
  if (cache != nullptr) {
    // A fact that can't be kept costs the same judgement at the next start, nothing else.
    (void)cache->add_fact(engine::kWellTyped, key);
  }
  return {};
}

}  // namespace whorl::component
