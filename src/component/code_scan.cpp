#include "component/code_scan.hpp"

#include <array>

namespace whorl::component {
namespace {

/// How an instruction's immediates are laid out.
enum class Form : std::uint8_t {
  Unknown,
  None,
  Leb,      ///< one LEB128 number, signed or not
  TwoLebs,  ///<
  MemArg,   ///< alignment, with a memory index when bit 6 is set, then the offset
  Bytes4,
  Bytes8,
  BrTable,   ///< a vector of labels and one more
  Types,     ///< a vector of value types
  TryTable,  ///< a block type and a vector of catch clauses
  Bulk,      ///< 0xfc: a sub-opcode follows
  Vector,    ///< 0xfd
  Atomic,    ///< 0xfe
};

constexpr void fill(std::array<Form, 256>& forms, int first, int last, Form form) {
  for (int i = first; i <= last; ++i) {
    forms[static_cast<std::size_t>(i)] = form;
  }
}

constexpr std::array<Form, 256> kForms = [] {
  std::array<Form, 256> forms{};
  fill(forms, 0x00, 0x01, Form::None);  // unreachable, nop
  fill(forms, 0x02, 0x04, Form::Leb);   // block, loop, if
  forms[0x05] = Form::None;             // else
  forms[0x08] = Form::Leb;              // throw
  fill(forms, 0x0a, 0x0b, Form::None);  // throw_ref, end
  fill(forms, 0x0c, 0x0d, Form::Leb);   // br, br_if
  forms[0x0e] = Form::BrTable;
  forms[0x0f] = Form::None;               // return
  forms[0x10] = Form::Leb;                // call
  forms[0x11] = Form::TwoLebs;            // call_indirect
  forms[0x12] = Form::Leb;                // return_call
  forms[0x13] = Form::TwoLebs;            // return_call_indirect
  fill(forms, 0x14, 0x15, Form::Leb);     // call_ref, return_call_ref
  fill(forms, 0x1a, 0x1b, Form::None);    // drop, select
  forms[0x1c] = Form::Types;              // select t
  forms[0x1f] = Form::TryTable;           //
  fill(forms, 0x20, 0x26, Form::Leb);     // local.*, global.*, table.get, table.set
  fill(forms, 0x28, 0x3e, Form::MemArg);  // loads and stores
  fill(forms, 0x3f, 0x40, Form::Leb);     // memory.size, memory.grow
  fill(forms, 0x41, 0x42, Form::Leb);     // i32.const, i64.const
  forms[0x43] = Form::Bytes4;             // f32.const
  forms[0x44] = Form::Bytes8;             // f64.const
  fill(forms, 0x45, 0xc4, Form::None);    // numeric
  forms[0xd0] = Form::Leb;                // ref.null
  forms[0xd1] = Form::None;               // ref.is_null
  forms[0xd2] = Form::Leb;                // ref.func
  fill(forms, 0xd3, 0xd4, Form::None);    // ref.eq, ref.as_non_null
  fill(forms, 0xd5, 0xd6, Form::Leb);     // br_on_null, br_on_non_null
  forms[0xfc] = Form::Bulk;
  forms[0xfd] = Form::Vector;
  forms[0xfe] = Form::Atomic;
  return forms;
}();

/// A cursor that gives up for good at the first byte too few; plain pointers, since a JavaScript
/// engine has ten million instructions.
class Walker {
 public:
  explicit Walker(ByteView code) noexcept : at_(code.data()), end_(code.data() + code.size()) {}

  [[nodiscard]] CodeFacts run() noexcept {
    if (at_ == end_) {
      return facts_;  // no code section
    }
    std::uint64_t bodies = number();
    while (bodies-- != 0 && facts_.is_understood) {
      body();
    }
    return facts_;
  }

 private:
  void give_up() noexcept {
    facts_.is_understood = false;
    at_ = end_;
  }
  std::uint8_t byte() noexcept {
    if (at_ == end_) {
      give_up();
      return 0;
    }
    return *at_++;
  }
  void skip(std::uint64_t bytes) noexcept {
    if (static_cast<std::uint64_t>(end_ - at_) < bytes) {
      give_up();
    } else {
      at_ += bytes;
    }
  }
  /// An unsigned number; of signed ones only the length matters.
  std::uint64_t number() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const std::uint8_t next = byte();
      value |= shift < 64 ? std::uint64_t{next & 0x7fu} << shift : 0;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    give_up();
    return 0;
  }
  void numbers(std::uint64_t count) noexcept {
    while (count-- != 0 && facts_.is_understood) {
      number();
    }
  }
  void memarg() noexcept {
    if ((number() & 0x40) != 0) {
      number();
    }
    number();
  }
  /// One value type; the long forms of references have a heap type behind them.
  void type() noexcept {
    const std::uint8_t code = byte();
    if (code == 0x63 || code == 0x64) {
      number();
    }
  }
  void block_type() noexcept {
    if (at_ != end_ && (*at_ == 0x63 || *at_ == 0x64)) {
      type();
    } else {
      number();
    }
  }

  void body() noexcept {
    const std::uint64_t size = number();
    if (static_cast<std::uint64_t>(end_ - at_) < size) {
      return give_up();
    }
    const std::uint8_t* const outer = end_;
    end_ = at_ + size;
    std::uint64_t groups = number();
    while (groups-- != 0 && facts_.is_understood) {
      number();
      type();
    }
    while (at_ != end_ && facts_.is_understood) {
      instruction();
    }
    end_ = outer;
  }

  void instruction() noexcept {
    const std::uint8_t opcode = byte();
    facts_.changes_tables |= opcode == 0x26;
    facts_.grows_memory |= opcode == 0x40;
    if (opcode >= 0x02 && opcode <= 0x04) {
      return block_type();
    }
    immediates(kForms[opcode]);
  }

  void immediates(Form form) noexcept {
    switch (form) {
      case Form::None:
        return;
      case Form::Leb:
        return numbers(1);
      case Form::TwoLebs:
        return numbers(2);
      case Form::MemArg:
        return memarg();
      case Form::Bytes4:
        return skip(4);
      case Form::Bytes8:
        return skip(8);
      case Form::BrTable:
        numbers(number());
        return numbers(1);
      case Form::Types:
        return types();
      case Form::TryTable:
        return try_table();
      case Form::Bulk:
        return bulk();
      case Form::Vector:
        return vector();
      case Form::Atomic:
        return atomic();
      case Form::Unknown:
        return give_up();
    }
  }

  void types() noexcept {
    std::uint64_t count = number();
    while (count-- != 0 && facts_.is_understood) {
      type();
    }
  }

  void try_table() noexcept {
    block_type();
    std::uint64_t clauses = number();
    while (clauses-- != 0 && facts_.is_understood) {
      // catch and catch_ref have a tag, catch_all and catch_all_ref only a label.
      numbers(byte() < 2 ? 2 : 1);
    }
  }

  void bulk() noexcept {
    const std::uint64_t opcode = number();
    switch (opcode) {
      case 8:  // memory.init
        return numbers(2);
      case 9:   // data.drop
      case 13:  // elem.drop
        facts_.drops_segments = true;
        return numbers(1);
      case 10:  // memory.copy
        return numbers(2);
      case 11:  // memory.fill
      case 16:  // table.size
        return numbers(1);
      case 12:  // table.init
      case 14:  // table.copy
        facts_.changes_tables = true;
        return numbers(2);
      case 15:  // table.grow
      case 17:  // table.fill
        facts_.changes_tables = true;
        return numbers(1);
      default:
        // 0 to 7: saturating conversions; 19 to 22: wide arithmetic.
        return opcode <= 7 || (opcode >= 19 && opcode <= 22) ? void() : give_up();
    }
  }

  void vector() noexcept {
    const std::uint64_t opcode = number();
    if (opcode <= 11 || opcode == 92 || opcode == 93) {
      return memarg();
    }
    if (opcode == 12 || opcode == 13) {  // v128.const, i8x16.shuffle
      return skip(16);
    }
    if (opcode >= 21 && opcode <= 34) {  // lanes
      return skip(1);
    }
    if (opcode >= 84 && opcode <= 91) {  // loads and stores of lanes
      memarg();
      return skip(1);
    }
    return opcode <= 0x113 ? void() : give_up();
  }

  void atomic() noexcept {
    const std::uint64_t opcode = number();
    if (opcode == 0x03) {  // atomic.fence
      return skip(1);
    }
    return opcode <= 0x02 || (opcode >= 0x10 && opcode <= 0x4e) ? memarg() : give_up();
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  CodeFacts facts_;
};

}  // namespace

CodeFacts scan_code(ByteView code) noexcept {
  return Walker(code).run();
}

}  // namespace whorl::component
