/// The canonical built-ins of WASI 0.3 that need tasks, waitables, streams or threads.
///
/// Each is a core function of one component instance; env is a `const AsyncSite*`.
/// @thread shard. @spec CanonicalABI.md "Canonical Definitions"; named as in definitions.py
#pragma once

#include "component/host.hpp"
#include "component/ir.hpp"
#include "component/payloads.hpp"
#include "engine/store.hpp"

#include <cstdint>

namespace whorl::component {

/// The environment of a built-in; owned by the prepared component.
struct AsyncSite {
  CallSite site;                               ///< memory, realloc, encoding, component instance
  const PayloadType* payload = nullptr;        ///< stream.*, future.*
  std::uint32_t result_id = 0;                 ///< task.return: PayloadTable::id_of()
  std::uint16_t table_slot = CallSite::kNone;  ///< thread.new-indirect
  bool is_async = false;                       ///< the canonical option, or byte
  bool is_cancellable = false;                 ///< likewise
};

/// The thunk of an operation; null for those that are none of these.
[[nodiscard]] engine::HostFn async_builtin(ir::CanonOp op) noexcept;

}  // namespace whorl::component
