/// The flags about clients: TLS, limits, time-outs, the end. @thread the main thread
#pragma once

#include "cli/edge_settings.hpp"
#include "cli/flag_reader.hpp"

namespace whorl::cli {

/// Reads them, and what the environment says instead; errors stay in the reader.
void read_edge_flags(FlagReader& reader, EdgeSettings& out);
/// Those of them that are limits; read_edge_flags() reads them, too.
void read_edge_limits(FlagReader& reader, EdgeSettings& out);

}  // namespace whorl::cli
