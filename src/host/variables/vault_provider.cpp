#include "host/variables/vault_provider.hpp"

#include "app/json.hpp"
#include "http/download.hpp"
#include "log/log.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace whorl::host::variables {
namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;
constexpr std::uint16_t kNotFound = 404;

/// Keeps an answer, up to a limit.
class Answer final : public http::DownloadSink {
 public:
  [[nodiscard]] Result<void> expect(std::uint64_t bytes) override {
    return bytes <= kMaxAnswerBytes ? Result<void>() : too_long();
  }
  [[nodiscard]] Result<void> write(ByteView part) override {
    if (text.size() + part.size() > kMaxAnswerBytes) {
      return too_long();
    }
    text += as_text(part);
    return {};
  }

  std::string text;

 private:
  [[nodiscard]] static Error too_long() {
    return fail(ErrorKind::ResourceLimit, "the answer is longer than {} bytes", kMaxAnswerBytes);
  }
};

std::string_view without_slashes(std::string_view text) {
  while (text.starts_with('/')) {
    text.remove_prefix(1);
  }
  while (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  return text;
}

/// The reason is the operator's; addresses are none of the guest's business.
Error provider_failed(std::string_view name, const Error& why) {
  log::warn(
      "whorl::variables", "Vault cannot be asked for the variable `{}`: {}", name, why.to_line()
  );
  return fail(ErrorKind::Unavailable, "the variables provider could not be asked");
}

}  // namespace

Result<std::string> parse_vault_answer(std::string_view json) {
  const auto answer = app::parse_json(json, kMaxAnswerBytes);
  const app::Value* outer = answer ? answer->find("data") : nullptr;
  const app::Value* data = outer == nullptr ? nullptr : outer->find("data");
  const app::Value* value = data == nullptr ? nullptr : data->find("value");
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  if (text == nullptr) {
    return fail(ErrorKind::InvalidInput, "the secret has no text in its field `value`");
  }
  return *text;
}

Result<std::optional<std::string>> VaultProvider::find(std::string_view name) const {
  const std::string_view prefix = without_slashes(settings_.prefix);
  std::string_view base = settings_.url;
  base.remove_suffix(base.ends_with('/') ? 1 : 0);
  std::uint16_t status = 0;
  http::DownloadOptions options;
  options.connect = std::chrono::seconds(5);
  options.silence = std::chrono::seconds(10);
  options.whole = std::chrono::seconds(20);
  // The token must not follow to another host.
  options.redirects = 0;
  options.fields.append("x-vault-token", settings_.token);
  options.status = &status;
  Answer answer;
  const auto fetched = http::download(
      fmt::format(
          "{}/v1/{}/data/{}{}{}",
          base,
          without_slashes(settings_.mount),
          prefix,
          prefix.empty() ? "" : "/",
          name
      ),
      answer,
      options
  );
  if (status == kNotFound) {
    return std::optional<std::string>();
  }
  if (!fetched) {
    return provider_failed(name, fetched.error());
  }
  auto value = parse_vault_answer(answer.text);
  if (!value) {
    return provider_failed(name, value.error());
  }
  return std::optional<std::string>(*std::move(value));
}

}  // namespace whorl::host::variables
