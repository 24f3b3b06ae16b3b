/// What the host offers to components: interfaces made of typed functions and resources.
///
/// tools/witgen generates, for each interface under wit/, C++ types, an abstract class to implement
/// and one HostInterface object made of the pieces below; component/abi.hpp turns C++ signatures
/// into flattened core signatures and lift/lower code at compile time.
///
/// Shape of what is generated for `wasi:io/streams` (namespace whorl::wit::wasi_io_streams):
///   struct/enum class …              records, variants, enums, flags
///   class InputStream                one per resource, derives HostResource; its `[method]`s are
///                                    pure virtual: HostResult<R> read(Call&, std::uint64_t len)
///   class Host                       constructors, statics and free functions, pure virtual
///   extern const HostInterface kInterface
/// @thread any (tables are immutable); calls run on the shard
#pragma once

#include "async/parkable.hpp"
#include "base/bytes.hpp"
#include "component/types.hpp"
#include "engine/store.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

class ComponentInstance;

/// Base of every host-implemented resource. The object belongs to the handle table entry that owns
/// it; dropping the handle destroys it. Destructors neither wait nor enter the guest (K4).
class HostResource {
 public:
  HostResource() = default;
  HostResource(const HostResource&) = delete;
  HostResource& operator=(const HostResource&) = delete;
  virtual ~HostResource() = default;
};

/// An `own<T>` in a C++ signature: as a parameter it was moved out of the caller's table, as a
/// result it is moved in.
template <class T>
using Own = std::unique_ptr<T>;

/// No value: the error of a `result<T>` or `result` that carries none.
struct Unit {
  bool operator==(const Unit&) const = default;
};

/// The end of the guest that a host function asks for.
struct HostTrap {
  engine::TrapKind kind = engine::TrapKind::HostTrap;
  std::string message;
  int exit_code = 0;
};

/// What a host function returns: its WIT result, or a trap.
template <class T = void>
using HostResult = std::expected<T, HostTrap>;

[[nodiscard]] inline std::unexpected<HostTrap> trap(std::string message) {
  return std::unexpected(HostTrap{engine::TrapKind::HostTrap, std::move(message), 0});
}

/// What a host function returns that learned of it between pieces of its work. The store has its
/// reason already.
[[nodiscard]] inline HostTrap being_ended() {
  return HostTrap{engine::TrapKind::Cancelled, "the guest is being ended", 0};
}

/// What a host function knows of the call it serves.
struct Call {
  ComponentInstance& instance;
  engine::Store& store;
  /// For waits; null while a start function runs off the fibers: then waiting is a trap.
  async::Parkable* fiber = nullptr;
};

/// How one import was lowered: the canonical options and where its host object is. The environment
/// of a host-function thunk; owned by the prepared component.
/// @spec CanonicalABI.md, canon lower
struct CallSite {
  std::uint16_t host_slot = 0;         ///< index into the instance's host objects
  std::uint16_t memory_slot = kNone;   ///< index into the instance's memories
  std::uint16_t realloc_slot = kNone;  ///< index into the instance's functions
  std::uint16_t component_index = 0;   ///< which component instance's handle table and flags
  StringEncoding encoding = StringEncoding::Utf8;  ///< of strings in that memory
  static constexpr std::uint16_t kNone = 0xffff;
};

/// The environment of a `[resource-drop]` of a host resource; owned by the prepared component.
struct DropSite {
  const ResourceTag* tag = nullptr;
  std::uint16_t component_index = 0;  ///< which component instance's handle table
};
/// `[resource-drop]` of a host resource: core type (i32) -> (), env is a `const DropSite*`.
/// Destroys the resource. @spec CanonicalABI.md, canon resource.drop
engine::HostStatus drop_thunk(void* env, engine::Store& store, engine::RawVal* slots);

/// One function the host offers.
struct HostFunction {
  const char* name;                 ///< WIT name: "[method]fields.append", "now"
  FuncShape (*shape)();             ///< its component-level type
  engine::FuncType (*core_type)();  ///< its type lowered into core (flattened)
  engine::HostFn thunk;             ///< env is a `const CallSite*`
  /// The same lowered asynchronously; null for functions that are not async.
  engine::FuncType (*async_core_type)() = nullptr;
  engine::HostFn async_thunk = nullptr;
};

/// One resource the host offers.
struct HostResourceDesc {
  const ResourceTag* tag;
  ResourceRef (*type)();  ///< the one ResourceType object with host == tag
};

/// One interface the host offers.
struct HostInterface {
  const char* name;     ///< "wasi:io/streams"
  const char* version;  ///< "0.2.12", empty for an unversioned interface
  std::span<const HostFunction> functions;
  std::span<const HostResourceDesc> resources;
};

/// One function of a core-level host module: its parameters and results are core values, nothing is
/// lifted or lowered for it.
struct CoreHostFunction {
  const char* name;            ///< of the import: "fd_write"
  engine::FuncType (*type)();  ///< its core type
  engine::HostFn thunk;        ///< env is a `const CallSite*` with host_slot and memory_slot
};

/// A module that core modules import by a plain name: WASI preview 1.
struct CoreHostModule {
  const char* name;  ///< "wasi_snapshot_preview1"
  std::span<const CoreHostFunction> functions;
  [[nodiscard]] const CoreHostFunction* find(std::string_view function) const noexcept;
};

/// All interfaces of the process. Filled once at start by the rooms that implement them.
/// @thread any after that
class HostRegistry {
 public:
  /// Registers an interface; the result is its host slot, the index of its Host object in the array
  /// that each instance is given. An element of that array is the address of the generated base:
  /// `static_cast<wit::…::Host*>(&implementation)`, which may differ from the implementation's own.
  std::uint16_t add(const HostInterface& interface);
  /// Registers a core-level module; the result is its host slot.
  std::uint16_t add(const CoreHostModule& module);
  /// Lets guests import an interface with nothing behind it, in any version: its functions answer
  /// with the interface's own error (component/announced.hpp). What is added later comes first.
  /// @param name  lives as long as the registry
  void announce(std::string_view name) { announced_.push_back(name); }
  [[nodiscard]] bool is_announced(std::string_view name) const noexcept;

  struct Match {
    const HostInterface* interface;
    std::uint16_t host_slot;
  };
  /// Semver-compatible look-up: the exact version if it is there, else the highest one of the same
  /// compatibility track (major if > 0, else 0.minor); pre-releases match only exactly. A newer
  /// request than what is offered matches too: whether each function wanted exists is checked
  /// separately, so that the message can name it.
  [[nodiscard]] std::optional<Match> find(std::string_view name, std::string_view version) const;
  struct CoreMatch {
    const CoreHostModule* module;
    std::uint16_t host_slot;
  };
  [[nodiscard]] std::optional<CoreMatch> find_core_module(std::string_view name) const noexcept;
  /// Versions offered of an interface, for messages.
  [[nodiscard]] std::vector<std::string> versions_of(std::string_view name) const;
  /// Interface names, for "did you mean".
  [[nodiscard]] std::vector<std::string> names() const;
  /// How many host slots there are.
  [[nodiscard]] std::size_t size() const noexcept { return slots_; }

 private:
  [[nodiscard]] std::uint16_t next_slot();

  std::vector<Match> interfaces_;
  std::vector<CoreMatch> core_modules_;
  std::vector<std::string_view> announced_;
  std::uint16_t slots_ = 0;
};

}  // namespace whorl::component
