#include "host/listed.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::host {
namespace {

using Cell = std::variant<std::monostate, std::int64_t, std::string, Bytes>;

/// As values and rows are generated.
struct Value {
  int tag = 0;
  Cell payload;
};
struct Row {
  std::vector<Value> values;
};

TEST_CASE("a list knows what it keeps in memory") {
  using detail::held_by;
  const std::string text(1000, 'x');
  CHECK(held_by(std::vector<std::uint64_t>(5)) == 40);
  CHECK(held_by(text) == 1000);
  CHECK(held_by(std::vector{text, text}) == 2 * (sizeof(std::string) + 1000));
  CHECK(held_by(std::optional(text)) == 1000);
  CHECK(held_by(std::optional<std::string>()) == 0);
  CHECK(held_by(std::tuple(text, 1, std::optional(text))) == 2000);
  std::vector<Row> rows(3);
  CHECK(held_by(rows) == 3 * sizeof(Row));
  rows[1].values = {{0, {}}, {1, std::int64_t{7}}, {2, text}, {3, Bytes(500)}};
  CHECK(held_by(rows) == 3 * sizeof(Row) + 4 * sizeof(Value) + 1500);
}

TEST_CASE("a list is given in the order and the pieces that are asked for") {
  ListProducer<std::string> list({"a", "b", "c"});
  const component::HostSource& source = list;
  CHECK(source.kept_bytes() == 3 * (sizeof(std::string) + 1));
  std::vector<std::string> items;
  CHECK(list.produce(0, items).kind == component::Progress::Kind::Items);
  CHECK(items.empty());
  CHECK(list.produce(2, items).kind == component::Progress::Kind::Items);
  CHECK(items == std::vector<std::string>{"a", "b"});
  items.clear();
  CHECK(list.produce(2, items).kind == component::Progress::Kind::Last);
  CHECK(items == std::vector<std::string>{"c"});
}

}  // namespace
}  // namespace whorl::host
