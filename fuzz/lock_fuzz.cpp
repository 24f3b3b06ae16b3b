// Lock files come with images and from other programs: no text may crash or hang us, and what was
// read is written so that it is read again as the same.

#include "app/allowed_hosts.hpp"
#include "app/http_trigger.hpp"
#include "app/lock_file.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl;  // NOLINT(google-build-using-namespace): a program of one function
  auto app = app::read_lock(as_text({data, size}));
  if (!app) {
    WHORL_CHECK(!app.error().message().empty(), "every error says something");
    return 0;
  }
  const std::string written = app::write_lock(*app);
  auto again = app::read_lock(written);
  WHORL_CHECK(again.has_value(), "what was written is read", written);
  WHORL_CHECK(app::write_lock(*again) == written, "reading and writing change nothing", written);
  static_cast<void>(app::check_http_globals(*app));
  static_cast<void>(app::http_triggers(*app));
  for (const app::Component& component : app->components) {
    static_cast<void>(app::check_allowed_hosts(component.allowed_outbound_hosts, {}));
  }
  return 0;
}
