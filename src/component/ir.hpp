/// The decoded form of a component binary: definitions in file order, nothing resolved yet.
///
/// Names and module bytes are views into the decoded bytes, which must outlive these objects. Every
/// index was checked against its index space when it was decoded. @thread any (immutable)
/// @spec component model, Binary.md
#pragma once

#include "base/bytes.hpp"
#include "component/core_types.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::component::ir {

/// Index spaces, core ones first.
enum class Sort : std::uint8_t {
  CoreFunc,
  CoreTable,
  CoreMemory,
  CoreGlobal,
  CoreTag,
  CoreType,
  CoreModule,
  CoreInstance,
  Func,
  Value,
  Type,
  Component,
  Instance,
};
inline constexpr std::size_t kSortCount = 13;

/// How a sort is called in messages: "core func".
[[nodiscard]] std::string_view to_string(Sort sort) noexcept;

struct SortIndex {
  Sort sort = Sort::Func;
  std::uint32_t index = 0;
};

/// A value type where it is used: a primitive, or the index of a type.
struct ValType {
  bool is_primitive = true;
  TypeKind primitive = TypeKind::Bool;
  std::uint32_t index = 0;
};

/// A field, case, parameter, flag or enum label; tuple members have no name.
struct Member {
  std::string_view name;
  std::optional<ValType> type;
};

struct Definition;

/// The body of a component type or instance type.
struct TypeScope {
  std::vector<Definition> declarations;
};

/// A definition of the type index space.
struct TypeDefinition {
  enum class Kind : std::uint8_t { Value, Func, Component, Instance, Resource };
  Kind kind = Kind::Value;
  // Value; primitives too. See component::Type for what is used by which kind.
  TypeKind value = TypeKind::Bool;
  std::vector<Member> members;
  std::optional<ValType> element;
  std::optional<ValType> other;
  std::uint32_t length = 0;
  std::uint32_t resource = 0;  ///< type index, for Own and Borrow
  // Func: members are the parameters, element is the result
  bool is_async = false;
  // Component, Instance
  std::shared_ptr<const TypeScope> scope;
  // Resource
  std::optional<std::uint32_t> destructor;  ///< core func index
};

struct CoreModuleType;

/// An entry of a core type section: a module type, or one type or a recursive group of types.
struct CoreTypeDefinition {
  std::vector<CoreTypeDef> types;
  std::shared_ptr<const CoreModuleType> module;  ///< instead of `types`
};

/// `(alias outer count index (type))` of a module type.
struct CoreTypeAlias {
  std::uint32_t outer = 0;  ///< scopes outwards; the module type itself is 0
  std::uint32_t index = 0;
};
struct CoreModuleImport {
  std::string_view module;
  std::string_view name;
  CoreExternType type;
};
struct CoreModuleExport {
  std::string_view name;
  CoreExternType type;
};
/// The declarations of a module type, in order. Indices of types are those of its own scope.
struct CoreModuleType {
  std::vector<std::variant<CoreTypeDefinition, CoreTypeAlias, CoreModuleImport, CoreModuleExport>>
      declarations;
};

struct CoreModuleDefinition {
  ByteView bytes;           ///< the module, preamble included
  std::uint32_t index = 0;  ///< number of the module in the file, nested components included
};

struct NamedIndex {
  std::string_view name;
  SortIndex item;
};

/// `(instantiate module args)` or a bag of exports.
struct CoreInstanceDefinition {
  std::optional<std::uint32_t> module;
  std::vector<NamedIndex> items;  ///< arguments (core instances), or exports
};
struct InstanceDefinition {
  std::optional<std::uint32_t> component;
  std::vector<NamedIndex> items;
};

struct Alias {
  enum class Target : std::uint8_t { Export, CoreExport, Outer };
  Sort sort = Sort::Func;
  Target target = Target::Export;
  std::uint32_t instance = 0;  ///< Export, CoreExport
  std::string_view name;       ///< Export, CoreExport
  std::uint32_t outer = 0;     ///< Outer: scopes outwards
  std::uint32_t index = 0;     ///< Outer
};

/// The operations of the canon section, by their opcode.
/// @spec Binary.md "Canonical Definitions"
enum class CanonOp : std::uint8_t {
  Lift = 0x00,
  Lower = 0x01,
  ResourceNew = 0x02,
  ResourceDrop = 0x03,
  ResourceRep = 0x04,
  TaskCancel = 0x05,
  SubtaskCancel = 0x06,
  TaskReturn = 0x09,
  ContextGet = 0x0a,
  ContextSet = 0x0b,
  ThreadYield = 0x0c,
  SubtaskDrop = 0x0d,
  StreamNew = 0x0e,
  StreamRead = 0x0f,
  StreamWrite = 0x10,
  StreamCancelRead = 0x11,
  StreamCancelWrite = 0x12,
  StreamDropReadable = 0x13,
  StreamDropWritable = 0x14,
  FutureNew = 0x15,
  FutureRead = 0x16,
  FutureWrite = 0x17,
  FutureCancelRead = 0x18,
  FutureCancelWrite = 0x19,
  FutureDropReadable = 0x1a,
  FutureDropWritable = 0x1b,
  ErrorContextNew = 0x1c,
  ErrorContextDebugMessage = 0x1d,
  ErrorContextDrop = 0x1e,
  WaitableSetNew = 0x1f,
  WaitableSetWait = 0x20,
  WaitableSetPoll = 0x21,
  WaitableSetDrop = 0x22,
  WaitableJoin = 0x23,
  BackpressureInc = 0x24,
  BackpressureDec = 0x25,
  ThreadIndex = 0x26,
  ThreadNewIndirect = 0x27,
  ThreadResumeLater = 0x28,
  ThreadSuspend = 0x29,
  ThreadSuspendThenResume = 0x2a,
  ThreadYieldThenResume = 0x2b,
  ThreadSuspendThenPromote = 0x2c,
  ThreadYieldThenPromote = 0x2d,
  ThreadSpawnRef = 0x40,
  ThreadSpawnIndirect = 0x41,
  ThreadAvailableParallelism = 0x42,
};
/// The operation's name in the text format, "stream.read".
[[nodiscard]] std::string_view to_string(CanonOp op) noexcept;

using component::StringEncoding;

struct CanonOptions {
  StringEncoding encoding = StringEncoding::Utf8;
  std::optional<std::uint32_t> memory;
  std::optional<std::uint32_t> realloc;
  std::optional<std::uint32_t> post_return;
  std::optional<std::uint32_t> callback;
  bool is_async = false;
};

struct Canon {
  CanonOp op = CanonOp::Lift;
  std::uint32_t func = 0;      ///< Lift: core func; Lower: func
  std::uint32_t type = 0;      ///< Lift, resource.*, stream.*, future.*: type; threads: core type
  std::uint32_t index = 0;     ///< context.*: slot; waitable-set.*: memory; threads: table
  std::uint8_t core_type = 0;  ///< context.*: core value type
  bool flag = false;           ///< the async, cancellable or shared byte
  std::optional<ValType> result;  ///< task.return
  CanonOptions options;
};

/// The type of an import, of an export declaration, or ascribed to an export.
struct ExternType {
  enum class Bound : std::uint8_t { None, Equal, SubResource };
  Sort sort = Sort::Func;     ///< CoreModule, Func, Type, Component, Instance
  Bound bound = Bound::None;  ///< for Type
  std::uint32_t index = 0;    ///< type index; core type index for CoreModule
};

/// Import of a component, or import declaration of a component type.
struct Import {
  std::string_view name;
  std::string_view implements;  ///< interface name, empty if not given
  ExternType type;
};

/// Export of a component (with an item), or export declaration of a type (without).
struct Export {
  std::string_view name;
  std::string_view implements;
  std::optional<SortIndex> item;
  std::optional<ExternType> type;  ///< ascribed; always there in a declaration
};

struct Component;
struct NestedComponent {
  std::shared_ptr<const Component> component;
};

struct Definition {
  std::uint64_t offset = 0;  ///< in the file
  std::variant<
      CoreModuleDefinition,
      CoreInstanceDefinition,
      CoreTypeDefinition,
      NestedComponent,
      InstanceDefinition,
      Alias,
      TypeDefinition,
      Canon,
      Import,
      Export>
      what;
};

struct Component {
  std::vector<Definition> definitions;
  std::string_view name;  ///< from the component-name section, may be empty
  /// Of the section "wit-component-encoding", which only the component inside a core module's
  /// component-type section has: a version, then a StringEncoding.
  ByteView wit_encoding;
};

}  // namespace whorl::component::ir
