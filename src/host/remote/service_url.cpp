#include "host/remote/service_url.hpp"

#include "http/client.hpp"
#include "http/download.hpp"

#include <fmt/format.h>

namespace whorl::host::remote {
namespace {

bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

std::string ServiceUrl::origin() const {
  return fmt::format("{}://{}", is_tls ? "https" : "http", authority);
}

std::string ServiceUrl::host() const {
  const auto to =
      http::parse_destination(is_tls ? http::Scheme::Https : http::Scheme::Http, authority);
  return to ? to->host : std::string();
}

Result<ServiceUrl> parse_service_url(std::string_view text) {
  auto parsed = http::parse_download_url(text);
  if (!parsed) {
    return fail(ErrorKind::InvalidInput, "not an http or https URL");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return fail(ErrorKind::InvalidInput, "a URL with query or fragment");
  }
  std::string path = std::move(parsed->path_and_query);
  while (path.ends_with('/')) {
    path.pop_back();
  }
  return ServiceUrl{
      .is_tls = parsed->is_tls, .authority = std::move(parsed->authority), .path = std::move(path)
  };
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string encode_form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields
) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out +=
        fmt::format("{}{}={}", out.empty() ? "" : "&", percent_encode(name), percent_encode(value));
  }
  return out;
}

}  // namespace whorl::host::remote
