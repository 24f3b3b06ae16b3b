#include "app/value.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::app {

Value::Value() = default;
Value::Value(bool flag) : data_(flag) {}
Value::Value(std::int64_t number) : data_(number) {}
Value::Value(double number) : data_(number) {}
Value::Value(std::string text) : data_(std::move(text)) {}
Value::Value(Array items) : data_(std::move(items)) {}
Value::Value(Table members) : data_(std::move(members)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

const Value* Value::find(std::string_view name) const noexcept {
  const Table* table = as_table();
  if (table == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(*table, name, &Member::name);
  return found == table->end() ? nullptr : &found->value;
}

void Value::set(std::string name, Value value) {
  auto* table = std::get_if<Table>(&data_);
  WHORL_CHECK(table != nullptr, "only a table has members", name);
  const auto found = std::ranges::find(*table, name, &Member::name);
  if (found == table->end()) {
    table->push_back({std::move(name), std::move(value)});
  } else {
    found->value = std::move(value);
  }
}

std::string Value::describe() const {
  struct Describe {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool flag) const { return fmt::format("boolean `{}`", flag); }
    std::string operator()(std::int64_t number) const {
      return fmt::format("integer `{}`", number);
    }
    std::string operator()(double number) const {
      std::string text = fmt::format("{}", number);
      // A whole number is still shown to be no integer.
      text += text.find_first_not_of("-0123456789") == std::string::npos ? ".0" : "";
      return fmt::format("floating point `{}`", text);
    }
    std::string operator()(const std::string& text) const {
      return fmt::format("string \"{}\"", text);
    }
    std::string operator()(const Array&) const { return "sequence"; }
    std::string operator()(const Table&) const { return "map"; }
  };
  return std::visit(Describe{}, data_);
}

bool Value::operator==(const Value& other) const {
  return data_ == other.data_;
}

}  // namespace whorl::app
