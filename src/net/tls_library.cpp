#include "net/tls_library.hpp"

#include <dlfcn.h>
#include <fmt/core.h>
#include <openssl/opensslv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

// tls_trampolines.S
extern "C" {
[[gnu::visibility("hidden")]] extern void* whorl_tls_slots[];
[[gnu::visibility("hidden")]] extern void* whorl_tls_slots_end[];  ///< of their last page
[[gnu::visibility("hidden")]] void whorl_tls_first_call() noexcept;
}

namespace whorl::net {
namespace {

#define WHORL_TLS_TEXT_OF(number) #number
#define WHORL_TLS_TEXT(number) WHORL_TLS_TEXT_OF(number)
// The library's own name for what its headers describe: client libraries that are loaded later ask
// for the same, and get the same copy (docs/adr/0058).
constexpr const char* kLibrary = "libssl.so." WHORL_TLS_TEXT(OPENSSL_SHLIB_VERSION);

// Names in the order of their slots, each with a zero behind it. One text: pointers would be
// relocated at the start.
#define WHORL_TLS_FUNCTION(name) #name "\0"
constexpr char kNames[] =
#include "net/tls_functions.inc"
    ;
#undef WHORL_TLS_FUNCTION

/// Never unloaded: connections and the library's own work at the end of the process need it.
Result<> load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorKind::Unavailable, "OpenSSL cannot be loaded: {}", ::dlerror())
        .with_help("install OpenSSL 3 (Debian package libssl3)");
  }
  // All or none: a slot is filled only when there is something for each.
  std::vector<void*> found;
  for (std::size_t at = 0; at < sizeof kNames - 1;) {
    const char* name = kNames + at;
    found.push_back(::dlsym(library, name));
    if (found.back() == nullptr) {
      return fail(ErrorKind::Unavailable, "{} has no function {}", kLibrary, name)
          .with_help("install the version that Whorl was built for, " OPENSSL_VERSION_TEXT);
    }
    at += std::string_view(name).size() + 1;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    // Other threads may be about to go through it.
    std::atomic_ref(whorl_tls_slots[i]).store(found[i], std::memory_order_release);
  }
  // A kernel that has no mapping left for it refuses; slots that can be written are no error yet.
  auto* from = reinterpret_cast<std::byte*>(whorl_tls_slots);
  const auto* to = reinterpret_cast<const std::byte*>(whorl_tls_slots_end);
  static_cast<void>(::mprotect(from, static_cast<std::size_t>(to - from), PROT_READ));
  return {};
}

}  // namespace

Result<> load_tls_library() {
  static const Result<> loaded = load();
  if (!loaded) {
    return loaded.error().clone();
  }
  return {};
}

}  // namespace whorl::net

void whorl_tls_first_call() noexcept {
  if (const auto loaded = whorl::net::load_tls_library(); !loaded) {
    fmt::print(stderr, "Error: {}\n", loaded.error().to_line());
    std::abort();
  }
}
