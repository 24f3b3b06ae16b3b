#include "host/sqlite/backends/libsql_protocol.hpp"

#include "app/json.hpp"
#include "base/base64.hpp"
#include "host/remote/answer_json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace whorl::host::sqlite {
namespace {

Error unexpected() {
  return fail(ErrorKind::Corrupt, "the database's answer has another form than expected");
}

std::string value_json(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return fmt::format(R"({{"type":"integer","value":"{}"}})", *number);
  }
  const auto* real = std::get_if<double>(&value);
  if (real != nullptr && std::isfinite(*real)) {
    return fmt::format(R"({{"type":"float","value":{}}})", *real);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return fmt::format(R"({{"type":"text","value":{}}})", app::json_string(*text));
  }
  if (const auto* blob = std::get_if<Bytes>(&value)) {
    return fmt::format(R"({{"type":"blob","base64":"{}"}})", to_base64(*blob));
  }
  return R"({"type":"null"})";
}

/// Servers leave the padding out.
std::optional<Bytes> from_unpadded(std::string_view text) {
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

Result<Value> read_value(const boost::json::value& json) {
  const auto type = remote::find_text(json, {"type"});
  if (type == "null") {
    return Value();
  }
  if (type == "integer") {
    const auto number = remote::find_integer(json, {"value"});
    return number ? Result<Value>(Value(*number)) : unexpected();
  }
  if (type == "float") {
    const boost::json::value* number = remote::find_value(json, {"value"});
    if (number != nullptr && number->is_number()) {
      return Value(number->to_number<double>());
    }
    return unexpected();
  }
  if (type == "text") {
    const auto text = remote::find_text(json, {"value"});
    return text ? Result<Value>(Value(std::string(*text))) : unexpected();
  }
  const auto text = remote::find_text(json, {"base64"});
  auto bytes = type == "blob" && text ? from_unpadded(*text) : std::nullopt;
  return bytes ? Result<Value>(Value(*std::move(bytes))) : unexpected();
}

Result<QueryResult> read_result(const boost::json::value& json) {
  const auto* columns = remote::find_array(json, {"cols"});
  const auto* rows = remote::find_array(json, {"rows"});
  if (columns == nullptr || rows == nullptr) {
    return unexpected();
  }
  QueryResult out;
  for (const boost::json::value& column : *columns) {
    out.columns.emplace_back(remote::find_text(column, {"name"}).value_or(""));
  }
  std::uint64_t bytes = 0;
  for (const boost::json::value& row : *rows) {
    const boost::json::array* cells = row.if_array();
    if (cells == nullptr || cells->size() != out.columns.size()) {
      return unexpected();
    }
    auto& values = out.rows.emplace_back();
    values.reserve(cells->size());
    for (const boost::json::value& cell : *cells) {
      WHORL_TRY(Value value, read_value(cell));
      bytes += size_of(value);
      if (bytes > kMaxAnswerBytes) {
        return fail(
            ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes
        );
      }
      values.push_back(std::move(value));
    }
  }
  return out;
}

/// One result of a pipeline, into the whole.
Result<> read_step(const boost::json::value& step, PipelineAnswer& out) {
  const auto type = remote::find_text(step, {"type"});
  if (type == "error") {
    if (out.failure.empty()) {
      out.failure = remote::find_text(step, {"error", "message"}).value_or("");
      out.failure = out.failure.empty() ? "the statement failed" : out.failure;
    }
    return {};
  }
  if (type != "ok") {
    return unexpected();
  }
  const auto what = remote::find_text(step, {"response", "type"});
  if (what == "get_autocommit") {
    const boost::json::value* flag = remote::find_value(step, {"response", "is_autocommit"});
    if (flag == nullptr || !flag->is_bool()) {
      return unexpected();
    }
    out.is_autocommit = flag->get_bool();
  } else if (what == "execute") {
    const boost::json::value* result = remote::find_value(step, {"response", "result"});
    if (result == nullptr) {
      return unexpected();
    }
    WHORL_TRY(out.result, read_result(*result));
    const auto changed = remote::find_integer(*result, {"affected_row_count"});
    out.changed_rows = static_cast<std::uint64_t>(std::max<std::int64_t>(changed.value_or(0), 0));
    out.last_insert_rowid = remote::find_integer(*result, {"last_insert_rowid"});
  }
  return {};
}

}  // namespace

std::string execute_request(std::string_view sql, const std::vector<Value>& parameters) {
  std::string list;
  for (const Value& value : parameters) {
    list += (list.empty() ? "" : ",") + value_json(value);
  }
  return fmt::format(
      R"({{"type":"execute","stmt":{{"sql":{},"args":[{}],"want_rows":true}}}})",
      app::json_string(sql),
      list
  );
}

std::string pipeline_body(std::string_view baton, std::string_view requests) {
  return fmt::format(
      R"({{"baton":{},"requests":[{}]}})",
      baton.empty() ? "null" : app::json_string(baton),
      requests
  );
}

Result<PipelineAnswer> read_pipeline(std::string_view text) {
  const auto json = remote::parse_answer_json(text);
  if (!json && json.error().kind() == ErrorKind::ResourceLimit) {
    return json.error().clone();
  }
  const auto* steps = json ? remote::find_array(*json, {"results"}) : nullptr;
  if (steps == nullptr || steps->empty()) {
    return unexpected();
  }
  PipelineAnswer out;
  out.baton = remote::find_text(*json, {"baton"}).value_or("");
  out.base_url = remote::find_text(*json, {"base_url"}).value_or("");
  for (const boost::json::value& step : *steps) {
    WHORL_CHECKED(read_step(step, out));
  }
  return out;
}

}  // namespace whorl::host::sqlite
