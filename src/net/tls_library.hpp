/// The machine's OpenSSL, which is loaded by the first who needs it and not at the program's start:
/// the loader would look for thousands of names, of its own most of them, before main() begins
/// (docs/adr/0062).
///
/// The room calls OpenSSL's functions by their names; tls_functions.inc lists them, and each leads
/// into the library by way of tls_trampolines.S. @thread any
#pragma once

#include "base/result.hpp"

namespace whorl::net {

/// Has the library loaded. Whatever begins with TLS calls it first, so that a machine without the
/// library gets an Error; a call that comes without it loads the library, too, or ends the process
/// with the same text. Takes 1 to 2 ms the first time, and nothing later.
/// @return Unavailable, with what the loader says
[[nodiscard]] Result<> load_tls_library();

}  // namespace whorl::net
