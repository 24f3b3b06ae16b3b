/// InstanceContext: what the WASI hosts of one instance know of the world.
#pragma once

#include "http/allowed_hosts.hpp"
#include "http/outbound.hpp"
#include "wasi/blocking_work.hpp"
#include "wasi/files/directory.hpp"
#include "wasi/input_source.hpp"
#include "wasi/network_access.hpp"
#include "wasi/output_sink.hpp"
#include "wasi/timers.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::wasi {

/// Name and value.
using EnvironmentVariable = std::pair<std::string, std::string>;

/// A directory granted to a guest.
struct Preopen {
  std::string guest_path;  ///< what the guest calls it: "/", "/data"
  std::shared_ptr<const files::Directory> directory;
};

/// Filled by the runtime before an instance is created. Everything borrowed outlives the instance.
/// @thread shard
struct InstanceContext {
  Timers& timers;
  OutputSink& standard_output;
  OutputSink& standard_error;
  /// The component's own variables; nothing of the host's environment.
  std::span<const EnvironmentVariable> environment;
  /// Of a command: its name first. A service has none.
  std::span<const std::string> arguments = {};
  /// Null: ended from the start.
  InputSource* standard_input = nullptr;
  std::span<const Preopen> preopens = {};
  /// For calls that block long; null: they are made on the shard.
  BlockingWork* blocking = nullptr;
  /// Where its HTTP requests start; null: none is granted.
  http::Outbound* outbound = nullptr;
  /// Its component's id, by which the operator may have given it TLS settings of its own.
  std::string_view component_id = {};
  /// For its sockets; null: it can make none.
  NetworkAccess* network = nullptr;
  /// What it may connect to; null: nothing.
  const http::AllowedHosts* allowed_hosts = nullptr;
};

}  // namespace whorl::wasi
