// What types say about memory and core values, computed once.
#include "component/abi_layout.hpp"
#include "component/interpret.hpp"

#include <algorithm>
#include <unordered_map>

namespace whorl::component {
namespace {

using engine::ValType;

constexpr std::uint32_t kManyFlat = kMaxFlatParams + 1;

class LayoutMaker {
 public:
  LayoutMaker(FuncLayout& func, PayloadTable* payloads) : func_(func), payloads_(payloads) {}

  /// The layout of a type; each is made once.
  [[nodiscard]] Result<const TypeLayout*> type(const TypeRef& of) {
    if (const auto known = known_.find(of.get()); known != known_.end()) {
      return known->second;
    }
    // Parts first: a layout's address must not change once it is known.
    TypeLayout made;
    made.kind = of->kind;
    WHORL_CHECKED(fill(made, *of));
    func_.types.push_back(std::move(made));
    func_.shape_types.push_back(of);
    known_.emplace(of.get(), &func_.types.back());
    return &func_.types.back();
  }

  [[nodiscard]] Result<const TypeLayout*> tuple(const std::vector<Member>& members) {
    TypeLayout made;
    made.kind = TypeKind::Tuple;
    WHORL_CHECKED(record(made, members));
    func_.types.push_back(std::move(made));
    return &func_.types.back();
  }

 private:
  static void scalar(TypeLayout& out, std::uint32_t size, ValType flat = ValType::I32) {
    out.is_scalar = true;
    out.size = out.alignment = size;
    out.flat_count = 1;
    out.flat[0] = flat;
  }

  static void pointer_pair(TypeLayout& out) {
    out.size = 8;
    out.alignment = 4;
    out.flat_count = 2;
    out.flat[0] = out.flat[1] = ValType::I32;
  }

  [[nodiscard]] Result<> fill(TypeLayout& out, const Type& of) {
    switch (of.kind) {
      case TypeKind::Bool:
      case TypeKind::S8:
      case TypeKind::U8:
        scalar(out, 1);
        return {};
      case TypeKind::S16:
      case TypeKind::U16:
        scalar(out, 2);
        return {};
      case TypeKind::S32:
      case TypeKind::U32:
      case TypeKind::Char:
        scalar(out, 4);
        return {};
      case TypeKind::F32:
        scalar(out, 4, ValType::F32);
        return {};
      case TypeKind::S64:
      case TypeKind::U64:
        scalar(out, 8, ValType::I64);
        return {};
      case TypeKind::F64:
        scalar(out, 8, ValType::F64);
        return {};
      case TypeKind::Enum:
        out.length = static_cast<std::uint32_t>(of.members.size());
        scalar(out, discriminant_size(of.members.size()));
        return {};
      case TypeKind::Flags:
        return flags(out, of);
      case TypeKind::Own:
      case TypeKind::Borrow:
        scalar(out, 4);
        out.is_scalar = false;
        out.resource = of.resource;
        func_.params_borrow = func_.params_borrow || of.kind == TypeKind::Borrow;
        return {};
      case TypeKind::String:
        pointer_pair(out);
        return {};
      case TypeKind::Stream:
      case TypeKind::Future:
        if (payloads_ != nullptr) {
          WHORL_TRY(out.payload, payloads_->add(of.element));
        }
        [[fallthrough]];
      case TypeKind::ErrorContext:
        scalar(out, 4);
        out.is_scalar = false;
        return {};
      default:
        return compound(out, of);
    }
  }

  [[nodiscard]] Result<> compound(TypeLayout& out, const Type& of) {
    switch (of.kind) {
      case TypeKind::List: {
        pointer_pair(out);
        WHORL_TRY(out.element, type(of.element));
        return {};
      }
      case TypeKind::Map: {
        pointer_pair(out);
        WHORL_TRY(out.element, tuple({Member{{}, of.element}, Member{{}, of.other}}));
        return {};
      }
      case TypeKind::FixedList:
        return fixed_list(out, of);
      case TypeKind::Record:
      case TypeKind::Tuple:
        return record(out, of.members);
      case TypeKind::Variant:
        return variant(out, of.members);
      case TypeKind::Option:
        return variant(out, {Member{}, Member{{}, of.element}});
      case TypeKind::Result:
        return variant(out, {Member{{}, of.element}, Member{{}, of.other}});
      default:
        return fail(
            ErrorKind::Unsupported, "values of type {} cannot be passed yet", to_string(of.kind)
        );
    }
  }

  [[nodiscard]] static Result<> flags(TypeLayout& out, const Type& of) {
    const std::size_t count = of.members.size();
    if (count > 32) {
      return fail(ErrorKind::InvalidInput, "flags have at most 32 labels");
    }
    scalar(out, count <= 8 ? 1 : count <= 16 ? 2 : 4);
    out.mask = count == 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << count) - 1;
    return {};
  }

  [[nodiscard]] static Result<std::uint32_t> checked_size(std::uint64_t size) {
    if (size > kMaxListBytes) {
      return fail(
          ErrorKind::InvalidInput, "a type's values would take more than {} bytes", kMaxListBytes
      );
    }
    return static_cast<std::uint32_t>(size);
  }

  static void append_flat(TypeLayout& out, const TypeLayout& part) {
    if (part.flat_count > kMaxFlatParams || out.flat_count + part.flat_count > kMaxFlatParams) {
      out.flat_count = kManyFlat;
      return;
    }
    std::copy_n(part.flat.begin(), part.flat_count, out.flat.begin() + out.flat_count);
    out.flat_count += part.flat_count;
  }

  [[nodiscard]] Result<> record(TypeLayout& out, const std::vector<Member>& members) {
    std::uint64_t end = 0;
    for (const Member& member : members) {
      WHORL_TRY(const TypeLayout* part, type(member.type));
      WHORL_TRY(const std::uint32_t from, checked_size(end));
      const std::uint32_t offset = align_to(from, part->alignment);
      out.parts.push_back({part, offset, out.flat_count});
      out.alignment = std::max(out.alignment, part->alignment);
      append_flat(out, *part);
      end = std::uint64_t{offset} + part->size;
    }
    WHORL_TRY(out.size, checked_size(end));
    out.size = align_to(out.size, out.alignment);
    return {};
  }

  [[nodiscard]] Result<> fixed_list(TypeLayout& out, const Type& of) {
    WHORL_TRY(out.element, type(of.element));
    out.length = of.length;
    out.alignment = out.element->alignment;
    WHORL_TRY(out.size, checked_size(std::uint64_t{of.length} * out.element->size));
    for (std::uint32_t i = 0; i < of.length && out.flat_count <= kMaxFlatParams; ++i) {
      append_flat(out, *out.element);
    }
    return {};
  }

  [[nodiscard]] Result<> variant(TypeLayout& out, const std::vector<Member>& cases) {
    out.discriminant_size = static_cast<std::uint8_t>(discriminant_size(cases.size()));
    std::uint32_t payload_alignment = 1;
    std::uint32_t payload_size = 0;
    out.flat_count = 1;
    out.flat[0] = ValType::I32;
    for (const Member& member : cases) {
      TypeLayout::Part part{nullptr, 0, 1};
      if (member.type != nullptr) {
        WHORL_TRY(part.type, type(member.type));
        payload_alignment = std::max(payload_alignment, part.type->alignment);
        payload_size = std::max(payload_size, part.type->size);
        join_flat(out, *part.type);
      }
      out.parts.push_back(part);
    }
    const std::uint32_t offset = align_to(out.discriminant_size, payload_alignment);
    for (TypeLayout::Part& part : out.parts) {
      part.offset = offset;
    }
    out.alignment = std::max<std::uint32_t>(out.discriminant_size, payload_alignment);
    WHORL_TRY(out.size, checked_size(std::uint64_t{offset} + payload_size));
    out.size = align_to(out.size, out.alignment);
    return {};
  }

  static void join_flat(TypeLayout& out, const TypeLayout& payload) {
    if (out.flat_count > kMaxFlatParams || payload.flat_count + 1 > kMaxFlatParams) {
      out.flat_count = kManyFlat;
      return;
    }
    for (std::uint32_t i = 0; i < payload.flat_count; ++i) {
      if (i + 1 < out.flat_count) {
        out.flat[i + 1] = join(out.flat[i + 1], payload.flat[i]);
      } else {
        out.flat[out.flat_count++] = payload.flat[i];
      }
    }
  }

  FuncLayout& func_;
  PayloadTable* payloads_;
  std::unordered_map<const Type*, const TypeLayout*> known_;
};

}  // namespace

Result<std::shared_ptr<const FuncLayout>> make_layout(
    const FuncShape& func, PayloadTable* payloads
) {
  auto made = std::make_shared<FuncLayout>();
  LayoutMaker maker(*made, payloads);
  WHORL_TRY(made->params, maker.tuple(func.params));
  if (func.result != nullptr) {
    WHORL_TRY(made->result, maker.type(func.result));
  }
  return std::shared_ptr<const FuncLayout>(std::move(made));
}

}  // namespace whorl::component
