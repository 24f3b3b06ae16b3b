/// ServiceUrl: where a service is, as an operator writes it. @thread any (a value)
#pragma once

#include "base/result.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::host::remote {

struct ServiceUrl {
  bool is_tls = false;
  std::string authority{};  ///< "host" or "host:port"
  std::string path{};       ///< "/base", without a slash at the end; may be empty

  /// "http://host:port", for messages to operators.
  [[nodiscard]] std::string origin() const;
  /// The host alone, lower case, without port and brackets.
  [[nodiscard]] std::string host() const;
};

/// Reads an http or https URL without user information, query or fragment.
/// @return errors: InvalidInput; nothing of the text is in the message, it might hold a secret
[[nodiscard]] Result<ServiceUrl> parse_service_url(std::string_view text);

/// Percent-encodes all but unreserved characters. @spec RFC 3986 §2.3
[[nodiscard]] std::string percent_encode(std::string_view text);
/// `a=b&c=d` for a form or a query, percent-encoded.
[[nodiscard]] std::string encode_form(
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields
);

}  // namespace whorl::host::remote
