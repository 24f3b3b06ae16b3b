/// Component-level types: value types, resources, functions, as an immutable graph.
///
/// Both a decoded component and the host's own interfaces are described with these, so that "wants"
/// and "offers" can be compared structurally.
/// @spec component model, Explainer "Type Definitions"; Binary.md valtype. @thread any (immutable)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

enum class TypeKind : std::uint8_t {
  Bool,
  S8,
  U8,
  S16,
  U16,
  S32,
  U32,
  S64,
  U64,
  F32,
  F64,
  Char,
  String,
  ErrorContext,
  Record,
  Variant,
  List,
  FixedList,
  Map,
  Tuple,
  Flags,
  Enum,
  Option,
  Result,
  Own,
  Borrow,
  Stream,
  Future,
};

/// The kind's name in WIT: "u8", "record", "list".
[[nodiscard]] std::string_view to_string(TypeKind kind) noexcept;

struct Type;
/// Null means "no type", where a payload is optional.
using TypeRef = std::shared_ptr<const Type>;

/// The run-time identity of a resource type the host implements: compared by address. One static
/// object per generated resource class.
struct ResourceTag {
  const char* interface_name;  ///< "wasi:io/streams"
  const char* name;            ///< "input-stream"
};

/// A resource type. Two are the same type only if they are the same object (types are generative:
/// the linker makes a new object for each instantiation), or both stand for the same host resource.
struct ResourceType {
  static constexpr std::uint16_t kNone = 0xffff;

  std::string name;                   ///< for messages
  const ResourceTag* host = nullptr;  ///< set for one the host implements
  /// The component instance of the plan that defines it; kNone for one of the host.
  std::uint16_t impl = kNone;
  /// The function of the plan that destroys a representation: core type (i32) -> (). kNone without
  /// one. Set by the planner; nobody reads it before the plan is made.
  std::uint16_t dtor_slot = kNone;
  /// Of an interface with nothing behind it: nobody can ever have one.
  bool is_announced = false;
  /// In validation only: the resource type that this object is another name of; null for itself.
  std::shared_ptr<const ResourceType> same_as = nullptr;
};
using ResourceRef = std::shared_ptr<const ResourceType>;

/// The identity of a resource type at run time, in the entries of handle tables.
struct ResourceKey {
  const void* identity = nullptr;
  bool is_host = false;  ///< identity is a ResourceTag, else a ResourceType

  [[nodiscard]] bool operator==(const ResourceKey& other) const noexcept {
    return identity == other.identity;
  }
};
[[nodiscard]] inline ResourceKey resource_key(const ResourceTag& tag) noexcept {
  return {&tag, true};
}
[[nodiscard]] inline ResourceKey resource_key(const ResourceType& type) noexcept {
  return type.host != nullptr ? resource_key(*type.host) : ResourceKey{&type, false};
}
/// The resource's name in WIT, for messages; may be empty.
[[nodiscard]] std::string_view name_of(ResourceKey key) noexcept;

/// How strings are encoded in the memory of one side of a call. @spec CanonicalABI.md
/// "string-encoding"
enum class StringEncoding : std::uint8_t { Utf8, Utf16, Latin1OrUtf16 };

/// A record field, variant case (type may be null), tuple member (no name), flag or enum label.
struct Member {
  std::string name;
  TypeRef type;
};

struct Type {
  TypeKind kind;
  std::vector<Member> members;  ///< Record, Variant, Tuple, Flags, Enum
  TypeRef element;              ///< List, FixedList, Option, Stream, Future; Result: ok; Map: key
  TypeRef other;                ///< Result: error; Map: value
  std::uint32_t length = 0;     ///< FixedList
  ResourceRef resource;         ///< Own, Borrow
};

/// A component-level function type.
struct FuncShape {
  std::vector<Member> params;
  TypeRef result;  ///< null: none
  bool is_async = false;
};

/// WIT text of a type or function, for messages: "list<tuple<string, u32>>". Long ones are cut.
[[nodiscard]] std::string to_wit(const TypeRef& type);
[[nodiscard]] std::string to_wit(const FuncShape& func);

}  // namespace whorl::component
