#include "host/remote/signing.hpp"

#include "base/base64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace whorl::host::remote {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

constexpr std::size_t kSha256Block = 64;  ///< bytes that it works on at once

/// "20150830T123600Z"
std::string basic_time(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format(
      "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
      static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()),
      clock.hours().count(),
      clock.minutes().count(),
      clock.seconds().count()
  );
}

}  // namespace

Sha256Digest hmac_sha256(ByteView key, std::string_view text) {
  std::array<std::uint8_t, kSha256Block> inner{};
  if (key.size() > inner.size()) {
    std::ranges::copy(sha256(key), inner.begin());
  } else {
    std::ranges::copy(key, inner.begin());
  }
  auto outer = inner;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    inner[i] ^= 0x36;
    outer[i] ^= 0x5c;
  }
  const Sha256Digest digest = Sha256().update(inner).update(as_bytes(text)).finish();
  return Sha256().update(outer).update(digest).finish();
}

std::string cosmos_key_authorization(
    ByteView key, const CosmosSubject& subject, std::string_view date
) {
  const std::string text = fmt::format(
      "{}\n{}\n{}\n{}\n\n", lower(subject.method), lower(subject.type), subject.link, lower(date)
  );
  const Sha256Digest signature = hmac_sha256(key, text);
  return percent_encode(fmt::format("type=master&ver=1.0&sig={}", to_base64(signature)));
}

std::string cosmos_token_authorization(std::string_view token) {
  return percent_encode(fmt::format("type=aad&ver=1.0&sig={}", token));
}

void sign_for_aws(
    ServiceRequest& request, const AwsKeys& keys, const AwsTarget& target, std::int64_t seconds
) {
  const std::string time = basic_time(seconds);
  const std::string day = time.substr(0, 8);
  request.fields.append("x-amz-date", time);
  if (!keys.session_token.empty()) {
    request.fields.append("x-amz-security-token", keys.session_token);
  }
  std::map<std::string, std::string> signed_fields{{"host", request.authority}};
  for (const http::Field& field : request.fields.lines()) {
    signed_fields.emplace(lower(field.name), field.value);
  }
  std::string names;
  std::string canonical = fmt::format("{}\n{}\n\n", request.method, request.path_and_query);
  for (const auto& [name, value] : signed_fields) {
    canonical += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += fmt::format("\n{}\n{}", names, to_hex(sha256(as_bytes(request.body))));
  const std::string scope =
      fmt::format("{}/{}/{}/aws4_request", day, target.region, target.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, to_hex(sha256(as_bytes(canonical))));
  Sha256Digest key = hmac_sha256(as_bytes("AWS4" + keys.secret_key), day);
  key = hmac_sha256(key, target.region);
  key = hmac_sha256(key, target.service);
  key = hmac_sha256(key, "aws4_request");
  request.fields.append(
      "authorization",
      fmt::format(
          "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
          keys.access_key,
          scope,
          names,
          to_hex(hmac_sha256(key, to_sign))
      )
  );
}

}  // namespace whorl::host::remote
