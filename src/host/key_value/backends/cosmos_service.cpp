#include "host/key_value/backends/cosmos_service.hpp"

#include "host/remote/backoff.hpp"
#include "host/remote/signing.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"
#include "wire/http1/response.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <utility>

namespace whorl::host::key_value {
namespace {

constexpr std::string_view kLogTarget = "whorl::key_value";
constexpr std::string_view kVersion = "2018-12-31";
constexpr remote::ServiceLimits kLimits{
    .connect = std::chrono::seconds(10),
    .silence = std::chrono::seconds(15),
    .whole = std::chrono::seconds(30),
    // Four megabytes are the most that the service puts into one answer.
    .answer_bytes = std::size_t{16} << 20,
};
constexpr std::uint16_t kUnauthorized = 401;

constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

std::string now_text() {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch()
  )
                       .count();
  const auto text = wire::http1::format_date(now);
  return {text.data(), text.size()};
}

/// Answers that mean something to an operation.
bool is_known(const remote::ServiceAnswer& answer) {
  return answer.is_success() || answer.status == 404 || answer.status == 409 ||
         answer.status == 412;
}

/// Too many requests; "retry with" (a conflict inside the service). Neither has had an effect.
bool is_busy(std::uint16_t status) {
  return status == 429 || status == 449;
}

std::optional<std::chrono::milliseconds> asked_delay(const http::Fields& fields) {
  const auto text = fields.find("x-ms-retry-after-ms");
  std::uint32_t delay = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), delay).ec != std::errc()) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(delay);
}

/// Tells the operator; the message is fit for guests already.
Error unreachable(Error error) {
  if (error.kind() != ErrorKind::Cancelled) {
    log::log_limited(
        trouble_reports, log::Level::Warn, kLogTarget, "Azure Cosmos: {}", error.to_line()
    );
  }
  return error;
}

/// For the operator all that is known; for the guest, what its call came to.
Error refused(const remote::ServiceAnswer& answer, std::string_view secret) {
  log::log_limited(
      trouble_reports,
      log::Level::Warn,
      kLogTarget,
      "Azure Cosmos answered with status {}: {}",
      answer.status,
      remote::without_secret(answer.body, secret)
  );
  const bool is_denied = answer.status == 401 || answer.status == 403;
  return fail(
      is_denied ? ErrorKind::Unauthenticated : ErrorKind::Unavailable,
      "Azure Cosmos answered with status {}",
      answer.status
  );
}

}  // namespace

std::string partition_key_field(std::string_view id) {
  std::string out = "[\"";
  for (std::size_t at = 0; at < id.size();) {
    const auto lead = static_cast<unsigned char>(id[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length && at + i < id.size(); ++i) {
      point = (point << 6U) | (static_cast<unsigned char>(id[at + i]) & 0x3fU);
    }
    at += length;
    if (point >= 0x10000) {
      point -= 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (point >> 10U), 0xdc00 + (point & 0x3ffU));
    } else if (point < 0x20 || point > 0x7e || point == '"' || point == '\\') {
      out += fmt::format("\\u{:04x}", point);
    } else {
      out += static_cast<char>(point);
    }
  }
  return out + "\"]";
}

CosmosService::CosmosService(
    CosmosSettings settings,
    Bytes key,
    std::unique_ptr<remote::AzureIdentity> identity,
    remote::ServiceClient& client
)
    : settings_(std::move(settings)),
      key_(std::move(key)),
      client_(client),
      identity_(std::move(identity)) {}

Result<remote::ServiceRequest> CosmosService::make(Caller caller, const Question& question) {
  const std::string link = fmt::format("dbs/{}/colls/{}", settings_.database, settings_.container);
  const std::string document = question.id ? fmt::format("{}/docs/{}", link, *question.id) : link;
  auto request = remote::ServiceRequest::to(
      settings_.account,
      fmt::format(
          "/dbs/{}/colls/{}/docs{}{}",
          remote::percent_encode(settings_.database),
          remote::percent_encode(settings_.container),
          question.id ? "/" : "",
          question.id ? remote::percent_encode(*question.id) : ""
      )
  );
  request.method = question.method;
  request.body = question.body;
  request.repeat = question.repeat;
  request.fields = question.fields;
  const std::string date = now_text();
  request.fields.append("x-ms-date", date);
  request.fields.append("x-ms-version", std::string(kVersion));
  request.fields.append("accept", "application/json");
  if (identity_ != nullptr) {
    WHORL_TRY(const auto token, identity_->token(caller));
    request.fields.append("authorization", remote::cosmos_token_authorization(*token));
  } else {
    const remote::CosmosSubject subject{
        .method = question.method, .type = "docs", .link = document
    };
    request.fields.append("authorization", remote::cosmos_key_authorization(key_, subject, date));
  }
  return request;
}

Result<remote::ServiceAnswer> CosmosService::ask(Caller caller, const Question& question) {
  remote::Backoff backoff;
  bool is_second_token = identity_ == nullptr;
  while (true) {
    auto request = make(caller, question);
    if (!request) {
      return unreachable(request.take_error());
    }
    auto answer = client_.send(caller, *std::move(request), kLimits);
    if (!answer) {
      return unreachable(answer.take_error());
    }
    if (is_known(*answer)) {
      return answer;
    }
    if (answer->status == kUnauthorized && !is_second_token) {
      is_second_token = true;
      identity_->forget(caller);
      continue;
    }
    if (is_busy(answer->status)) {
      WHORL_TRY(const bool again, backoff.wait(caller, asked_delay(answer->fields)));
      if (again) {
        continue;
      }
    }
    return refused(*answer, settings_.key.value_or(""));
  }
}

}  // namespace whorl::host::key_value
