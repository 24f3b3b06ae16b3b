/// Value: a neutral tree of data, what free tables of a manifest and of a locked app are kept in.
///
/// It is what TOML and JSON have in common. Trigger settings, tool tables and metadata whose shape
/// is not ours to know travel in it. @thread any (a value)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::app {

struct Member;

class Value {
 public:
  using Array = std::vector<Value>;
  /// Members in the order they were written; names are unique.
  using Table = std::vector<Member>;

  Value();
  explicit Value(bool flag);
  explicit Value(std::int64_t number);
  explicit Value(double number);
  explicit Value(std::string text);
  explicit Value(Array items);
  explicit Value(Table members);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  [[nodiscard]] bool is_null() const noexcept {
    return std::holds_alternative<std::monostate>(data_);
  }
  /// Each returns null when the value is of another type. Valid as long as the value.
  [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* as_integer() const noexcept {
    return std::get_if<std::int64_t>(&data_);
  }
  [[nodiscard]] const double* as_double() const noexcept { return std::get_if<double>(&data_); }
  [[nodiscard]] const std::string* as_string() const noexcept {
    return std::get_if<std::string>(&data_);
  }
  [[nodiscard]] const Array* as_array() const noexcept { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Table* as_table() const noexcept { return std::get_if<Table>(&data_); }

  /// A member of a table; null when this is no table or has none of that name.
  [[nodiscard]] const Value* find(std::string_view name) const noexcept;
  /// Adds or replaces a member. Only for a table.
  void set(std::string name, Value value);

  /// How a message names the type and value, e.g. "integer `1`", "string \"x\"", "map".
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table> data_;
};

struct Member {
  std::string name;
  Value value;
  [[nodiscard]] bool operator==(const Member& other) const = default;
};

}  // namespace whorl::app
