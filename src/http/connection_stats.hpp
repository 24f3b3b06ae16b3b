/// Counts the places that guests' connections take, where metrics are recorded. @thread shard
#pragma once

#include "http/connection_limit.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

namespace whorl::http {

/// A place was had.
/// @param kind    what is connected to: "redis", one of few
/// @param limits  the kind's own first, then, if there is one, that of all kinds
/// @param waited  for how long; zero: not at all
void count_place(
    std::string_view kind,
    std::span<const std::shared_ptr<ConnectionLimit>> limits,
    std::chrono::nanoseconds waited
);
/// There was none.
void count_no_place(
    std::string_view kind, std::span<const std::shared_ptr<ConnectionLimit>> limits
);

}  // namespace whorl::http
