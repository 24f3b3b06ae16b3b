/// The interfaces of the platform that guests may import before anything is behind them: they link,
/// and answer with their own error (component/announced.hpp). docs/interfaces.md has the table.
#pragma once

#include <array>
#include <string_view>

namespace whorl::host {

/// An interface that a capability registers is found first; its entry here is then of no effect.
inline constexpr std::array<std::string_view, 17> kAnnouncedInterfaces = {
    "fermyon:spin/key-value",
    "fermyon:spin/llm",
    "fermyon:spin/mqtt",
    "fermyon:spin/mysql",
    "fermyon:spin/postgres",
    "fermyon:spin/redis",
    "fermyon:spin/sqlite",
    "spin:key-value/key-value",
    "spin:mqtt/mqtt",
    "spin:mysql/mysql",
    "spin:postgres/postgres",
    "spin:redis/redis",
    "spin:sqlite/sqlite",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
    "wasi:keyvalue/store",
    "wasi:keyvalue/watcher",
};

}  // namespace whorl::host
