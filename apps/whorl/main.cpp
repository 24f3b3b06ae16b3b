// The program: signals and wiring are here, everything else is in the rooms.
#include "app_runner.hpp"

#include "cli/cli.hpp"
#include "log/log.hpp"

#include <sys/prctl.h>

int main(int argc, char** argv) {
  // Pages of a guest must not become shared behind our back (engine.md K3).
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  whorl::log::configure_from_environment();
  whorl::WhorlRunner runner;
  return whorl::cli::main(argc, argv, runner);
}
