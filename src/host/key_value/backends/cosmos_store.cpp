#include "host/key_value/backends/cosmos_store.hpp"

#include "app/json.hpp"
#include "base/base64.hpp"
#include "host/key_value/backends/cosmos_service.hpp"
#include "host/remote/answer_json.hpp"
#include "host/remote/backoff.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace whorl::host::key_value {
namespace {

using remote::ServiceAnswer;

/// A document has two megabytes at most, and a byte takes up to four of them.
constexpr std::size_t kMaxValueBytes = std::size_t{2} << 20;
/// Keys of one question.
constexpr std::size_t kKeysAtOnce = 256;
/// Answers that a listing may be spread over.
constexpr unsigned kMaxPages = 100'000;
/// Numbers are doubles there: beyond this they are no longer exact.
constexpr std::int64_t kMaxExact = std::int64_t{1} << 53U;

constexpr std::uint16_t kNotFound = 404;

/// Whether a document can have that id. In a path `.` and `..` would mean something else.
bool is_id(std::string_view key) {
  return !key.empty() && key != "." && key != ".." &&
         key.find_first_of("/\\?#") == std::string_view::npos;
}

Error illegal_key() {
  return fail(
      ErrorKind::InvalidInput,
      "Key contains an illegal character. Keys must not include any of: /\\?#; nor be empty, . or "
      ".."
  );
}

Error too_long() {
  return fail(ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes);
}

Error unexpected() {
  return fail(ErrorKind::Corrupt, "the document has another form than a key-value pair");
}

/// {"id":"…","value":[1,2,3]}
std::string document_of(std::string_view key, ByteView value) {
  std::string out = fmt::format(R"({{"id":{},"value":[)", app::json_string(key));
  out.reserve(out.size() + value.size() * 4 + 2);
  for (std::size_t i = 0; i < value.size(); ++i) {
    out += i == 0 ? "" : ",";
    fmt::format_to(std::back_inserter(out), "{}", value[i]);
  }
  return out + "]}";
}

std::string counter_of(std::string_view key, std::int64_t number) {
  return fmt::format(R"({{"id":{},"value":{}}})", app::json_string(key), number);
}

std::optional<std::int64_t> number_of(ByteView bytes) {
  std::int64_t number = 0;
  if (bytes.size() != sizeof number) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    number |= static_cast<std::int64_t>(std::uint64_t{bytes[i]} << (8 * i));
  }
  return number;
}

Bytes bytes_of(std::int64_t number) {
  Bytes out(sizeof number);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (8 * i));
  }
  return out;
}

/// A document as it was read.
struct Document {
  Bytes value{};
  bool is_counter = false;  ///< kept as a number, which `value` has in eight bytes
  std::string etag{};
};

Result<Document> read_document(const boost::json::value& json) {
  Document out;
  out.etag = remote::find_text(json, {"_etag"}).value_or("");
  const boost::json::value* value = remote::find_value(json, {"value"});
  if (value == nullptr) {
    return unexpected();
  }
  if (const std::int64_t* number = value->if_int64()) {
    out.value = bytes_of(*number);
    out.is_counter = true;
    return out;
  }
  const boost::json::array* items = value->if_array();
  if (items == nullptr) {
    return unexpected();
  }
  out.value.reserve(items->size());
  for (const boost::json::value& item : *items) {
    const std::int64_t* byte = item.if_int64();
    if (byte == nullptr || *byte < 0 || *byte > 255) {
      return unexpected();
    }
    out.value.push_back(static_cast<std::uint8_t>(*byte));
  }
  return out;
}

class CosmosStore final : public Store {
 public:
  std::string_view backend() const noexcept override { return "azure_cosmos"; }
  explicit CosmosStore(CosmosService service) : service_(std::move(service)) {}

  Result<Value> get(Caller caller, std::string_view key) override {
    WHORL_TRY(auto found, read(caller, key));
    return found ? Value(std::move(found->value)) : Value();
  }
  Result<> set(Caller caller, std::string_view key, ByteView value) override {
    WHORL_CHECKED(check(key, value));
    CosmosService::Question question = creation(key, document_of(key, value));
    question.fields.append("x-ms-documentdb-is-upsert", "True");
    WHORL_TRY(const auto answer, service_.ask(caller, question));
    return answer.is_success() ? Result<>() : missing_container();
  }
  Result<> remove(Caller caller, std::string_view key) override {
    if (!is_id(key)) {
      return {};
    }
    CosmosService::Question question{.method = "DELETE", .id = std::string(key)};
    question.fields.append("x-ms-documentdb-partitionkey", partition_key_field(key));
    WHORL_CHECKED(service_.ask(caller, question));
    return {};
  }
  Result<bool> exists(Caller caller, std::string_view key) override {
    WHORL_TRY(const auto found, read(caller, key));
    return found.has_value();
  }
  Result<std::vector<std::string>> keys(Caller caller) override {
    std::vector<std::string> out;
    std::uint64_t bytes = 0;
    WHORL_CHECKED(query(caller, R"({"query":"SELECT c.id FROM c"})", [&](const auto& document) {
      const auto id = remote::find_text(document, {"id"});
      bytes += id ? id->size() + sizeof(std::string) : 0;
      if (id && bytes <= kMaxAnswerBytes) {
        out.emplace_back(*id);
      }
      return bytes <= kMaxAnswerBytes ? Result<>() : too_long();
    }));
    return out;
  }

  Result<FoundPairs> get_many(Caller caller, std::span<const std::string_view> keys) override {
    // The guest's memory may change while the first ones are asked for.
    std::vector<std::string> questions;
    for (std::size_t at = 0; at < keys.size(); at += kKeysAtOnce) {
      questions.push_back(question_for(keys.subspan(at, std::min(kKeysAtOnce, keys.size() - at))));
    }
    FoundPairs out;
    std::uint64_t bytes = 0;
    for (const std::string& question : questions) {
      WHORL_CHECKED(query(caller, question, [&](const auto& document) -> Result<> {
        const auto id = remote::find_text(document, {"id"});
        WHORL_TRY(Document read, read_document(document));
        if (!id) {
          return unexpected();
        }
        bytes += id->size() + read.value.size() + sizeof(FoundPairs::value_type);
        if (bytes > kMaxAnswerBytes) {
          return too_long();
        }
        out.emplace_back(std::string(*id), std::move(read.value));
        return {};
      }));
    }
    return out;
  }
  Result<> set_many(Caller caller, std::span<const PairView> pairs) override {
    // The guest's memory may change while the first ones are written.
    std::vector<std::pair<std::string, Bytes>> copies;
    for (const auto& [key, value] : pairs) {
      WHORL_CHECKED(check(key, value));
      copies.emplace_back(key, Bytes(value.begin(), value.end()));
    }
    for (const auto& [key, value] : copies) {
      WHORL_CHECKED(set(caller, key, value));
    }
    return {};
  }
  Result<> remove_many(Caller caller, std::span<const std::string_view> keys) override {
    const std::vector<std::string> copies(keys.begin(), keys.end());
    for (const std::string& key : copies) {
      WHORL_CHECKED(remove(caller, key));
    }
    return {};
  }

  /// As in Spin a new counter is kept as a number; eight bytes that were set stay bytes.
  Result<std::int64_t> increment(Caller caller, std::string_view key_view, std::int64_t delta)
      override {
    const std::string key(key_view);
    WHORL_CHECKED(check(key, {}));
    remote::Backoff backoff;
    while (true) {
      WHORL_TRY(const auto found, read(caller, key));
      const auto number = found ? number_of(found->value) : 0;
      if (!number) {
        return fail(
            ErrorKind::InvalidInput, "the value has {} bytes; a number has 8", found->value.size()
        );
      }
      std::int64_t sum = 0;
      const bool is_bytes = found && !found->is_counter;
      if (__builtin_add_overflow(*number, delta, &sum) ||
          (!is_bytes && (sum > kMaxExact || sum < -kMaxExact))) {
        return fail(ErrorKind::InvalidInput, "the sum has no place in a number");
      }
      const std::string document =
          is_bytes ? document_of(key, bytes_of(sum)) : counter_of(key, sum);
      WHORL_TRY(const bool written, write_if_same(caller, key, found, document));
      if (written) {
        return sum;
      }
      WHORL_TRY(const bool again, backoff.wait(caller));
      if (!again) {
        return fail(ErrorKind::Overloaded, "the key is changed by too many at a time");
      }
    }
  }
  Result<bool> compare_and_set(
      Caller caller, std::string_view key_view, const Value& expected, ByteView value
  ) override {
    const std::string key(key_view);
    WHORL_CHECKED(check(key, value));
    const std::string document = document_of(key, value);
    WHORL_TRY(const auto found, read(caller, key));
    if (found.has_value() != expected.has_value() || (found && found->value != *expected)) {
      return false;
    }
    return write_if_same(caller, key, found, document);
  }

 private:
  static Result<> check(std::string_view key, ByteView value) {
    if (!is_id(key)) {
      return illegal_key();
    }
    if (value.size() > kMaxValueBytes) {
      return fail(ErrorKind::ResourceLimit, "the value is longer than Azure Cosmos keeps");
    }
    return {};
  }
  static Result<> missing_container() {
    return fail(ErrorKind::NotFound, "Azure Cosmos has no such database or container");
  }
  static CosmosService::Question creation(std::string_view key, std::string document) {
    CosmosService::Question question{.method = "POST", .body = std::move(document)};
    question.fields.append("content-type", "application/json");
    question.fields.append("x-ms-documentdb-partitionkey", partition_key_field(key));
    return question;
  }

  Result<std::optional<Document>> read(Caller caller, std::string_view key) {
    if (!is_id(key)) {
      return std::optional<Document>();
    }
    CosmosService::Question question{.method = "GET", .id = std::string(key)};
    question.fields.append("x-ms-documentdb-partitionkey", partition_key_field(key));
    WHORL_TRY(const auto answer, service_.ask(caller, question));
    if (answer.status == kNotFound) {
      return std::optional<Document>();
    }
    const auto json = remote::parse_answer_json(answer.body);
    if (!answer.is_success() || !json) {
      return unexpected();
    }
    WHORL_TRY(Document document, read_document(*json));
    return std::optional<Document>(std::move(document));
  }

  /// Writes a document if it still is the one that was found, or still is not there.
  Result<bool> write_if_same(
      Caller caller,
      std::string_view key,
      const std::optional<Document>& found,
      const std::string& document
  ) {
    CosmosService::Question question = creation(key, document);
    question.repeat = remote::Repeat::Never;
    if (found) {
      question.method = "PUT";
      question.id = std::string(key);
      question.fields.append("if-match", found->etag);
    }
    WHORL_TRY(const auto answer, service_.ask(caller, question));
    if (answer.is_success()) {
      return true;
    }
    if (!found && answer.status == kNotFound) {
      return missing_container().take_error();
    }
    return false;  // there already, changed, or gone meanwhile
  }

  static std::string question_for(std::span<const std::string_view> keys) {
    std::string names;
    std::string values;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const char* comma = i == 0 ? "" : ",";
      names += fmt::format("{}@k{}", comma, i);
      values +=
          fmt::format(R"({}{{"name":"@k{}","value":{}}})", comma, i, app::json_string(keys[i]));
    }
    return fmt::format(
        R"json({{"query":"SELECT * FROM c WHERE c.id IN ({})","parameters":[{}]}})json",
        names,
        values
    );
  }

  /// Asks for documents, page by page. @param take  (const boost::json::value&) -> Result<>
  template <class Take>
  Result<> query(Caller caller, const std::string& text, Take take) {
    std::string continuation;
    for (unsigned page = 0; page < kMaxPages; ++page) {
      CosmosService::Question question{.method = "POST", .body = text};
      question.fields.append("content-type", "application/query+json");
      question.fields.append("x-ms-documentdb-isquery", "True");
      question.fields.append("x-ms-documentdb-query-enablecrosspartition", "True");
      question.fields.append("x-ms-max-item-count", "1000");
      if (!continuation.empty()) {
        question.fields.append("x-ms-continuation", continuation);
      }
      WHORL_TRY(const auto answer, service_.ask(caller, question));
      if (answer.status == kNotFound) {
        return missing_container();
      }
      const auto json = remote::parse_answer_json(answer.body);
      const auto* documents = json ? remote::find_array(*json, {"Documents"}) : nullptr;
      if (!answer.is_success() || documents == nullptr) {
        return unexpected();
      }
      for (const boost::json::value& document : *documents) {
        WHORL_CHECKED(take(document));
      }
      continuation = answer.fields.find("x-ms-continuation").value_or("");
      if (continuation.empty()) {
        return {};
      }
    }
    return too_long();
  }

  CosmosService service_;
};

}  // namespace

Result<remote::ServiceUrl> cosmos_account(std::string_view account) {
  if (account.contains("://")) {
    return remote::parse_service_url(account);
  }
  const bool is_name = !account.empty() && std::ranges::all_of(account, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!is_name) {
    return fail(ErrorKind::InvalidInput, "neither the name of an account nor its URL");
  }
  return remote::parse_service_url(fmt::format("https://{}.documents.azure.com", account));
}

Result<std::shared_ptr<Store>> make_cosmos_store(
    CosmosSettings settings, remote::ServiceClient& client, remote::Environment environment
) {
  Bytes key;
  std::unique_ptr<remote::AzureIdentity> identity;
  if (settings.key) {
    auto decoded = from_base64(*settings.key);
    if (!decoded || decoded->empty()) {
      return fail(ErrorKind::InvalidInput, "`key` is no base64");
    }
    key = *std::move(decoded);
  } else {
    identity = std::make_unique<remote::AzureIdentity>(
        std::nullopt,
        fmt::format(
            "{}://{}/.default", settings.account.is_tls ? "https" : "http", settings.account.host()
        ),
        client,
        std::move(environment)
    );
  }
  return std::shared_ptr<Store>(std::make_shared<CosmosStore>(
      CosmosService(std::move(settings), std::move(key), std::move(identity), client)
  ));
}

}  // namespace whorl::host::key_value
