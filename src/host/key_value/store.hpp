/// Store: one key-value store, whatever is behind it.
///
/// Functions park the calling guest's fiber until they are done; keys and values are copied before
/// that, so views into guest memory are fine. What a write reported as done is durable to the
/// degree its backend promises (the embedded one: on the disk). Errors by kind: Overloaded,
/// ResourceLimit, Unavailable, Corrupt, Cancelled (the guest is being ended); their message reaches
/// the guest and names no path, address or text of another.
/// @thread shard; one object serves all shards
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace whorl::host::key_value {

/// Bytes of one answer; a longer one is a ResourceLimit error.
inline constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{128} << 20;

using Value = std::optional<Bytes>;
using FoundPairs = std::vector<std::tuple<std::string, Value>>;
using PairView = std::tuple<std::string_view, ByteView>;

class Store {
 public:
  virtual ~Store() = default;

  /// What is behind it, as spans name it: a kind, no address.
  [[nodiscard]] virtual std::string_view backend() const noexcept { return "unknown"; }

  [[nodiscard]] virtual Result<Value> get(Caller caller, std::string_view key) = 0;
  [[nodiscard]] virtual Result<> set(Caller caller, std::string_view key, ByteView value) = 0;
  /// A key that is not there is fine.
  [[nodiscard]] virtual Result<> remove(Caller caller, std::string_view key) = 0;
  [[nodiscard]] virtual Result<bool> exists(Caller caller, std::string_view key) = 0;
  /// All keys, in any order.
  [[nodiscard]] virtual Result<std::vector<std::string>> keys(Caller caller) = 0;

  /// Keys that are not there are left out.
  [[nodiscard]] virtual Result<FoundPairs> get_many(
      Caller caller, std::span<const std::string_view> keys
  ) = 0;
  [[nodiscard]] virtual Result<> set_many(Caller caller, std::span<const PairView> pairs) = 0;
  [[nodiscard]] virtual Result<> remove_many(
      Caller caller, std::span<const std::string_view> keys
  ) = 0;

  /// Adds to a number kept as 8 bytes, little-endian; what is not there counts as 0.
  /// @return the sum; InvalidInput when something else is there or the sum has no place
  [[nodiscard]] virtual Result<std::int64_t> increment(
      Caller caller, std::string_view key, std::int64_t delta
  ) = 0;
  /// Sets the key if it still is what it was.
  /// @param expected  nothing: the key must not be there
  /// @return          false when it is something else
  [[nodiscard]] virtual Result<bool> compare_and_set(
      Caller caller, std::string_view key, const Value& expected, ByteView value
  ) = 0;
};

}  // namespace whorl::host::key_value
