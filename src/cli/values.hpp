/// Reading the values of flags and environment variables. Failures are the reason only, in the
/// words people know; the caller says which flag it was. @thread the main thread (names are looked
/// up)
#pragma once

#include "base/result.hpp"
#include "cli/cli.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::cli {

/// `IP:PORT`, `[IPv6]:PORT` or `NAME:PORT`; a name is looked up, 127.0.0.1 preferred among its
/// addresses. Blocks for as long as the lookup takes.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);
/// A whole number without sign.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view text);
/// y, yes, t, true, on, 1 and their opposites, in any case.
[[nodiscard]] Result<bool> parse_switch(std::string_view text);
/// A whole number; without suffix or with `s` seconds, or `ms`, `us`, `μs`, `ns`. What is more than
/// nothing becomes at least a millisecond.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// A number up to a million, or `a..b`, of which b is none; zero counts as one.
[[nodiscard]] Result<DrawnFrom<std::uint32_t>> parse_counts(std::string_view text);
/// A duration, or two as `a..b`, each with a unit of its own.
[[nodiscard]] Result<DrawnFrom<std::chrono::milliseconds>> parse_durations(std::string_view text);
/// `KEY=VALUE`, split at the first `=`.
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_environment(std::string_view text);
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_key_value(std::string_view text);

}  // namespace whorl::cli
