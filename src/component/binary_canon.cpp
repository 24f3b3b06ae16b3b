// The canon section of the decoder. @spec Binary.md "Canonical Definitions"
#include "component/binary_decoder.hpp"

namespace whorl::component {

using ir::CanonOp;
using ir::Sort;

namespace ir {

std::string_view to_string(CanonOp op) noexcept {
  constexpr std::array<std::string_view, 0x2e> kNames = {
      "lift",
      "lower",
      "resource.new",
      "resource.drop",
      "resource.rep",
      "task.cancel",
      "subtask.cancel",
      "",
      "",
      "task.return",
      "context.get",
      "context.set",
      "thread.yield",
      "subtask.drop",
      "stream.new",
      "stream.read",
      "stream.write",
      "stream.cancel-read",
      "stream.cancel-write",
      "stream.drop-readable",
      "stream.drop-writable",
      "future.new",
      "future.read",
      "future.write",
      "future.cancel-read",
      "future.cancel-write",
      "future.drop-readable",
      "future.drop-writable",
      "error-context.new",
      "error-context.debug-message",
      "error-context.drop",
      "waitable-set.new",
      "waitable-set.wait",
      "waitable-set.poll",
      "waitable-set.drop",
      "waitable.join",
      "backpressure.inc",
      "backpressure.dec",
      "thread.index",
      "thread.new-indirect",
      "thread.resume-later",
      "thread.suspend",
      "thread.suspend-then-resume",
      "thread.yield-then-resume",
      "thread.suspend-then-promote",
      "thread.yield-then-promote",
  };
  const auto code = static_cast<std::size_t>(op);
  if (code < kNames.size()) {
    return kNames[code];
  }
  switch (op) {
    case CanonOp::ThreadSpawnRef:
      return "thread.spawn-ref";
    case CanonOp::ThreadSpawnIndirect:
      return "thread.spawn-indirect";
    default:
      return "thread.available-parallelism";
  }
}

}  // namespace ir

namespace detail {
namespace {

constexpr bool is_canon_op(std::uint8_t code) noexcept {
  return (code <= 0x2d && code != 0x07 && code != 0x08) || (code >= 0x40 && code <= 0x42);
}

/// The byte after the opcode of lift and lower: always zero.
Result<> zero_byte(Reader& in, std::string_view what) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t value, in.byte(what));
  if (value != 0) {
    return malformed(start, "expected {} (0), found {:#04x}", what, value);
  }
  return {};
}

Result<> once(
    std::optional<std::uint32_t>& slot,
    std::uint64_t offset,
    std::uint32_t value,
    std::string_view what
) {
  if (slot) {
    return malformed(offset, "the canonical option {} is given twice", what);
  }
  slot = value;
  return {};
}

}  // namespace

Result<ir::CanonOptions> Decoder::canon_options(Reader& in, const Scope& scope) {
  ir::CanonOptions out;
  bool has_encoding = false;
  WHORL_TRY(const std::uint32_t count, in.count("canonical options", 16));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint8_t kind, in.byte("a canonical option"));
    switch (kind) {
      case 0x00:
      case 0x01:
      case 0x02:
        if (has_encoding) {
          return malformed(start, "more than one string encoding is given");
        }
        has_encoding = true;
        out.encoding = static_cast<ir::StringEncoding>(kind);
        break;
      case 0x03: {
        WHORL_TRY(const std::uint32_t memory, index(in, scope, Sort::CoreMemory));
        WHORL_CHECKED(once(out.memory, start, memory, "memory"));
        break;
      }
      case 0x04: {
        WHORL_TRY(const std::uint32_t func, index(in, scope, Sort::CoreFunc));
        WHORL_CHECKED(once(out.realloc, start, func, "realloc"));
        break;
      }
      case 0x05: {
        WHORL_TRY(const std::uint32_t func, index(in, scope, Sort::CoreFunc));
        WHORL_CHECKED(once(out.post_return, start, func, "post-return"));
        break;
      }
      case 0x06:
        if (out.is_async) {
          return malformed(start, "the canonical option async is given twice");
        }
        out.is_async = true;
        break;
      case 0x07: {
        WHORL_TRY(const std::uint32_t func, index(in, scope, Sort::CoreFunc));
        WHORL_CHECKED(once(out.callback, start, func, "callback"));
        break;
      }
      default:
        return malformed(start, "expected a canonical option, found {:#04x}", kind);
    }
  }
  return out;
}

Result<ir::Canon> Decoder::canon(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a canonical definition"));
  if (!is_canon_op(code)) {
    return malformed(start, "expected a canonical definition, found {:#04x}", code);
  }
  ir::Canon out;
  out.op = static_cast<CanonOp>(code);
  WHORL_CHECKED(canon_operands(in, scope, out));
  const ir::CanonOptions& options = out.options;
  if (options.post_return && (options.is_async || out.op != CanonOp::Lift)) {
    return malformed(start, "post-return is for synchronous lifts only");
  }
  if (options.callback && (!options.is_async || out.op != CanonOp::Lift)) {
    return malformed(start, "callback is for asynchronous lifts only");
  }
  if (options.realloc && !options.memory) {
    return malformed(start, "the canonical option realloc needs memory as well");
  }
  return out;
}

Result<> Decoder::canon_operands(Reader& in, const Scope& scope, ir::Canon& out) {
  switch (out.op) {
    case CanonOp::Lift: {
      WHORL_CHECKED(zero_byte(in, "the sort of a lifted function"));
      WHORL_TRY(out.func, index(in, scope, Sort::CoreFunc));
      WHORL_TRY(out.options, canon_options(in, scope));
      WHORL_TRY(out.type, index(in, scope, Sort::Type));
      return {};
    }
    case CanonOp::Lower: {
      WHORL_CHECKED(zero_byte(in, "the sort of a lowered function"));
      WHORL_TRY(out.func, index(in, scope, Sort::Func));
      WHORL_TRY(out.options, canon_options(in, scope));
      return {};
    }
    case CanonOp::ResourceNew:
    case CanonOp::ResourceDrop:
    case CanonOp::ResourceRep:
    case CanonOp::StreamNew:
    case CanonOp::StreamDropReadable:
    case CanonOp::StreamDropWritable:
    case CanonOp::FutureNew:
    case CanonOp::FutureDropReadable:
    case CanonOp::FutureDropWritable: {
      WHORL_TRY(out.type, index(in, scope, Sort::Type));
      return {};
    }
    case CanonOp::StreamRead:
    case CanonOp::StreamWrite:
    case CanonOp::FutureRead:
    case CanonOp::FutureWrite: {
      WHORL_TRY(out.type, index(in, scope, Sort::Type));
      WHORL_TRY(out.options, canon_options(in, scope));
      return {};
    }
    case CanonOp::StreamCancelRead:
    case CanonOp::StreamCancelWrite:
    case CanonOp::FutureCancelRead:
    case CanonOp::FutureCancelWrite: {
      WHORL_TRY(out.type, index(in, scope, Sort::Type));
      WHORL_TRY(out.flag, flag_byte(in, "an async flag"));
      return {};
    }
    case CanonOp::SubtaskCancel: {
      WHORL_TRY(out.flag, flag_byte(in, "an async flag"));
      return {};
    }
    case CanonOp::ThreadYield:
    case CanonOp::ThreadSuspend:
    case CanonOp::ThreadSuspendThenResume:
    case CanonOp::ThreadYieldThenResume:
    case CanonOp::ThreadSuspendThenPromote:
    case CanonOp::ThreadYieldThenPromote: {
      WHORL_TRY(out.flag, flag_byte(in, "a cancellable flag"));
      return {};
    }
    case CanonOp::WaitableSetWait:
    case CanonOp::WaitableSetPoll: {
      WHORL_TRY(out.flag, flag_byte(in, "a cancellable flag"));
      WHORL_TRY(out.index, index(in, scope, Sort::CoreMemory));
      return {};
    }
    case CanonOp::TaskReturn: {
      WHORL_TRY(out.result, result_list(in, scope));
      WHORL_TRY(out.options, canon_options(in, scope));
      return {};
    }
    case CanonOp::ContextGet:
    case CanonOp::ContextSet: {
      WHORL_TRY(out.core_type, in.byte("a core value type"));
      WHORL_TRY(out.index, in.u32("a context slot"));
      return {};
    }
    case CanonOp::ErrorContextNew:
    case CanonOp::ErrorContextDebugMessage: {
      WHORL_TRY(out.options, canon_options(in, scope));
      return {};
    }
    case CanonOp::ThreadNewIndirect: {
      WHORL_TRY(out.type, index(in, scope, Sort::CoreType));
      WHORL_TRY(out.index, index(in, scope, Sort::CoreTable));
      return {};
    }
    case CanonOp::ThreadSpawnRef: {
      WHORL_TRY(out.flag, flag_byte(in, "a shared flag"));
      WHORL_TRY(out.type, index(in, scope, Sort::CoreType));
      return {};
    }
    case CanonOp::ThreadSpawnIndirect: {
      WHORL_TRY(out.flag, flag_byte(in, "a shared flag"));
      WHORL_TRY(out.type, index(in, scope, Sort::CoreType));
      WHORL_TRY(out.index, index(in, scope, Sort::CoreTable));
      return {};
    }
    case CanonOp::ThreadAvailableParallelism: {
      WHORL_TRY(out.flag, flag_byte(in, "a shared flag"));
      return {};
    }
    default:
      // task.cancel, subtask.drop, error-context.drop, waitable-set.new, waitable-set.drop,
      // waitable.join, backpressure.*, thread.index, thread.resume-later: no operands.
      return {};
  }
}

}  // namespace detail
}  // namespace whorl::component
