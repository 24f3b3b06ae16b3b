#include "host/sqlite/backends/libsql_database.hpp"

#include "app/json.hpp"
#include "host/remote/answer_json.hpp"
#include "host/sqlite/backends/libsql_protocol.hpp"
#include "host/sqlite/backends/sql_text.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <utility>

namespace whorl::host::sqlite {
namespace {

constexpr std::string_view kLogTarget = "whorl::sqlite";
constexpr std::string_view kPath = "/v3/pipeline";
constexpr std::string_view kAutocommit = R"({"type":"get_autocommit"})";
constexpr std::string_view kClose = R"({"type":"close"})";
constexpr remote::ServiceLimits kLimits{
    .connect = std::chrono::seconds(10),
    .silence = std::chrono::seconds(40),
    .whole = std::chrono::seconds(120),
    .answer_bytes = kMaxAnswerBytes,
};

constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

/// What all connections to one database share.
struct Shared {
  LibsqlSettings settings;
  remote::ServiceClient& client;
};

class LibsqlConnection final : public Connection {
 public:
  std::string_view backend() const noexcept override { return "libsql"; }
  explicit LibsqlConnection(std::shared_ptr<const Shared> shared)
      : shared_(std::move(shared)), url_(shared_->settings.url) {}
  LibsqlConnection(const LibsqlConnection&) = delete;
  LibsqlConnection& operator=(const LibsqlConnection&) = delete;
  ~LibsqlConnection() override { close_stream(async::Shard::current()); }

  Result<QueryResult> execute(Caller caller, std::string_view sql, std::vector<Value> parameters)
      override {
    // The text may lie in memory that the guest changes while this waits.
    const Route route = route_of(sql);
    const bool is_change = changes_rows(sql);
    const bool is_in_stream = !baton_.empty() || route == Route::Session;
    std::string requests = execute_request(sql, parameters);
    requests += fmt::format(",{}", is_in_stream ? kAutocommit : kClose);
    auto request = make_request(requests);
    request.repeat =
        route == Route::Read && baton_.empty() ? remote::Repeat::Safe : remote::Repeat::Never;
    const bool had_stream = !std::exchange(baton_, {}).empty();
    auto sent = shared_->client.send(caller, std::move(request), kLimits);
    if (!sent) {
      return trouble(sent.take_error(), had_stream);
    }
    if (!sent->is_success()) {
      return refused(*sent, had_stream);
    }
    auto answer = read_pipeline(sent->body);
    if (!answer) {
      return trouble(answer.take_error(), had_stream);
    }
    keep_stream(caller, *answer);
    if (!answer->failure.empty()) {
      return fail(
          ErrorKind::InvalidInput,
          "{}",
          remote::without_secret(answer->failure, shared_->settings.token)
      );
    }
    if (is_change) {
      changes_ = answer->changed_rows;
      rowid_ = answer->last_insert_rowid.value_or(rowid_);
    }
    return std::move(answer->result);
  }
  std::int64_t last_insert_rowid() const noexcept override { return rowid_; }
  std::uint64_t changes() const noexcept override { return changes_; }

 private:
  remote::ServiceRequest make_request(std::string_view requests) const {
    auto request = remote::ServiceRequest::to(url_, kPath);
    if (const std::string& token = shared_->settings.token; !token.empty()) {
      request.fields.append("authorization", "Bearer " + token);
    }
    request.fields.append("content-type", "application/json");
    request.body = pipeline_body(baton_, requests);
    return request;
  }

  /// Goes on with the stream while it is in a transaction, and closes it when it is not.
  void keep_stream(Caller caller, const PipelineAnswer& answer) {
    baton_ = answer.baton;
    if (!answer.base_url.empty()) {
      auto moved = remote::parse_service_url(answer.base_url);
      // The token does not go from an encrypted connection to a plain one.
      if (moved && (moved->is_tls || !shared_->settings.url.is_tls)) {
        url_ = *std::move(moved);
      }
    }
    if (answer.is_autocommit) {
      close_stream(&caller.shard);
    }
  }
  /// Without waiting: the server ends abandoned streams by itself, only later.
  void close_stream(async::Shard* shard) {
    if (!baton_.empty() && shard != nullptr) {
      shared_->client.tell(*shard, make_request(kClose));
    }
    baton_.clear();
    url_ = shared_->settings.url;
  }

  Error refused(const remote::ServiceAnswer& answer, bool had_stream) const {
    const auto json = remote::parse_answer_json(answer.body);
    const auto said = json ? remote::find_text(*json, {"error"}) : std::nullopt;
    const auto message = json && !said ? remote::find_text(*json, {"message"}) : said;
    return trouble(
        fail(
            ErrorKind::Unavailable,
            "the database answered with status {}{}{}",
            answer.status,
            message ? ": " : "",
            remote::without_secret(message.value_or(""), shared_->settings.token)
        ),
        had_stream
    );
  }
  static Error trouble(Error error, bool had_stream) {
    if (error.kind() == ErrorKind::Cancelled) {
      return error;
    }
    log::log_limited(
        trouble_reports, log::Level::Warn, kLogTarget, "libSQL database: {}", error.to_line()
    );
    return had_stream ? Error(error.kind(), error.message() + "; the transaction is rolled back")
                      : std::move(error);
  }

  std::shared_ptr<const Shared> shared_;
  remote::ServiceUrl url_;
  std::string baton_;  ///< of a stream that is open
  std::int64_t rowid_ = 0;
  std::uint64_t changes_ = 0;
};

class LibsqlDatabase final : public Database {
 public:
  std::string_view backend() const noexcept override { return "libsql"; }
  explicit LibsqlDatabase(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Connection> open() override {
    return std::make_shared<LibsqlConnection>(shared_);
  }

 private:
  std::shared_ptr<const Shared> shared_;
};

}  // namespace

Result<std::shared_ptr<Database>> make_libsql_database(
    LibsqlSettings settings, remote::ServiceClient& client
) {
  if (!settings.token.empty() && !http::is_field_value(settings.token)) {
    return fail(ErrorKind::InvalidInput, "`token` cannot stand in a header");
  }
  return std::shared_ptr<Database>(std::make_shared<LibsqlDatabase>(
      std::make_shared<const Shared>(Shared{std::move(settings), client})
  ));
}

Result<> run_libsql_script(
    const LibsqlSettings& settings,
    remote::ServiceClient& client,
    Caller caller,
    std::string_view statements
) {
  auto request = remote::ServiceRequest::to(settings.url, kPath);
  if (!settings.token.empty()) {
    request.fields.append("authorization", "Bearer " + settings.token);
  }
  request.fields.append("content-type", "application/json");
  request.repeat = remote::Repeat::Never;
  request.body = pipeline_body(
      "", fmt::format(R"({{"type":"sequence","sql":{}}},{})", app::json_string(statements), kClose)
  );
  WHORL_TRY(const auto sent, client.send(caller, std::move(request), kLimits));
  if (!sent.is_success()) {
    return fail(ErrorKind::Unavailable, "the database answered with status {}", sent.status);
  }
  WHORL_TRY(const auto answer, read_pipeline(sent.body));
  if (!answer.failure.empty()) {
    return fail(
        ErrorKind::InvalidInput, "{}", remote::without_secret(answer.failure, settings.token)
    );
  }
  return {};
}

}  // namespace whorl::host::sqlite
