/// What can be done in a SQLite file of stores, as operations for its lanes. Private to the
/// backend.
/// @thread a pool's, one at a time per connection
#pragma once

#include "db/database.hpp"

#include "async/work_lane.hpp"
#include "host/key_value/store.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::host::key_value {

/// An open connection with the statements that operations need, each prepared when first used.
class StoreConnection {
 public:
  /// @param connection  to a file that has the table
  explicit StoreConnection(db::Connection connection) noexcept
      : connection_(std::move(connection)) {}

  enum class Query : std::uint8_t { Get, Exists, Keys, Set, Insert, Update, Remove };
  static constexpr std::size_t kQueries = 7;

  [[nodiscard]] Result<db::Statement*> statement(Query query);
  [[nodiscard]] db::Connection& connection() noexcept { return connection_; }

 private:
  db::Connection connection_;
  std::array<std::optional<db::Statement>, kQueries> statements_;
};

/// One operation. Its outcome is what the caller's function returns.
class StoreOperation : public async::WorkLane::Operation {
 public:
  explicit StoreOperation(std::string label) noexcept : label_(std::move(label)) {}

  /// Does it, and keeps the outcome. @return the error, if it is one
  [[nodiscard]] virtual const Error* run(StoreConnection& connection) = 0;
  /// What happens instead: the connection cannot be had, the commit failed.
  virtual void fail_with(const Error& why) = 0;
  /// More than one statement: a part of it alone must not be seen.
  [[nodiscard]] virtual bool is_compound() const noexcept { return false; }

 protected:
  [[nodiscard]] const std::string& label() const noexcept { return label_; }

 private:
  std::string label_;
};

template <class T>
class OperationOf : public StoreOperation {
 public:
  using StoreOperation::StoreOperation;
  [[nodiscard]] const Error* run(StoreConnection& connection) final {
    outcome_ = carry_out(connection);
    return outcome_->has_value() ? nullptr : &outcome_->error();
  }
  void fail_with(const Error& why) final { outcome_ = why.clone(); }
  /// Once it was carried out.
  [[nodiscard]] Result<T> take_outcome() { return *std::move(outcome_); }

 protected:
  [[nodiscard]] virtual Result<T> carry_out(StoreConnection& connection) = 0;

 private:
  std::optional<Result<T>> outcome_;
};

template <class T>
using Made = std::shared_ptr<OperationOf<T>>;

[[nodiscard]] Made<Value> make_get(std::string label, std::string_view key);
[[nodiscard]] Made<bool> make_exists(std::string label, std::string_view key);
[[nodiscard]] Made<std::vector<std::string>> make_keys(std::string label);
[[nodiscard]] Made<FoundPairs> make_get_many(
    std::string label, std::span<const std::string_view> keys
);
[[nodiscard]] Made<void> make_set_many(std::string label, std::span<const PairView> pairs);
[[nodiscard]] Made<void> make_remove_many(
    std::string label, std::span<const std::string_view> keys
);
[[nodiscard]] Made<std::int64_t> make_increment(
    std::string label, std::string_view key, std::int64_t delta
);
[[nodiscard]] Made<bool> make_compare_and_set(
    std::string label, std::string_view key, const Value& expected, ByteView value
);

}  // namespace whorl::host::key_value
