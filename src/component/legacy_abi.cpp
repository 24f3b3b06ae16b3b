#include "component/legacy_abi.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

namespace whorl::component {
namespace {

constexpr std::string_view kConfig = "fermyon:spin/config";
constexpr std::string_view kHttp = "fermyon:spin/http";
constexpr std::string_view kKeyValue = "fermyon:spin/key-value";
constexpr std::string_view kLlm = "fermyon:spin/llm";
constexpr std::string_view kMysql = "fermyon:spin/mysql";
constexpr std::string_view kPostgres = "fermyon:spin/postgres";
constexpr std::string_view kRedis = "fermyon:spin/redis";
constexpr std::string_view kSqlite = "fermyon:spin/sqlite";

/// @spec the modules of 2022 and 2023 themselves
constexpr std::array kImports = {
    LegacyName{"key-value", "close", kKeyValue, "close"},
    LegacyName{"key-value", "delete", kKeyValue, "delete"},
    LegacyName{"key-value", "exists", kKeyValue, "exists"},
    LegacyName{"key-value", "get", kKeyValue, "get"},
    LegacyName{"key-value", "get-keys", kKeyValue, "get-keys"},
    LegacyName{"key-value", "open", kKeyValue, "open"},
    LegacyName{"key-value", "set", kKeyValue, "set"},
    LegacyName{"llm", "generate-embeddings", kLlm, "generate-embeddings"},
    LegacyName{"llm", "infer", kLlm, "infer"},
    LegacyName{"outbound-mysql", "execute", kMysql, "execute"},
    LegacyName{"outbound-mysql", "query", kMysql, "query"},
    LegacyName{"outbound-pg", "execute", kPostgres, "execute"},
    LegacyName{"outbound-pg", "query", kPostgres, "query"},
    LegacyName{"outbound-redis", "del", kRedis, "del"},
    LegacyName{"outbound-redis", "execute", kRedis, "execute"},
    LegacyName{"outbound-redis", "get", kRedis, "get"},
    LegacyName{"outbound-redis", "incr", kRedis, "incr"},
    LegacyName{"outbound-redis", "publish", kRedis, "publish"},
    LegacyName{"outbound-redis", "sadd", kRedis, "sadd"},
    LegacyName{"outbound-redis", "set", kRedis, "set"},
    LegacyName{"outbound-redis", "smembers", kRedis, "smembers"},
    LegacyName{"outbound-redis", "srem", kRedis, "srem"},
    LegacyName{"spin-config", "get-config", kConfig, "get-config"},
    LegacyName{"sqlite", "close", kSqlite, "close"},
    LegacyName{"sqlite", "execute", kSqlite, "execute"},
    LegacyName{"sqlite", "open", kSqlite, "open"},
    LegacyName{"wasi-outbound-http", "request", kHttp, "send-request"},
};

constexpr std::array kExports = {
    LegacyName{{}, "handle-http-request", "fermyon:spin/inbound-http", "handle-request"},
    LegacyName{{}, "handle-redis-message", "fermyon:spin/inbound-redis", "handle-message"},
};

/// What a result holds when all is well: only its size and alignment matter where it never is.
enum class Ok : std::uint8_t { None, List, Number, TwoLists, Inference, Embeddings };
enum class Err : std::uint8_t { Plain, Database, Model };

struct LegacyShape {
  std::string_view interface;
  std::string_view function;
  std::string_view params;  ///< i: a number of 32 bits; f: a float
  Ok ok;
  Err error;
};

constexpr std::array kShapes = {
    LegacyShape{kRedis, "publish", "iiiiii", Ok::None, Err::Plain},
    LegacyShape{kRedis, "get", "iiii", Ok::List, Err::Plain},
    LegacyShape{kRedis, "set", "iiiiii", Ok::None, Err::Plain},
    LegacyShape{kRedis, "incr", "iiii", Ok::Number, Err::Plain},
    LegacyShape{kRedis, "del", "iiii", Ok::Number, Err::Plain},
    LegacyShape{kRedis, "sadd", "iiiiii", Ok::Number, Err::Plain},
    LegacyShape{kRedis, "smembers", "iiii", Ok::List, Err::Plain},
    LegacyShape{kRedis, "srem", "iiiiii", Ok::Number, Err::Plain},
    LegacyShape{kRedis, "execute", "iiiiii", Ok::List, Err::Plain},
    LegacyShape{kPostgres, "query", "iiiiii", Ok::TwoLists, Err::Database},
    LegacyShape{kPostgres, "execute", "iiiiii", Ok::Number, Err::Database},
    LegacyShape{kMysql, "query", "iiiiii", Ok::TwoLists, Err::Database},
    LegacyShape{kMysql, "execute", "iiiiii", Ok::None, Err::Database},
    LegacyShape{kLlm, "infer", "iiiiiififif", Ok::Inference, Err::Model},
    LegacyShape{kLlm, "generate-embeddings", "iiii", Ok::Embeddings, Err::Model},
};

TypeRef of_kind(TypeKind kind) {
  auto out = std::make_shared<Type>();
  out->kind = kind;
  return out;
}
TypeRef list_of_bytes() {
  auto out = std::make_shared<Type>();
  out->kind = TypeKind::List;
  out->element = of_kind(TypeKind::U8);
  return out;
}
TypeRef with_members(TypeKind kind, std::vector<Member> members) {
  auto out = std::make_shared<Type>();
  out->kind = kind;
  out->members = std::move(members);
  return out;
}
TypeRef with_texts(
    std::initializer_list<const char*> plain, std::initializer_list<const char*> texts
) {
  std::vector<Member> cases;
  for (const char* const name : plain) {
    cases.push_back({name, nullptr});
  }
  for (const char* const name : texts) {
    cases.push_back({name, of_kind(TypeKind::String)});
  }
  return with_members(TypeKind::Variant, std::move(cases));
}

TypeRef ok_type(Ok ok) {
  const auto usage = [](std::size_t count) {
    std::vector<Member> counts;
    for (std::size_t i = 0; i < count; ++i) {
      counts.push_back({"n" + std::to_string(i), of_kind(TypeKind::U32)});
    }
    return with_members(TypeKind::Record, std::move(counts));
  };
  switch (ok) {
    case Ok::None:
      return nullptr;
    case Ok::List:
      return list_of_bytes();
    case Ok::Number:
      return of_kind(TypeKind::U64);
    case Ok::TwoLists:
      return with_members(TypeKind::Record, {{"a", list_of_bytes()}, {"b", list_of_bytes()}});
    case Ok::Inference:
      return with_members(TypeKind::Record, {{"a", list_of_bytes()}, {"b", usage(2)}});
    case Ok::Embeddings:
      return with_members(TypeKind::Record, {{"a", list_of_bytes()}, {"b", usage(1)}});
  }
  return nullptr;
}

TypeRef error_type(Err error) {
  switch (error) {
    case Err::Plain:
      return with_members(TypeKind::Enum, {{"success", nullptr}, {"error", nullptr}});
    case Err::Database:
      return with_texts(
          {"success"},
          {"connection-failed",
           "bad-parameter",
           "query-failed",
           "value-conversion-failed",
           "other-error"}
      );
    case Err::Model:
      return with_texts({"model-not-supported"}, {"runtime-error", "invalid-input"});
  }
  return nullptr;
}

}  // namespace

const LegacyName* find_legacy_import(std::string_view module, std::string_view name) noexcept {
  const auto found = std::ranges::find_if(kImports, [&](const LegacyName& known) {
    return known.module == module && known.name == name;
  });
  return found == kImports.end() ? nullptr : &*found;
}

const LegacyName* find_legacy_export(std::string_view name) noexcept {
  const auto found = std::ranges::find(kExports, name, &LegacyName::name);
  return found == kExports.end() ? nullptr : &*found;
}

std::shared_ptr<const FuncShape> legacy_shape(const LegacyName& import) {
  const auto found = std::ranges::find_if(kShapes, [&](const LegacyShape& known) {
    return known.interface == import.interface && known.function == import.function;
  });
  if (found == kShapes.end()) {
    return nullptr;
  }
  auto out = std::make_shared<FuncShape>();
  for (const char code : found->params) {
    out->params.push_back(
        {"p" + std::to_string(out->params.size()),
         of_kind(code == 'f' ? TypeKind::F32 : TypeKind::U32)}
    );
  }
  auto result = std::make_shared<Type>();
  result->kind = TypeKind::Result;
  result->element = ok_type(found->ok);
  result->other = error_type(found->error);
  out->result = std::move(result);
  return out;
}

}  // namespace whorl::component
