/// Where to listen. @thread any (values)
#pragma once

#include <cstdint>
#include <string>

namespace whorl::cli {

/// A numeric socket address; names were resolved.
struct ListenAddress {
  std::string ip = "127.0.0.1";  ///< without brackets
  std::uint16_t port = 3000;     ///< 0: any free port

  /// "127.0.0.1:3000", "[::1]:3000".
  [[nodiscard]] std::string to_text() const;
};

/// One thing to listen on.
struct ListenTarget {
  ListenAddress address;
  /// The name `localhost` was given: both of its addresses, if the system has them.
  bool is_localhost = false;
  std::string unix_path{};  ///< instead of an address; empty: it is one
};

}  // namespace whorl::cli
