#include "host/key_value/backends/dynamo_store.hpp"

#include "app/json.hpp"
#include "base/base64.hpp"
#include "host/key_value/backends/dynamo_service.hpp"
#include "host/remote/answer_json.hpp"
#include "host/remote/backoff.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace whorl::host::key_value {
namespace {

/// An item has 400 KiB at most; the service says so, but need not be sent much more.
constexpr std::size_t kMaxValueBytes = std::size_t{1} << 20;
/// Of the service, for one request.
constexpr std::size_t kReadsAtOnce = 100;
constexpr std::size_t kWritesAtOnce = 25;
/// Bytes of values in one request of writes; 16 MiB are allowed.
constexpr std::size_t kWriteBytesAtOnce = std::size_t{8} << 20;
constexpr unsigned kMaxPages = 100'000;

Error too_long() {
  return fail(ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes);
}

Error unexpected() {
  return fail(ErrorKind::Corrupt, "DynamoDB's answer has another form than expected");
}

Result<boost::json::value> read_json(const remote::ServiceAnswer& answer) {
  auto json = remote::parse_answer_json(answer.body);
  return json || json.error().kind() == ErrorKind::ResourceLimit
             ? std::move(json)
             : Result<boost::json::value>(unexpected());
}

std::string key_json(std::string_view key) {
  return fmt::format(R"({{"PK":{{"S":{}}}}})", app::json_string(key));
}

std::string binary_json(ByteView bytes) {
  return fmt::format(R"({{"B":"{}"}})", to_base64(bytes));
}

/// The bytes of an item, which may have none.
Result<Value> value_of(const boost::json::value& item) {
  if (!item.is_object()) {
    return unexpected();
  }
  if (remote::find_value(item, {"VAL"}) == nullptr) {
    return Value();
  }
  const auto text = remote::find_text(item, {"VAL", "B"});
  auto bytes = text ? from_base64(*text) : std::nullopt;
  if (!bytes) {
    return unexpected();
  }
  return Value(*std::move(bytes));
}

class DynamoStore final : public Store {
 public:
  std::string_view backend() const noexcept override { return "aws_dynamo"; }
  DynamoStore(
      DynamoSettings settings,
      remote::ServiceUrl url,
      remote::ServiceClient& client,
      remote::Environment environment
  )
      : table_(app::json_string(settings.table)),
        service_(std::move(settings), std::move(url), client, std::move(environment)) {}

  Result<Value> get(Caller caller, std::string_view key) override {
    return read(caller, key, service_.settings().is_consistent);
  }
  Result<> set(Caller caller, std::string_view key, ByteView value) override {
    WHORL_CHECKED(check(value));
    WHORL_CHECKED(service_.ask(
        caller, "PutItem", fmt::format(R"({{"TableName":{},"Item":{}}})", table_, item(key, value))
    ));
    return {};
  }
  Result<> remove(Caller caller, std::string_view key) override {
    WHORL_CHECKED(service_.ask(
        caller, "DeleteItem", fmt::format(R"({{"TableName":{},"Key":{}}})", table_, key_json(key))
    ));
    return {};
  }
  Result<bool> exists(Caller caller, std::string_view key) override {
    WHORL_TRY(
        const auto answer,
        service_.ask(caller, "GetItem", get_item(key, "PK", service_.settings().is_consistent))
    );
    WHORL_TRY(const auto json, read_json(answer));
    return remote::find_value(json, {"Item", "PK"}) != nullptr;
  }
  Result<std::vector<std::string>> keys(Caller caller) override;

  Result<FoundPairs> get_many(Caller caller, std::span<const std::string_view> keys) override;
  Result<> set_many(Caller caller, std::span<const PairView> pairs) override;
  Result<> remove_many(Caller caller, std::span<const std::string_view> keys) override;

  Result<std::int64_t> increment(Caller caller, std::string_view key, std::int64_t delta) override;
  Result<bool> compare_and_set(
      Caller caller, std::string_view key, const Value& expected, ByteView value
  ) override {
    WHORL_CHECKED(check(value));
    return update(caller, key, expected, value);
  }

 private:
  static Result<> check(ByteView value) {
    return value.size() <= kMaxValueBytes
               ? Result<>()
               : fail(ErrorKind::ResourceLimit, "the value is longer than DynamoDB keeps");
  }
  static std::string item(std::string_view key, ByteView value) {
    return fmt::format(
        R"({{"PK":{{"S":{}}},"VAL":{}}})", app::json_string(key), binary_json(value)
    );
  }
  [[nodiscard]] std::string get_item(
      std::string_view key, std::string_view wanted, bool is_consistent
  ) const {
    return fmt::format(
        R"({{"TableName":{},"Key":{},"ProjectionExpression":"{}","ConsistentRead":{}}})",
        table_,
        key_json(key),
        wanted,
        is_consistent
    );
  }
  Result<Value> read(Caller caller, std::string_view key, bool is_consistent) {
    WHORL_TRY(
        const auto answer, service_.ask(caller, "GetItem", get_item(key, "VAL", is_consistent))
    );
    WHORL_TRY(const auto json, read_json(answer));
    const boost::json::value* found = remote::find_value(json, {"Item"});
    return found == nullptr ? Result<Value>(Value()) : value_of(*found);
  }

  /// Writes a value if the key still is what it was. @return false when it is something else
  Result<bool> update(Caller caller, std::string_view key, const Value& expected, ByteView value);
  /// Writes until nothing is left over. @param requests  of one kind, each a JSON object
  Result<> write_batch(Caller caller, std::string requests);

  std::string table_;  ///< as JSON
  DynamoService service_;
};

Result<std::vector<std::string>> DynamoStore::keys(Caller caller) {
  std::vector<std::string> out;
  std::uint64_t bytes = 0;
  std::string from;
  for (unsigned page = 0; page < kMaxPages; ++page) {
    WHORL_TRY(
        const auto answer,
        service_.ask(
            caller,
            "Scan",
            fmt::format(R"({{"TableName":{},"ProjectionExpression":"PK"{}}})", table_, from)
        )
    );
    WHORL_TRY(const auto json, read_json(answer));
    const auto* items = remote::find_array(json, {"Items"});
    if (items == nullptr) {
      return unexpected();
    }
    for (const boost::json::value& each : *items) {
      if (const auto key = remote::find_text(each, {"PK", "S"})) {
        bytes += key->size() + sizeof(std::string);
        if (bytes > kMaxAnswerBytes) {
          return too_long();
        }
        out.emplace_back(*key);
      }
    }
    const boost::json::value* last = remote::find_value(json, {"LastEvaluatedKey"});
    if (last == nullptr || last->is_null()) {
      return out;
    }
    from = R"(,"ExclusiveStartKey":)" + boost::json::serialize(*last);
  }
  return too_long();
}

Result<FoundPairs> DynamoStore::get_many(Caller caller, std::span<const std::string_view> keys) {
  // A key asked for twice in one request is an error there.
  const std::set<std::string> wanted(keys.begin(), keys.end());
  FoundPairs out;
  std::uint64_t bytes = 0;
  for (auto at = wanted.begin(); at != wanted.end();) {
    std::string list;
    for (std::size_t i = 0; i < kReadsAtOnce && at != wanted.end(); ++i, ++at) {
      list += (list.empty() ? "" : ",") + key_json(*at);
    }
    std::string asked = fmt::format(
        R"({{"Keys":[{}],"ProjectionExpression":"PK,VAL","ConsistentRead":{}}})",
        list,
        service_.settings().is_consistent
    );
    remote::Backoff backoff;
    while (!asked.empty()) {
      WHORL_TRY(
          const auto answer,
          service_.ask(
              caller, "BatchGetItem", fmt::format(R"({{"RequestItems":{{{}:{}}}}})", table_, asked)
          )
      );
      WHORL_TRY(const auto json, read_json(answer));
      if (const auto* items = remote::find_array(json, {"Responses", service_.settings().table})) {
        for (const boost::json::value& each : *items) {
          const auto key = remote::find_text(each, {"PK", "S"});
          WHORL_TRY(Value value, value_of(each));
          if (!key) {
            return unexpected();
          }
          bytes += key->size() + (value ? value->size() : 0) + sizeof(FoundPairs::value_type);
          if (bytes > kMaxAnswerBytes) {
            return too_long();
          }
          out.emplace_back(std::string(*key), std::move(value));
        }
      }
      const boost::json::value* left =
          remote::find_value(json, {"UnprocessedKeys", service_.settings().table});
      std::string rest = left == nullptr ? "" : boost::json::serialize(*left);
      if (rest.size() < asked.size()) {
        backoff = {};  // it goes on, if slowly
      }
      asked = std::move(rest);
      if (!asked.empty()) {
        WHORL_TRY(const bool again, backoff.wait(caller));
        if (!again) {
          return fail(ErrorKind::Overloaded, "DynamoDB is busy");
        }
      }
    }
  }
  return out;
}

Result<> DynamoStore::write_batch(Caller caller, std::string requests) {
  remote::Backoff backoff;
  std::string left = "[" + std::move(requests) + "]";
  while (true) {
    WHORL_TRY(
        const auto answer,
        service_.ask(
            caller, "BatchWriteItem", fmt::format(R"({{"RequestItems":{{{}:{}}}}})", table_, left)
        )
    );
    WHORL_TRY(const auto json, read_json(answer));
    const auto* unprocessed =
        remote::find_array(json, {"UnprocessedItems", service_.settings().table});
    if (unprocessed == nullptr || unprocessed->empty()) {
      return {};
    }
    std::string rest = boost::json::serialize(*unprocessed);
    if (rest.size() < left.size()) {
      backoff = {};  // it goes on, if slowly
    }
    left = std::move(rest);
    WHORL_TRY(const bool again, backoff.wait(caller));
    if (!again) {
      return fail(ErrorKind::Overloaded, "DynamoDB is busy");
    }
  }
}

Result<> DynamoStore::set_many(Caller caller, std::span<const PairView> pairs) {
  // The last value of a key counts; the guest's memory may change while others are written.
  std::map<std::string, Bytes> wanted;
  for (const auto& [key, value] : pairs) {
    WHORL_CHECKED(check(value));
    wanted.insert_or_assign(std::string(key), Bytes(value.begin(), value.end()));
  }
  for (auto at = wanted.begin(); at != wanted.end();) {
    std::string list;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < kWritesAtOnce && at != wanted.end() && bytes < kWriteBytesAtOnce;
         ++i, ++at) {
      bytes += at->second.size();
      list += fmt::format(
          R"({}{{"PutRequest":{{"Item":{}}}}})",
          list.empty() ? "" : ",",
          item(at->first, at->second)
      );
    }
    WHORL_CHECKED(write_batch(caller, std::move(list)));
  }
  return {};
}

Result<> DynamoStore::remove_many(Caller caller, std::span<const std::string_view> keys) {
  const std::set<std::string> wanted(keys.begin(), keys.end());
  for (auto at = wanted.begin(); at != wanted.end();) {
    std::string list;
    for (std::size_t i = 0; i < kWritesAtOnce && at != wanted.end(); ++i, ++at) {
      list += fmt::format(
          R"({}{{"DeleteRequest":{{"Key":{}}}}})", list.empty() ? "" : ",", key_json(*at)
      );
    }
    WHORL_CHECKED(write_batch(caller, std::move(list)));
  }
  return {};
}

Result<bool> DynamoStore::update(
    Caller caller, std::string_view key, const Value& expected, ByteView value
) {
  // `VER` is raised so that Spin's compare-and-swap notices, too.
  const std::string body = fmt::format(
      R"({{"TableName":{},"Key":{},"UpdateExpression":"SET #VAL = :new ADD #VER :one",)"
      R"("ConditionExpression":"{}","ExpressionAttributeNames":{{"#VAL":"VAL","#VER":"VER"}},)"
      R"("ExpressionAttributeValues":{{":new":{},":one":{{"N":"1"}}{}}}}})",
      table_,
      key_json(key),
      expected ? "#VAL = :old" : "attribute_not_exists (#VAL)",
      binary_json(value),
      expected ? R"(,":old":)" + binary_json(*expected) : std::string()
  );
  WHORL_TRY(const auto answer, service_.ask(caller, "UpdateItem", body, remote::Repeat::Never));
  return answer.is_success();
}

/// As in Spin a number is kept as the text of its digits.
Result<std::int64_t> DynamoStore::increment(
    Caller caller, std::string_view key_view, std::int64_t delta
) {
  const std::string key(key_view);
  remote::Backoff backoff;
  while (true) {
    WHORL_TRY(const Value found, read(caller, key, true));
    std::int64_t number = 0;
    if (found) {
      const std::string_view text = as_text(*found);
      const char* end = text.data() + text.size();
      const auto [at, code] = std::from_chars(text.data(), end, number);
      if (code != std::errc() || at != end) {
        return fail(ErrorKind::InvalidInput, "the value is no number in decimal digits");
      }
    }
    std::int64_t sum = 0;
    if (__builtin_add_overflow(number, delta, &sum)) {
      return fail(ErrorKind::InvalidInput, "the sum has no place in a number");
    }
    const std::string digits = fmt::to_string(sum);
    WHORL_TRY(const bool written, update(caller, key, found, as_bytes(digits)));
    if (written) {
      return sum;
    }
    WHORL_TRY(const bool again, backoff.wait(caller));
    if (!again) {
      return fail(ErrorKind::Overloaded, "the key is changed by too many at a time");
    }
  }
}

}  // namespace

Result<std::shared_ptr<Store>> make_dynamo_store(
    DynamoSettings settings, remote::ServiceClient& client, remote::Environment environment
) {
  const bool is_region =
      !settings.region.empty() && std::ranges::all_of(settings.region, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (!is_region) {
    return fail(ErrorKind::InvalidInput, "`region` is no region");
  }
  if (settings.keys && (!http::is_field_value(settings.keys->access_key) ||
                        (!settings.keys->session_token.empty() &&
                         !http::is_field_value(settings.keys->session_token)))) {
    return fail(ErrorKind::InvalidInput, "`access_key` or `token` cannot stand in a header");
  }
  WHORL_TRY(auto url, remote::aws_endpoint(environment, "dynamodb", settings.region));
  return std::shared_ptr<Store>(std::make_shared<DynamoStore>(
      std::move(settings), std::move(url), client, std::move(environment)
  ));
}

}  // namespace whorl::host::key_value
