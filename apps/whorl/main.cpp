// The program: signals and wiring are here, everything else is in the rooms.
#include "app_runner.hpp"

#include "cli/cli.hpp"
#include "engine/fault_watch.hpp"
#include "log/line_writer.hpp"
#include "log/log.hpp"

#include <sys/prctl.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  // Pages of a guest must not become shared behind our back (engine.md K3).
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  whorl::engine::FaultWatch::prepare();
  whorl::log::configure_from_environment();
  whorl::WhorlRunner runner;
  const int code = whorl::cli::main(argc, argv, runner);
  whorl::log::finish_lines();
  if (runner.has_abandoned_work()) {
    std::fflush(nullptr);
    std::_Exit(code);
  }
  return code;
}
