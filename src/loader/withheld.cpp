#include "loader/withheld.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace whorl::loader {
namespace {

struct Gate {
  std::string_view grant;
  std::string_view interface;
};

/// Spin's sets, in every version of an interface, and what shares their resources.
constexpr std::array kGates = {
    Gate{"ai_models", "fermyon:spin/llm"},
    Gate{"allowed_outbound_hosts", "fermyon:spin/http"},
    Gate{"allowed_outbound_hosts", "fermyon:spin/mqtt"},
    Gate{"allowed_outbound_hosts", "fermyon:spin/mysql"},
    Gate{"allowed_outbound_hosts", "fermyon:spin/postgres"},
    Gate{"allowed_outbound_hosts", "fermyon:spin/redis"},
    Gate{"allowed_outbound_hosts", "spin:mqtt/mqtt"},
    Gate{"allowed_outbound_hosts", "spin:mysql/mysql"},
    Gate{"allowed_outbound_hosts", "spin:postgres/postgres"},
    Gate{"allowed_outbound_hosts", "spin:redis/redis"},
    Gate{"allowed_outbound_hosts", "wasi:http/client"},
    Gate{"allowed_outbound_hosts", "wasi:http/outgoing-handler"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/ip-name-lookup"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/tcp"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/tcp-create-socket"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/types"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/udp"},
    Gate{"allowed_outbound_hosts", "wasi:sockets/udp-create-socket"},
    Gate{"environment", "wasi:cli/environment"},
    Gate{"files", "wasi:filesystem/preopens"},
    Gate{"key_value_stores", "fermyon:spin/key-value"},
    Gate{"key_value_stores", "spin:key-value/key-value"},
    Gate{"key_value_stores", "wasi:keyvalue/atomics"},
    Gate{"key_value_stores", "wasi:keyvalue/batch"},
    Gate{"key_value_stores", "wasi:keyvalue/store"},
    Gate{"sqlite_databases", "fermyon:spin/sqlite"},
    Gate{"sqlite_databases", "spin:sqlite/sqlite"},
    Gate{"variables", "fermyon:spin/config"},
    Gate{"variables", "fermyon:spin/variables"},
    Gate{"variables", "spin:variables/variables"},
    Gate{"variables", "wasi:config/store"},
};

}  // namespace

std::vector<std::string> withheld_interfaces(const app::Inherit& inherit) {
  std::vector<std::string> out;
  if (inherit.kind == app::Inherit::Kind::All) {
    return out;
  }
  for (const Gate& gate : kGates) {
    const bool inherited = inherit.kind == app::Inherit::Kind::Some &&
                           std::ranges::find(inherit.grants, gate.grant) != inherit.grants.end();
    if (!inherited) {
      out.emplace_back(gate.interface);
    }
  }
  return out;
}

}  // namespace whorl::loader
