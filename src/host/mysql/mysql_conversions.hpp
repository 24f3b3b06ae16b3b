/// Values of the interface's versions to each other, and how their functions wait and answer.
/// Private to the folder. @thread shard
#pragma once

#include "host/mysql/mysql_client.hpp"

#include <type_traits>
#include <utility>
#include <vector>

namespace whorl::host::mysql {

// Values, parameters and types of all versions have the same cases, in the same order.
template <class To, class From>
To same(From&& from) {
  static_assert(std::is_same_v<decltype(To::payload), decltype(from.payload)>);
  To made;
  made.tag = static_cast<typename To::Tag>(from.tag);
  made.payload = std::move(from.payload);
  return made;
}

/// @tparam To  a version's value
template <class To>
std::vector<std::vector<To>> to_rows(std::vector<types::Row>&& rows) {
  std::vector<std::vector<To>> out;
  out.reserve(rows.size());
  for (types::Row& row : rows) {
    auto& made = out.emplace_back();
    made.reserve(row.size());
    for (types::DbValue& value : row) {
      made.push_back(same<To>(std::move(value)));
    }
    row = {};  // one row at a time is there twice
  }
  return out;
}

template <class To>
std::vector<To> to_columns(std::vector<types::Column>&& columns) {
  std::vector<To> out;
  out.reserve(columns.size());
  for (types::Column& column : columns) {
    To& made = out.emplace_back();
    made.name = std::move(column.name);
    made.data_type = static_cast<decltype(made.data_type)>(column.data_type);
  }
  return out;
}

template <class From>
std::vector<types::ParameterValue> to_parameters(std::vector<From>&& parameters) {
  std::vector<types::ParameterValue> out;
  out.reserve(parameters.size());
  for (From& each : parameters) {
    out.push_back(same<types::ParameterValue>(std::move(each)));
  }
  return out;
}

/// Waits for a guest.
template <class E, class Body, class ToError>
auto respond(component::Call& call, Body body, ToError to_error) {
  using T = typename std::invoke_result_t<Body, Caller>::value_type;
  using Out = component::HostResult<std::expected<T, E>>;
  auto caller = caller_of(call);
  if (!caller) {
    return Out(std::unexpect, std::move(caller.error()));
  }
  auto outcome = body(*caller);
  if (!outcome && caller->fiber.cancelled()) {
    return Out(component::trap("the guest was ended while it waited"));
  }
  if (!outcome) {
    return Out(std::in_place, std::unexpect, to_error(std::move(outcome.error())));
  }
  if constexpr (std::is_void_v<T>) {
    return Out(std::in_place);
  } else {
    return Out(std::in_place, *std::move(outcome));
  }
}

template <class E, class Body>
auto respond(component::Call& call, Body body) {
  return respond<E>(call, std::move(body), [](E&& error) { return std::move(error); });
}

[[nodiscard]] inline Outcome<void> without_rows(Outcome<types::RowSet> outcome) {
  if (!outcome) {
    return std::unexpected(std::move(outcome.error()));
  }
  return {};
}

}  // namespace whorl::host::mysql
