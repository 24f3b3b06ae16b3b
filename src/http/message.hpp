/// The neutral request and response: what server, client and every guest ABI meet in.
///
/// @spec RFC 9110 §6 (messages), §5 (fields). @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/body.hpp"
#include "http/fields.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {

enum class Scheme : std::uint8_t { Http, Https };

struct Request {
  std::string method = "GET";  ///< any token, case kept
  Scheme scheme = Scheme::Http;
  std::string authority;             ///< Host field or the target's authority; may be empty
  std::string path_and_query = "/";  ///< as received, nothing decoded
  Fields fields;
  /// Never null once handed to a handler; an absent body is one that has finished.
  LocalPtr<BodyPipe> body;
  std::string client_address;  ///< "ip:port"
  /// How it came; a text that lives for ever.
  std::string_view protocol = "HTTP/1.1";
};

struct Response {
  std::uint16_t status = 200;
  Fields fields;
  /// Never null once responded with.
  LocalPtr<BodyPipe> body;
};

}  // namespace whorl::http
