#include "host/llm/backends/remote_models.hpp"

#include "app/json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace whorl::host::llm {
namespace {

constexpr std::chrono::milliseconds kConnectTime{10'000};

}  // namespace

Result<> ModelService::check() const {
  if (!http::is_field_value("bearer " + settings_.auth_token)) {
    return fail(ErrorKind::InvalidInput, "Failed to create authorization header");
  }
  return {};
}

Result<remote::ServiceAnswer> ModelService::post(
    Caller caller, std::string_view path, std::string body
) const {
  remote::ServiceUrl root = settings_.url;
  root.path.clear();
  auto request = remote::ServiceRequest::to(root, path);
  request.fields.append("authorization", "bearer " + settings_.auth_token);
  request.fields.append("content-type", "application/json");
  request.fields.append("accept", "application/json");
  request.body = std::move(body);
  const remote::ServiceLimits limits{
      .connect = std::min(kConnectTime, settings_.timeout),
      .silence = settings_.timeout,
      .whole = settings_.timeout,
      .answer_bytes = kMaxAnswerBytes,
  };
  auto answer = client_.send(caller, std::move(request), limits);
  if (!answer) {
    const Error& why = answer.error();
    if (why.kind() == ErrorKind::ResourceLimit) {
      return answer;
    }
    return fail(
        why.kind() == ErrorKind::Cancelled ? why.kind() : ErrorKind::Unavailable,
        "POST {} request error: {}",
        path,
        why.message()
    );
  }
  return answer;
}

Error ModelService::unusable(std::string_view path, const remote::ServiceAnswer& answer) {
  if (!answer.is_success()) {
    return fail(
        ErrorKind::Unavailable,
        "POST {} request error: the service answered with status {}",
        path,
        answer.status
    );
  }
  return fail(ErrorKind::Unavailable, "Failed to deserialize response for \"POST {}\"", path);
}

std::string json_number(float number) {
  if (!std::isfinite(number)) {
    return "null";
  }
  std::string text = fmt::format("{}", number);
  if (text.find_first_not_of("-0123456789") == std::string::npos) {
    text += ".0";
  }
  return text;
}

std::string json_array(std::span<const std::string_view> texts) {
  std::string out = "[";
  for (const std::string_view text : texts) {
    out += out.size() > 1 ? "," : "";
    out += app::json_string(text);
  }
  out += ']';
  return out;
}

std::optional<std::vector<float>> read_vector(const boost::json::value* value) {
  const boost::json::array* items = value == nullptr ? nullptr : value->if_array();
  if (items == nullptr) {
    return std::nullopt;
  }
  std::vector<float> out;
  out.reserve(items->size());
  for (const boost::json::value& item : *items) {
    if (const double* real = item.if_double()) {
      out.push_back(static_cast<float>(*real));
    } else if (const std::int64_t* whole = item.if_int64()) {
      out.push_back(static_cast<float>(*whole));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace whorl::host::llm
