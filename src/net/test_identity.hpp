/// Certificates for tests.
#pragma once

#include <string>

namespace whorl::net::test {

struct TestIdentity {
  std::string certificate_file;
  std::string private_key_file;
};

/// Writes a certificate that vouches for itself, and its key, into a folder.
/// @param stem   of the files' names
/// @param names  "DNS:localhost,IP:127.0.0.1"
TestIdentity write_identity(
    const std::string& folder, const std::string& stem, const std::string& names
);

}  // namespace whorl::net::test
