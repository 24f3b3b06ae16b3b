#include "host/key_value/backends/sqlite_operations.hpp"

#include <bit>
#include <cstring>
#include <utility>

namespace whorl::host::key_value {
namespace {

using Query = StoreConnection::Query;

// In the order of Query. The layout is Spin's.
constexpr std::array<const char*, StoreConnection::kQueries> kTexts{
    "SELECT value FROM spin_key_value WHERE store=?1 AND key=?2",
    "SELECT 1 FROM spin_key_value WHERE store=?1 AND key=?2",
    "SELECT key FROM spin_key_value WHERE store=?1",
    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) "
    "ON CONFLICT(store, key) DO UPDATE SET value=excluded.value",
    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) "
    "ON CONFLICT(store, key) DO NOTHING",
    "UPDATE spin_key_value SET value=?3 WHERE store=?1 AND key=?2 AND value=?4",
    "DELETE FROM spin_key_value WHERE store=?1 AND key=?2",
};

/// Adds up what an answer holds.
class AnswerSize {
 public:
  [[nodiscard]] Result<> add(std::uint64_t bytes) {
    // What a list has for each element counts too: empty keys are not free.
    total_ += bytes + kPerElement;
    if (total_ > kMaxAnswerBytes) {
      return fail(
          ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes
      );
    }
    return {};
  }

 private:
  static constexpr std::uint64_t kPerElement = 16;
  std::uint64_t total_ = 0;
};

Bytes to_bytes(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A statement with store and key bound; reset at the end of the scope.
class KeyQuery {
 public:
  static Result<KeyQuery> make(
      StoreConnection& connection, Query query, const std::string& label, std::string_view key
  ) {
    WHORL_TRY(db::Statement * statement, connection.statement(query));
    KeyQuery made(statement);
    WHORL_CHECKED(statement->bind(1, std::string_view(label)));
    WHORL_CHECKED(statement->bind(2, key));
    return made;
  }
  KeyQuery(KeyQuery&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  KeyQuery& operator=(KeyQuery&&) = delete;
  ~KeyQuery() {
    if (statement_ != nullptr) {
      statement_->reset();
    }
  }
  db::Statement* operator->() const noexcept { return statement_; }

 private:
  explicit KeyQuery(db::Statement* statement) noexcept : statement_(statement) {}
  db::Statement* statement_;
};

Result<Value> find(StoreConnection& connection, const std::string& label, std::string_view key) {
  WHORL_TRY(const KeyQuery query, KeyQuery::make(connection, Query::Get, label, key));
  WHORL_TRY(const bool is_there, query->step());
  if (!is_there) {
    return Value();
  }
  const ByteView bytes = query->bytes(0);
  AnswerSize size;
  WHORL_CHECKED(size.add(bytes.size()));
  return Value(to_bytes(bytes));
}

Result<> put(
    StoreConnection& connection, const std::string& label, std::string_view key, ByteView value
) {
  WHORL_TRY(const KeyQuery query, KeyQuery::make(connection, Query::Set, label, key));
  WHORL_CHECKED(query->bind(3, value));
  WHORL_CHECKED(query->step());
  return {};
}

class Get final : public OperationOf<Value> {
 public:
  Get(std::string label, std::string_view key) : OperationOf(std::move(label)), key_(key) {}
  Result<Value> carry_out(StoreConnection& connection) override {
    return find(connection, label(), key_);
  }

 private:
  std::string key_;
};

class Exists final : public OperationOf<bool> {
 public:
  Exists(std::string label, std::string_view key) : OperationOf(std::move(label)), key_(key) {}
  Result<bool> carry_out(StoreConnection& connection) override {
    WHORL_TRY(const KeyQuery query, KeyQuery::make(connection, Query::Exists, label(), key_));
    return query->step();
  }

 private:
  std::string key_;
};

class Keys final : public OperationOf<std::vector<std::string>> {
 public:
  using OperationOf::OperationOf;
  Result<std::vector<std::string>> carry_out(StoreConnection& connection) override {
    WHORL_TRY(db::Statement * statement, connection.statement(Query::Keys));
    const db::Run run(*statement);
    WHORL_CHECKED(statement->bind(1, std::string_view(label())));
    std::vector<std::string> keys;
    AnswerSize size;
    while (true) {
      WHORL_TRY(const bool has_row, statement->step());
      if (!has_row) {
        return keys;
      }
      const std::string_view key = statement->text(0);
      WHORL_CHECKED(size.add(key.size()));
      keys.emplace_back(key);
    }
  }
};

class GetMany final : public OperationOf<FoundPairs> {
 public:
  GetMany(std::string label, std::span<const std::string_view> keys)
      : OperationOf(std::move(label)), keys_(keys.begin(), keys.end()) {}
  Result<FoundPairs> carry_out(StoreConnection& connection) override {
    FoundPairs found;
    AnswerSize size;
    for (std::string& key : keys_) {
      WHORL_TRY(auto value, find(connection, label(), key));
      if (value) {
        WHORL_CHECKED(size.add(key.size() + value->size()));
        found.emplace_back(std::move(key), std::move(value));
      }
    }
    return found;
  }

 private:
  std::vector<std::string> keys_;
};

class SetMany final : public OperationOf<void> {
 public:
  SetMany(std::string label, std::span<const PairView> pairs) : OperationOf(std::move(label)) {
    pairs_.reserve(pairs.size());
    for (const auto& [key, value] : pairs) {
      pairs_.emplace_back(key, to_bytes(value));
    }
  }
  [[nodiscard]] bool is_compound() const noexcept override { return pairs_.size() > 1; }
  Result<> carry_out(StoreConnection& connection) override {
    for (const auto& [key, value] : pairs_) {
      WHORL_CHECKED(put(connection, label(), key, value));
    }
    return {};
  }

 private:
  std::vector<std::pair<std::string, Bytes>> pairs_;
};

class RemoveMany final : public OperationOf<void> {
 public:
  RemoveMany(std::string label, std::span<const std::string_view> keys)
      : OperationOf(std::move(label)), keys_(keys.begin(), keys.end()) {}
  [[nodiscard]] bool is_compound() const noexcept override { return keys_.size() > 1; }
  Result<> carry_out(StoreConnection& connection) override {
    for (const std::string& key : keys_) {
      WHORL_TRY(const KeyQuery query, KeyQuery::make(connection, Query::Remove, label(), key));
      WHORL_CHECKED(query->step());
    }
    return {};
  }

 private:
  std::vector<std::string> keys_;
};

class Increment final : public OperationOf<std::int64_t> {
 public:
  Increment(std::string label, std::string_view key, std::int64_t delta)
      : OperationOf(std::move(label)), key_(key), delta_(delta) {}
  Result<std::int64_t> carry_out(StoreConnection& connection) override {
    static_assert(std::endian::native == std::endian::little);
    WHORL_TRY(const Value before, find(connection, label(), key_));
    std::int64_t number = 0;
    if (before) {
      if (before->size() != sizeof number) {
        return fail(
            ErrorKind::InvalidInput,
            "the value has {} bytes; a number has {}",
            before->size(),
            sizeof number
        );
      }
      std::memcpy(&number, before->data(), sizeof number);
    }
    if (__builtin_add_overflow(number, delta_, &number)) {
      return fail(ErrorKind::InvalidInput, "the sum does not fit into 64 bits");
    }
    Bytes bytes(sizeof number);
    std::memcpy(bytes.data(), &number, sizeof number);
    WHORL_CHECKED(put(connection, label(), key_, bytes));
    return number;
  }

 private:
  std::string key_;
  std::int64_t delta_;
};

class CompareAndSet final : public OperationOf<bool> {
 public:
  CompareAndSet(std::string label, std::string_view key, Value expected, ByteView value)
      : OperationOf(std::move(label)),
        key_(key),
        expected_(std::move(expected)),
        value_(to_bytes(value)) {}
  Result<bool> carry_out(StoreConnection& connection) override {
    WHORL_TRY(
        const KeyQuery query,
        KeyQuery::make(connection, expected_ ? Query::Update : Query::Insert, label(), key_)
    );
    WHORL_CHECKED(query->bind(3, ByteView(value_)));
    if (expected_) {
      WHORL_CHECKED(query->bind(4, ByteView(*expected_)));
    }
    WHORL_CHECKED(query->step());
    return connection.connection().changes() == 1;
  }

 private:
  std::string key_;
  Value expected_;
  Bytes value_;
};

}  // namespace

Result<db::Statement*> StoreConnection::statement(Query query) {
  auto& statement = statements_[static_cast<std::size_t>(query)];
  if (!statement) {
    WHORL_TRY(statement, connection_.prepare(kTexts[static_cast<std::size_t>(query)]));
  }
  return &*statement;
}

Made<Value> make_get(std::string label, std::string_view key) {
  return std::make_shared<Get>(std::move(label), key);
}

Made<bool> make_exists(std::string label, std::string_view key) {
  return std::make_shared<Exists>(std::move(label), key);
}

Made<std::vector<std::string>> make_keys(std::string label) {
  return std::make_shared<Keys>(std::move(label));
}

Made<FoundPairs> make_get_many(std::string label, std::span<const std::string_view> keys) {
  return std::make_shared<GetMany>(std::move(label), keys);
}

Made<void> make_set_many(std::string label, std::span<const PairView> pairs) {
  return std::make_shared<SetMany>(std::move(label), pairs);
}

Made<void> make_remove_many(std::string label, std::span<const std::string_view> keys) {
  return std::make_shared<RemoveMany>(std::move(label), keys);
}

Made<std::int64_t> make_increment(std::string label, std::string_view key, std::int64_t delta) {
  return std::make_shared<Increment>(std::move(label), key, delta);
}

Made<bool> make_compare_and_set(
    std::string label, std::string_view key, const Value& expected, ByteView value
) {
  return std::make_shared<CompareAndSet>(std::move(label), key, expected, value);
}

}  // namespace whorl::host::key_value
