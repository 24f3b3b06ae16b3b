#include "host/key_value/backends/dynamo_service.hpp"

#include "host/remote/answer_json.hpp"
#include "host/remote/backoff.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace whorl::host::key_value {
namespace {

constexpr std::string_view kLogTarget = "whorl::key_value";
constexpr remote::ServiceLimits kLimits{
    .connect = std::chrono::seconds(10),
    .silence = std::chrono::seconds(15),
    .whole = std::chrono::seconds(30),
    // Sixteen megabytes of items are the most that the service puts into one answer.
    .answer_bytes = std::size_t{32} << 20,
};
constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

/// How an answer is to be taken.
enum class Verdict : std::uint8_t { Good, ConditionFailed, Busy, BadKeys, Refused };

/// What stands behind the last '#' of an error's type.
std::string_view type_of(std::string_view text) {
  const auto hash = text.rfind('#');
  return hash == std::string_view::npos ? text : text.substr(hash + 1);
}

Verdict judge(const remote::ServiceAnswer& answer, std::string_view type) {
  if (answer.is_success()) {
    return Verdict::Good;
  }
  if (type == "ConditionalCheckFailedException") {
    return Verdict::ConditionFailed;
  }
  constexpr std::array<std::string_view, 4> kBusy{
      "ProvisionedThroughputExceededException",
      "ThrottlingException",
      "RequestLimitExceeded",
      "TransactionConflictException",
  };
  if (std::ranges::find(kBusy, type) != kBusy.end() || answer.status == 429) {
    return Verdict::Busy;
  }
  const bool is_expired = type == "ExpiredTokenException" || type == "UnrecognizedClientException";
  return is_expired ? Verdict::BadKeys : Verdict::Refused;
}

DynamoService::Complaint read_complaint(std::string_view body) {
  DynamoService::Complaint out;
  const auto json = remote::parse_answer_json(body);
  if (json) {
    out.type = type_of(remote::find_text(*json, {"__type"}).value_or(""));
    const auto message = remote::find_text(*json, {"message"});
    out.message = message ? *message : remote::find_text(*json, {"Message"}).value_or("");
  }
  return out;
}

}  // namespace

DynamoService::DynamoService(
    DynamoSettings settings,
    remote::ServiceUrl url,
    remote::ServiceClient& client,
    remote::Environment environment
)
    : settings_(std::move(settings)),
      url_(std::move(url)),
      client_(client),
      credentials_(settings_.keys, settings_.region, client, std::move(environment)) {}

Error DynamoService::unreachable(Error error) {
  if (error.kind() != ErrorKind::Cancelled) {
    log::log_limited(
        trouble_reports, log::Level::Warn, kLogTarget, "DynamoDB: {}", error.to_line()
    );
  }
  return error;
}

Error DynamoService::refused(
    const remote::ServiceAnswer& answer, const Complaint& complaint, const remote::AwsKeys& keys
) {
  // A signature that does not fit is explained with everything that was signed, the token included.
  std::string said = complaint.message;
  for (std::size_t at = 0; !keys.session_token.empty() &&
                           (at = said.find(keys.session_token, at)) != std::string::npos;) {
    said.replace(at, keys.session_token.size(), "***");
  }
  log::log_limited(
      trouble_reports,
      log::Level::Warn,
      kLogTarget,
      "DynamoDB answered with status {} {}: {}",
      answer.status,
      remote::without_secret(complaint.type, ""),
      remote::without_secret(said, keys.secret_key)
  );
  return fail(
      ErrorKind::Unavailable,
      "DynamoDB answered with status {}{}{}",
      answer.status,
      complaint.type.empty() ? "" : " ",
      remote::without_secret(complaint.type, "")
  );
}

Result<remote::ServiceAnswer> DynamoService::ask(
    Caller caller, std::string_view operation, std::string body, remote::Repeat repeat
) {
  remote::Backoff backoff;
  bool is_second_key = settings_.keys.has_value();
  while (true) {
    auto keys = credentials_.keys(caller);
    if (!keys) {
      return unreachable(keys.take_error());
    }
    auto request = remote::ServiceRequest::to(url_, "/");
    request.body = body;
    request.repeat = repeat;
    request.fields.append("content-type", "application/x-amz-json-1.0");
    request.fields.append("x-amz-target", fmt::format("DynamoDB_20120810.{}", operation));
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch()
    )
                         .count();
    remote::sign_for_aws(request, **keys, {.region = settings_.region, .service = "dynamodb"}, now);
    auto answer = client_.send(caller, std::move(request), kLimits);
    if (!answer) {
      return unreachable(answer.take_error());
    }
    const Complaint complaint = answer->is_success() ? Complaint() : read_complaint(answer->body);
    switch (judge(*answer, complaint.type)) {
      case Verdict::Good:
      case Verdict::ConditionFailed:
        return answer;
      case Verdict::BadKeys:
        if (!is_second_key) {
          is_second_key = true;
          credentials_.forget(caller);
          continue;
        }
        return refused(*answer, complaint, **keys);
      case Verdict::Busy: {
        WHORL_TRY(const bool again, backoff.wait(caller));
        if (again) {
          continue;
        }
        return refused(*answer, complaint, **keys);
      }
      case Verdict::Refused:
        return refused(*answer, complaint, **keys);
    }
  }
}

}  // namespace whorl::host::key_value
