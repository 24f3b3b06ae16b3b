// Calls of OpenSSL by way of the trampolines. Cases of one program share the library once it is
// loaded: the first here is the first of the program that needs it.
#include "net/tls_library.hpp"

#include "net/socket_bio.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <barrier>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

// Where the trampolines find the functions (tls_trampolines.S).
extern "C" [[gnu::visibility("hidden")]] void* whorl_tls_slots[];

namespace whorl::net {
namespace {

/// What the process may do with memory at an address, as in "rw-p"; empty where nothing is.
std::string rights_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    const char* end = line.data() + line.size();
    const char* dash = std::from_chars(line.data(), end, from, 16).ptr;
    const char* space = std::from_chars(dash + 1, end, to, 16).ptr;
    if (wanted >= from && wanted < to) {
      return {space + 1, 4};
    }
  }
  return {};
}

using SslContext = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

TEST_CASE("the first calls of many threads at once find the library, each with its own arguments") {
  constexpr int kThreads = 8;
  std::barrier together(kThreads);
  std::vector<std::string> reasons(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&together, &reason = reasons[static_cast<std::size_t>(i)], i] {
        together.arrive_and_wait();
        reason =
            X509_verify_cert_error_string(i % 2 == 0 ? X509_V_OK : X509_V_ERR_CERT_HAS_EXPIRED);
      });
    }
  }
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    CHECK(reasons[i] == (i % 2 == 0 ? "ok" : "certificate has expired"));
  }
  CHECK(load_tls_library());
}

TEST_CASE("nobody can write to where functions are found") {
  REQUIRE(load_tls_library());
  CHECK(rights_at(whorl_tls_slots) == "r--p");
}

TEST_CASE("a function of either library, and one whose address is taken") {
  const SslContext context(SSL_CTX_new(TLS_client_method()));
  REQUIRE(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_get_min_proto_version(context.get()) == TLS1_3_VERSION);
  unsigned long (*const next_error)() = ERR_get_error;
  CHECK(next_error() == 0);
}

}  // namespace
}  // namespace whorl::net
